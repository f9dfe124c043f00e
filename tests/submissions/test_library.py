"""The library's functions take files, bytes and tables, and give tables; the examples of their docstrings run."""

import doctest
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from submissions import check, encode, read_ledger, read_submission, score
from submissions.ledger import Sent, append
from submissions.past_scores import import_scores
from tests.submissions.cases import of_pixels

MASKS = {"1000834164244036115": of_pixels((0, 0), (1, 0)), "1002653297254493116": of_pixels()}
TEXT = "record_id,encoded_pixels\n" + "".join(f"{each},{encode(mask)}\n" for each, mask in MASKS.items())


@pytest.mark.parametrize("name", ["rle", "gate", "scoring"])
def test_the_examples_run(name: str) -> None:
    result = doctest.testmod(import_module(f"submissions.{name}"))
    assert result.attempted and not result.failed


def test_a_file_its_path_and_its_bytes_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(TEXT)
    for file in (path, str(path), TEXT.encode()):
        assert check(file, list(MASKS)).accepted
        assert read_submission(file).ids == tuple(MASKS)
        assert score(file, MASKS).dice.value == 1


def test_a_table_is_checked_as_the_csv_that_it_writes() -> None:
    pandas = pytest.importorskip("pandas")
    rows = {"record_id": list(MASKS), "encoded_pixels": map(encode, MASKS.values())}
    assert check(pandas.DataFrame(rows), list(MASKS)).accepted
    empty = pandas.DataFrame({"record_id": [float(each) for each in MASKS], "encoded_pixels": ["1 2", np.nan]})
    faults = check(empty, list(MASKS)).to_frame()
    assert list(faults["line"]) == [2, 3, 3, pandas.NA]
    assert faults["what"].str.contains("float").sum() == 2 and faults["what"].str.contains("empty cell").any()


def test_a_score_is_a_table_of_its_records() -> None:
    pytest.importorskip("pandas")
    found = score(TEXT.encode(), {**MASKS, "1002653297254493116": of_pixels((3, 3))}, {"1000834164244036115": "a"})
    frame = found.to_frame().set_index("record_id")
    assert frame.loc["1000834164244036115"].to_dict() == {"group": "a", "tp": 2, "predicted": 2, "truth": 2, "dice": 1}
    assert frame.loc["1002653297254493116", ["tp", "predicted", "truth", "dice"]].tolist() == [0, 0, 1, 0]
    assert frame[["tp", "predicted", "truth"]].to_numpy().tolist() == found.per_record.tolist()


def test_the_ledger_is_a_table_of_its_entries(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    nothing = read_ledger(tmp_path / "none.jsonl").to_frame()
    append(tmp_path / "l.jsonl", Sent(name="a", local=0.6, interval=(0.5, 0.7)), public=0.61)
    frame = read_ledger(tmp_path / "l.jsonl").to_frame()
    assert (len(nothing), list(nothing.columns)) == (0, list(frame.columns))
    assert frame.loc[0, ["name", "low", "high", "public"]].tolist() == ["a", 0.5, 0.7, 0.61]
    other = tmp_path / "other.jsonl"
    assert len(import_scores(other, frame[["name", "local", "low", "high", "public"]])) == 1
    assert read_ledger(other).entries[0].sent.interval == (0.5, 0.7)
    with pytest.raises(Exception, match="data in memory: needs a column name"):
        import_scores(other, pandas.DataFrame({"note": ["x"]}))


def test_a_record_without_truth_or_with_one_of_another_shape_is_named() -> None:
    with pytest.raises(Exception, match="record 1002653297254493116 has no truth"):
        score(TEXT.encode(), {"1000834164244036115": of_pixels()})
    with pytest.raises(Exception, match=r"record 1000834164244036115: truth of shape \(2, 2\)"):
        score(TEXT.encode(), dict.fromkeys(MASKS, np.zeros((2, 2), bool)))

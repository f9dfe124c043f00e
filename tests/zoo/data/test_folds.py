"""folds.csv: the suite's own, a user's, and every one that would leak or mislead."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.command import Command
from core.errors import UserError
from tests.flips import flipped
from tests.heard import Heard
from zoo.data import Assignment, Folds, read_folds, save_folds, write_folds
from zoo.data.folds import signed_folds

ROWS = (
    Assignment("1000216489776414077", 0, "g", "data", "train", 12, "metadata"),
    Assignment("195731008142151", 0, "g", "data", "train", 0),
    Assignment("positive_013", 1, "positive_013", "ash", "train", None),
)


@given(st.permutations(ROWS))
def test_the_order_of_rows_does_not_count(rows):
    assert Folds(tuple(rows)) == Folds(ROWS)
    assert Folds(tuple(rows)).sha256 == Folds(ROWS).sha256


def test_what_is_written_is_read(tmp_path):
    folds = Folds(ROWS)
    write_folds(tmp_path / "a.csv", folds)
    assert read_folds(tmp_path / "a.csv") == folds
    assert (tmp_path / "a.csv").read_text().splitlines()[:2] == [
        "record_id,fold,group,source,split,positives,grouped_by,digest",
        "1000216489776414077,0,g,data,train,12,metadata,x9859a2d4bee7",
    ]


def test_each_flipped_bit_of_a_file_is_refused_or_changes_nothing(tmp_path):
    path, folds = tmp_path / "a.csv", Folds(ROWS)
    write_folds(path, folds)
    whole = path.read_bytes()
    for torn in flipped(whole, range(8 * len(whole))):
        path.write_bytes(torn)
        try:
            assert read_folds(path) == folds
        except UserError as error:
            assert "a.csv" in error.what


def test_an_edited_row_names_its_line_and_the_command_that_signs_it(tmp_path):
    path = tmp_path / "a.csv"
    write_folds(path, Folds(ROWS))
    path.write_text(path.read_text().replace(",g,", ",h,"))
    with pytest.raises(UserError, match=r"a.csv: line 2 has been changed since it was written; if on purpose") as error:
        read_folds(path)
    assert str(error.value.do) == f"cli sign {path}"
    path.write_text(signed_folds(path.read_text()))
    assert "h" in read_folds(path).group_of.values()


def test_a_misspelt_column_is_not_dropped(tmp_path):
    (tmp_path / "a.csv").write_text("record_id,fold,groop\n1,0,a\n2,1,b\n")
    with pytest.raises(UserError, match='a.csv: has a column "groop"; did you mean "group"'):
        read_folds(tmp_path / "a.csv")


def test_a_file_from_before_a_column_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("record_id,fold,group,source,split,positives\na,0,g,data,train,1\nb,1,,,,\n")
    folds = read_folds(tmp_path / "a.csv")
    assert folds.rows == (Assignment("a", 0, "g", "data", "train", 1), Assignment("b", 1))
    folds.require_grouped()  # nothing is known of it: not refused


SPOILT = {
    "dot0": lambda name: f"{name}.0",
    "rounded": lambda name: str(int(float(name))),
    "apostrophe": lambda name: f"'{name}",
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_ids_that_a_float_or_a_spreadsheet_changed_are_named(spoil):
    ids = ["1000216489776414077", "1000603527582775543"]
    folds = Folds(tuple(Assignment(spoil(name), fold) for fold, name in enumerate(ids)))
    with pytest.raises(UserError, match=r"2 labelled records are in no fold: folds\.csv holds .* for 1000") as caught:
        folds.require(ids)
    assert spoil(ids[0]) in caught.value.what or spoil(ids[1]) in caught.value.what
    assert caught.value.do is None  # never to overwrite the user's file


def test_folds_with_unknown_scene_groups_say_how_to_mend_them():
    rows = [Assignment(f"{number}", number % 2, grouped_by="unknown" if number else "pixels") for number in range(8)]
    folds = Folds(tuple(rows))
    assert folds.ungrouped == ("1", "2", "3", "4", "5", "6", "7")
    with pytest.raises(UserError, match=r"of 7 records \(1, 2, 3, 4, 5, \.\.\.\) is unknown.*or remove them") as caught:
        folds.require_grouped()
    assert caught.value.do == Command("data folds", force=True)


def test_the_same_folds_are_the_same_bytes(tmp_path):
    write_folds(tmp_path / "a.csv", Folds(ROWS))
    write_folds(tmp_path / "b.csv", Folds(ROWS[::-1]))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


@given(st.permutations(ROWS))
def test_a_table_and_back_are_the_same_folds(rows):
    folds = Folds(tuple(rows))
    frame = folds.to_frame()
    assert frame.columns.tolist() == ["record_id", "fold", "group", "source", "split", "positives", "grouped_by"]
    assert Folds.from_frame(frame) == folds
    # pandas makes floats of whole numbers beside missing ones.
    assert Folds.from_frame(frame.astype({"positives": float})) == folds


def test_a_table_needs_two_columns_and_whole_ids():
    import pandas as pd

    folds = Folds.from_frame(pd.DataFrame({"record_id": [1000216489776414077, 2], "fold": [0, 1]}))
    assert folds.fold_of == {"1000216489776414077": 0, "2": 1}
    with pytest.raises(UserError, match="rounded by a spreadsheet"):
        Folds.from_frame(pd.DataFrame({"record_id": [1000216489776414077.0, 2.0], "fold": [0, 1]}))
    with pytest.raises(UserError, match="not integers"):
        Folds.from_frame(pd.DataFrame({"record_id": ["a", "b"], "fold": [0.5, 1]}))
    with pytest.raises(UserError, match="has no column fold"):
        Folds.from_frame(pd.DataFrame({"record_id": ["a", "b"]}))


def test_another_split_is_replaced_by_force_alone_and_kept(tmp_path):
    path, heard = tmp_path / "folds.csv", Heard()
    first, other = Folds(ROWS), Folds((*ROWS, Assignment("9", 1, "9")))
    save_folds(path, first)
    save_folds(path, first)
    with pytest.raises(UserError, match=r"holds other folds.*replace it with --force"):
        save_folds(path, other)
    assert read_folds(path) == first
    save_folds(path, other, force=True, listener=heard)
    kept = tmp_path / f"folds-{first.sha256[:12]}.csv"
    assert (read_folds(path), read_folds(kept)) == (other, first)
    assert heard.notes == [f"the old split is kept as {kept}; what was trained on it does not count until that is back"]
    path.write_text("all my notes")
    with pytest.raises(UserError, match="exists, and cannot be read as folds"):
        save_folds(path, first)


def test_folds_in_numbers():
    document = Folds(ROWS).as_dict()
    assert [fold["records"] for fold in document["folds"]] == [2, 1]
    assert [fold["contrail_pixels"] for fold in document["folds"]] == [12, 0]
    assert document["groups"] == [["1000216489776414077", "195731008142151"]]


def test_folds_answer_who_is_where():
    folds = Folds(ROWS)
    assert folds.count == 2
    assert folds.records(0) == ("1000216489776414077", "195731008142151")
    assert folds.fold_of["positive_013"] == 1
    assert folds.group_of["195731008142151"] == "g"
    with pytest.raises(UserError, match=r"no fold 2; folds.csv holds folds 0 to 1"):
        folds.records(2)


def test_a_rename_of_a_source_leaves_the_hash_and_another_fold_does_not():
    moved = Folds((Assignment("1000216489776414077", 0, "g", "elsewhere", "train", 12), *ROWS[1:]))
    assert moved.sha256 == Folds(ROWS).sha256
    other = Folds((*ROWS[:2], Assignment("positive_013", 2), Assignment("negative_001", 1)))
    assert other.sha256 != Folds(ROWS).sha256


def test_a_users_file_needs_two_columns(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("\ufefffold,record_id,remark\r\n1,1000216489776414077,x\r\n0,1000603527582775543,\r\n")
    folds = read_folds(path)
    assert folds.fold_of == {"1000216489776414077": 1, "1000603527582775543": 0}
    assert folds.group_of["1000216489776414077"] == "1000216489776414077"


REFUSED = {
    "has no column fold": "record_id,group\n1,a\n",
    "there is no record in any fold": "record_id,fold\n",
    "record 1 is listed twice": "record_id,fold\n1,0\n2,1\n1,0\n",
    "scene group a leaks: record 1 is in fold 0, record 2 in fold 1": "record_id,fold,group\n1,0,a\n2,1,a\n",
    "scene group 1 leaks": "record_id,fold,group\n1,0,\n2,1,1\n",
    "the folds are 1, 2; number them 0, 1": "record_id,fold\n1,1\n2,2\n",
    "the folds are -1, 0": "record_id,fold\n1,0\n2,-1\n",
    "the folds are 0; number them": "record_id,fold\n1,0\n2,0\n",
    'line 3: fold "1.0" is not an integer': "record_id,fold\n1,0\n2,1.0\n",
    'line 2: fold "\u00b2" is not an integer': "record_id,fold\n1,\u00b2\n2,1\n",
    'line 2: fold "--1" is not an integer': "record_id,fold\n1,--1\n2,1\n",
    "line 2 (record 1) names no fold": "record_id,fold\n1,\n",
    "line 3 names no record": "record_id,fold\n1,0\n,1\n",
    "1.00022E+18, rounded by a spreadsheet": "record_id,fold\n1.00022E+18,0\n",
    'positives "many" is not an integer': "record_id,fold,positives\n1,0,many\n",
}


@pytest.mark.parametrize(("words", "text"), REFUSED.items(), ids=REFUSED.keys())
def test_a_bad_file_is_refused_in_one_line(words, text, tmp_path):
    path = tmp_path / "folds.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        read_folds(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@example("101,0\n102,1\n")
@given(st.text(alphabet='record_id,fold\n01-"\0é ', max_size=60))
def test_any_text_is_folds_or_refused(tmp_path_factory, tail):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("record_id,fold\n" + tail, encoding="utf-8")
    with suppress(UserError):
        folds = read_folds(path)
        write_folds(path, folds)
        again = read_folds(path)
        assert (again.sha256, again.group_of) == (folds.sha256, folds.group_of)


def test_an_absent_or_foreign_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"no such file; run: cli data folds --out"):
        read_folds(tmp_path / "folds.csv")
    (tmp_path / "folds.csv").write_bytes(b"\x93NUMPY\xff\xfe")
    with pytest.raises(UserError, match=r"folds.csv: is not a readable csv file"):
        read_folds(tmp_path / "folds.csv")


def test_a_lost_split_of_runs_is_made_again_by_the_advised_command(tmp_path):
    path = tmp_path / "folds.csv"
    for fold in ("0", "2", "full"):
        (tmp_path / f"members/m/abc/fold-{fold}").mkdir(parents=True)
    with pytest.raises(UserError, match="no such file; the same scenes, .* the runs count again") as caught:
        read_folds(path)
    assert caught.value.do == Command("data folds", folds=3, out=path, force=False)
    (tmp_path / "predictions/ext/abc/oof/fold-4/none").mkdir(parents=True)
    path.write_bytes(b"record_id,fold\n\xff,0\n")
    with pytest.raises(UserError, match="not a readable csv file .*; the same scenes") as caught:
        read_folds(path)
    assert caught.value.do == Command("data folds", folds=5, out=path, force=True)


def test_no_command_replaces_a_file_of_the_users_own(tmp_path):
    (tmp_path / "members/m/abc/fold-2").mkdir(parents=True)
    (tmp_path / "mine.csv").write_bytes(b"\xff")
    with pytest.raises(UserError, match="not a readable csv file") as caught:
        read_folds(tmp_path / "mine.csv")
    assert caught.value.do is None


def test_labelled_records_without_a_fold_are_counted_and_named():
    folds = Folds(ROWS)
    folds.require(["195731008142151", "positive_013"])
    with pytest.raises(UserError) as caught:
        folds.require(["195731008142151", "z", "a"])
    assert "2 labelled records are in no fold, a first" in str(caught.value)
    assert "cli data folds --force" in str(caught.value)

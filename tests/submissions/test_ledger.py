"""The ledger keeps what was written to it, whatever happens to its last line."""

import json
from pathlib import Path

import pytest

from core.errors import UsageError, UserError
from core.signing import signed_line
from submissions.ledger import Sent, add_scores, append, read_ledger
from submissions.past_scores import import_scores
from tests.forks import at_once, exit_code, forked
from tests.heard import Heard

PAST = Path(__file__).parents[2] / "docs" / "past-scores.csv"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "submissions.jsonl"


def sent(number: int, **given: object) -> Sent:
    return Sent(name=f"s{number}.csv", sha256=f"{number:064x}", local=0.6, interval=(0.57, 0.63), **given)


def test_an_absent_ledger_is_empty(path: Path) -> None:
    assert read_ledger(path).entries == ()
    with pytest.raises(UserError, match="cli submit"):
        read_ledger(path).find(None)


def test_an_entry_comes_back_as_it_was_made(path: Path) -> None:
    made = append(path, sent(1, members={"a": 0.75, "b": 0.25}, records=211, share=0.0021, rows=2))
    assert read_ledger(path).entries == (made,)
    assert made.number == 1 and made.sent.when.endswith("+00:00")


def test_leaderboard_scores_go_to_the_newest_or_the_named_entry(path: Path) -> None:
    for number in (1, 2, 3):
        append(path, sent(number))
    add_scores(path, None, public=0.638)
    add_scores(path, "1", public=0.5, private=0.51)
    add_scores(path, "s2.csv", private=0.4)
    add_scores(path, f"{3:064x}", private=0.641)
    found = [(each.public, each.private) for each in read_ledger(path).entries]
    assert found == [(0.5, 0.51), (None, 0.4), (0.638, 0.641)]


def test_a_later_score_holds(path: Path) -> None:
    append(path, sent(1))
    add_scores(path, public=0.1)
    assert add_scores(path, public=0.2).public == 0.2


@pytest.mark.parametrize("wanted", ["9", "s9.csv", "0"])
def test_an_unknown_entry_is_refused(path: Path, wanted: str) -> None:
    append(path, sent(1))
    with pytest.raises(UsageError, match="number of 1 to 1"):
        add_scores(path, wanted, public=0.5)


def test_a_name_that_two_entries_share_is_refused(path: Path) -> None:
    append(path, Sent(name="s.csv", sha256="1"))
    append(path, Sent(name="s.csv", sha256="2"))
    with pytest.raises(UsageError, match="2 entries"):
        add_scores(path, "s.csv", public=0.5)


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan"), 63.8])
def test_what_is_no_dice_is_refused(path: Path, score: float) -> None:
    append(path, sent(1))
    before = path.read_bytes()
    with pytest.raises(UsageError, match="between 0 and 1"):
        add_scores(path, public=score)
    assert path.read_bytes() == before


def test_the_same_submission_is_not_counted_twice(path: Path) -> None:
    first = append(path, sent(1))
    append(path, sent(2))
    heard = Heard()
    assert append(path, sent(1), listener=heard) == first
    assert heard.notes == [f"the same masks as entry {first.title} of the ledger; no entry is added"]
    assert len(read_ledger(path).entries) == 2


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_torn_last_line_costs_that_line_alone(path: Path, cut: int) -> None:
    append(path, sent(1))
    append(path, sent(2))
    path.write_bytes(path.read_bytes()[:-cut])
    heard = Heard()
    # Without its line end alone the last entry is still whole.
    assert len(read_ledger(path, heard).entries) == 1 + (cut == 1)
    assert len(heard.warnings) == (cut > 1)
    append(path, sent(3))
    names = [each.sent.name for each in read_ledger(path).entries]
    assert names == ["s1.csv", *["s2.csv"] * (cut == 1), "s3.csv"]


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe\n",
        b"[1, 2]\n",
        b'{"format": 1}\n',
        b'{"format": 1, "kind": "scores", "entry": 9, "public": 0.5}\n',
        b'{"format": 1, "kind": "scores", "entry": 0, "public": 0.5}\n',
        b'{"format": 1, "kind": "submission", "name": "x", "public": 7}\n',
        b'{"format": 1, "kind": "submission", "name": "x", "interval": [1]}\n',
        b"\0\0\0\0\n",
    ],
)
def test_a_foreign_line_is_skipped_with_a_warning(path: Path, line: bytes) -> None:
    append(path, sent(1))
    path.write_bytes(path.read_bytes() + line)
    append(path, sent(2))
    heard = Heard()
    assert [each.sent.name for each in read_ledger(path, heard).entries] == ["s1.csv", "s2.csv"]
    assert "line 2" in heard.warnings[0]


def test_a_damaged_line_gives_no_other_entry_its_scores(path: Path) -> None:
    for number in (1, 2, 3):
        append(path, sent(number))
    add_scores(path, "3", public=0.5)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0\0\n" + b"".join(lines[2:]))
    add_scores(path, "1", public=0.4)
    found = {each.number: (each.sent.name, each.public) for each in read_ledger(path).entries}
    assert found == {1: ("s1.csv", 0.4), 3: ("s3.csv", 0.5)}
    assert append(path, sent(4)).number == 4


def test_each_flipped_digit_costs_its_line_alone_and_moves_no_number(path: Path) -> None:
    for number in (1, 2):
        append(path, sent(number))
        add_scores(path, public=number / 10)
    whole = path.read_bytes()
    good = {each.number: each for each in read_ledger(path).entries}
    for at in range(0, len(whole), 3):
        if not chr(whole[at]).isdigit():
            continue
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        heard = Heard()
        found = read_ledger(path, heard).entries
        assert "has been changed since it was written and was skipped" in heard.warnings[0]
        assert all(each.sent == good[each.number].sent for each in found)
        assert all(each.public in (None, good[each.number].public) for each in found)
    path.write_bytes(whole.replace(b"s2.csv", b"s9.csv"))
    assert append(path, sent(3)).number == 3


def test_a_damaged_entry_of_an_older_release_keeps_its_number(path: Path) -> None:
    path.parent.mkdir()
    rows = [f'{{"format": 1, "kind": "submission", "name": "{name}", "sha256": ""}}\n' for name in "abc"]
    scores = '{"format": 1, "kind": "scores", "entry": 3, "public": 0.5}\n'
    path.write_text(rows[0] + rows[1].replace(": 1", ";: 1") + rows[2] + scores)
    assert [(each.number, each.sent.name, each.public) for each in read_ledger(path).entries] == [
        (1, "a", None),
        (3, "c", 0.5),
    ]


def test_entries_of_older_releases_are_counted(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("".join(f'{{"format": 1, "kind": "submission", "name": "{name}"}}\n' for name in "ab"))
    append(path, sent(3))
    assert [(each.number, each.sent.name) for each in read_ledger(path).entries] == [(1, "a"), (2, "b"), (3, "s3.csv")]


def test_a_newer_format_is_refused_by_name(path: Path) -> None:
    path.parent.mkdir()
    path.write_text(signed_line({"format": 99, "kind": "submission", "name": "x"}))
    with pytest.raises(UserError, match="has format 99"):
        read_ledger(path)


def test_nothing_in_the_ledger_is_ever_rewritten(path: Path) -> None:
    append(path, sent(1))
    before = path.read_bytes()
    add_scores(path, public=0.5)
    assert path.read_bytes().startswith(before)
    assert all(json.loads(line)["format"] == 2 for line in path.read_bytes().splitlines())


def test_commands_that_write_at_once_lose_no_line(path: Path) -> None:
    def write(name: str) -> None:
        for number in range(20):
            append(path, Sent(name=f"{name}-{number}", note="x" * 5000))

    children = [forked(lambda name=name: write(name)) for name in ("a", "b")]
    assert [exit_code(child) for child in children] == [0, 0]
    heard = Heard()
    assert len(read_ledger(path, heard).entries) == 40 and not heard.warnings


def test_of_equal_entries_that_are_made_at_once_one_is_kept(path: Path) -> None:
    assert at_once([lambda: append(path, sent(1))] * 8) == [0] * 8
    assert len(read_ledger(path).entries) == 1
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_log_kept_by_hand_is_taken_over_once(path: Path) -> None:
    assert len(import_scores(path, PAST)) == 10
    assert import_scores(path, PAST) == ()
    entry = read_ledger(path).find("row 25")
    assert (entry.sent.local, entry.public, entry.sent.when) == (0.602, 0.638, "unknown")


def test_a_log_is_taken_over_once_though_a_score_was_replaced_since(path: Path) -> None:
    import_scores(path, PAST)
    heard = Heard()
    assert add_scores(path, "row 25", public=0.7, listener=heard).public == 0.7
    assert heard.notes == ["entry 9 (row 25): public 0.7 replaces 0.638"]
    assert import_scores(path, PAST) == ()
    assert read_ledger(path).find("row 25").public == 0.7


BAD_TABLES = {
    "no name": ("local,public\n0.5,0.6\n", "needs a column name"),
    "no score": ("name,note\na,b\n", "needs a column name and one of"),
    "an unknown column": ("name,pubic\na,0.5\n", 'did you mean "public"'),
    "no number": ("name,public\na,good\n", "line 2: public 'good' is not a number"),
    "no Dice": ("name,public\na,0.5\nb,63.8\n", "line 3: public score 63.8"),
    "an empty name": ("name,public\n,0.5\n", "line 2: an entry of the ledger needs a name"),
    "nothing": ("", "needs a column name"),
    "local beyond one": ("name,local\na,2\n", "line 2: local score 2"),
    "a decimal comma": ("name,public\na,0,61\n", "line 2: has more cells than the header"),
    "more cells in one row": ("name,public\na,0.6\nb,0.6,later\n", "line 3: has more cells than the header"),
    "a public score of nan": ("name,public\na,nan\n", "line 2: public 'nan' is not a number"),
    "records nan": ("name,public,records\na,0.61,nan\n", "line 2: records 'nan' is not a number"),
    "records inf": ("name,public,records\na,0.61,inf\n", "line 2: records 'inf' is not a number"),
    "records below none": ("name,public,records\na,0.61,-5\n", "line 2: records -5 is not a number of records"),
    "half a record": ("name,public,records\na,0.61,1.5\n", "line 2: records 1.5 is not a number of records"),
    "share nan": ("name,public,share\na,0.61,nan\n", "line 2: share 'nan' is not a number"),
    "share beyond one": ("name,public,share\na,0.61,3\n", "line 2: share 3 is not between 0 and 1"),
    "low over high": ("name,local,low,high\na,0.6,0.7,0.5\n", "line 2: the interval 0.7 to 0.5 is invalid"),
    "half an interval": ("name,local,low\na,0.6,0.5\n", r"line 2: the interval 0.5 to \? is invalid"),
    "a column twice": ("name,public,public\na,0.6,0.7\n", "has two columns public"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_table_that_cannot_be_taken_over_leaves_the_ledger_alone(path: Path, name: str) -> None:
    content, words = BAD_TABLES[name]
    table = path.parent / "past.csv"
    table.parent.mkdir()
    table.write_text(content)
    with pytest.raises(UserError, match=words):
        import_scores(path, table)
    assert not path.exists()


def test_an_absent_table_is_named(path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        import_scores(path, Path("nowhere.csv"))


def test_a_copy_under_another_name_is_the_same_submission(path: Path) -> None:
    first = append(path, Sent(name="a.csv", sha256="ab" * 32, ensemble="default"))
    again = append(path, Sent(name="b.csv", sha256="ab" * 32, ensemble="default"))
    other = append(path, Sent(name="b.csv", sha256="cd" * 32, ensemble="default"))
    assert (first.number, again.number, other.number) == (1, 1, 2)

"""Whatever is wrong with a file is said, with its line and what to do."""

import gzip
import os
import re
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import UserError
from submissions import Report, check, encode, read_submission
from tests.submissions.cases import lines

HEADER = "record_id,encoded_pixels\n"
FIRST, SECOND, THIRD = "1000834164244036115", "1002653297254493116", "2000000000000000007"
IDS = [FIRST, SECOND, THIRD]
SOUND = f"{HEADER}{FIRST},1 3 10 5\n{SECOND},-\n{THIRD},257 2\n"


def checked(tmp_path: Path, content: str | bytes, ids: list[str] | None = IDS, **given) -> Report:
    path = tmp_path / "s.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return check(path, ids, **given)


def row(cell: str, record_id: str = SECOND) -> str:
    """A sound file but for one cell, in line 3."""
    return SOUND.replace(f"{SECOND},-", f"{record_id},{cell}")


def named(record_id: str) -> str:
    """A sound file but for the id in line 2."""
    return SOUND.replace(FIRST, record_id)


# What is wrong: the file, the line named (None: the file as a whole), the words of the message.
MALFORMED: dict[str, tuple[str | bytes, int | None, str]] = {
    "nothing in it": (b"", None, "is empty"),
    "the header alone": (HEADER, None, "3 of 3 ids missing"),
    "the header torn": ("record_id,enc", 1, "the header is 'record_id,enc'"),
    "no header": (SOUND.removeprefix(HEADER), 1, "the header is missing"),
    "other names": (SOUND.replace("record_id", "id"), 1, "the header is 'id,encoded_pixels'"),
    "capitals in the header": (SOUND.replace("record_id", "Record_ID"), 1, "the header is 'Record_ID"),
    "a blank in the header": (SOUND.replace("id,enc", "id, enc"), 1, "the header is"),
    "columns swapped": (f"encoded_pixels,record_id\n-,{FIRST}\n", 1, "swapped"),
    "a column of row numbers": (f",{HEADER}0,{FIRST},-\n", 1, r"index=False"),
    "a third column": (f"record_id,encoded_pixels,width\n{FIRST},-,256\n", 1, "3 columns"),
    "semicolons": (SOUND.replace(",", ";"), 1, "separated by semicolons"),
    "tabs": (SOUND.replace(",", "\t"), 1, "separated by tabs"),
    "bars": (SOUND.replace(",", "|"), 1, "separated by bars"),
    "semicolons in one row": (row("-").replace(f"{SECOND},", f"{SECOND};"), 3, "SEMICOLON"),
    "commas between numbers": (row("1,3,9,2"), 3, "5 columns"),
    "a comma at the end": (row("-,"), 3, "3 columns"),
    "quotes everywhere": ('"record_id","encoded_pixels"\n"1","-"\n', 1, "quoted"),
    "a quoted cell": (row('"1 3"'), 3, "quotes"),
    "a byte-order mark": (b"\xef\xbb\xbf" + SOUND.encode(), 1, "byte-order mark"),
    "utf-16": (SOUND.encode("utf-16"), None, "UTF-16"),
    "utf-16 without a mark": (SOUND.encode("utf-16-le"), None, "UTF-16"),
    "utf-32": (SOUND.encode("utf-32"), None, "UTF-32"),
    "latin-1": (row("1 3\xe9").encode("latin-1"), 3, "0xE9 is not UTF-8"),
    "old Mac line ends": (SOUND.replace("\n", "\r"), 1, "CR alone"),
    "a carriage return inside": (row("1 3\r 9 2"), 3, "carriage return"),
    "a gzip archive": (gzip.compress(SOUND.encode()), None, "gzip archive"),
    "an old Excel sheet": (b"\xd0\xcf\x11\xe0" + bytes(500), None, "Excel"),
    "a numpy array": (b"\x93NUMPY\x01\x00v\x00{'descr'", None, "numpy array"),
    "a login page": ("<!DOCTYPE html><html>Sign in</html>", None, "HTML"),
    "JSON": ('[{"record_id": "1"}]', None, "JSON"),
    "NUL bytes alone": (bytes(5000), None, "only NUL"),
    "NUL bytes at the end": (SOUND.encode() + bytes(4096), 5, "4,096 NUL bytes"),
    "a NUL byte in a cell": (row("1\0 3"), 3, "1 NUL byte"),
    "an id through a float": (named("1.000834164244036e+18"), 2, "through a float and lost digits"),
    "an id in short scientific form": (named("1.0008E18"), 2, "through a float"),
    "an id with a point": (named(f"{FIRST}.0"), 2, "as a float does"),
    "an id with its end lost": (named("1000834164244036096"), 2, f"{FIRST} through a float"),
    "an id that overflowed": (named("-7446744073709551616"), 2, "overflowed"),
    "an id that is nan": (named("nan"), 2, "the id is missing"),
    "an empty id": (named(""), 2, "the id is empty"),
    "a blank before the id": (named(f" {FIRST}"), 2, "blanks around the id"),
    "an apostrophe before the id": (named(f"'{FIRST}"), 2, f"{FIRST} is expected"),
    "an id with leading zeros": (named(f"0{FIRST}"), 2, f"{FIRST} is expected"),
    "an id in other digits": (named("١٠٠"), 2, "not ASCII"),
    "an id of a thousand signs": (named("7" * 1000), 2, "1,000 characters"),
    "an unknown id": (named("42"), 2, "unknown id"),
    "an id twice": (SOUND + f"{FIRST},-\n", 5, "also in line 2"),
    "a record missing": (SOUND.replace(f"{THIRD},257 2\n", ""), None, f"1 of 3 ids missing: {THIRD}"),
    "a blank line": (SOUND.replace(f"{SECOND}", f"\n{SECOND}"), 3, "blank"),
    "an empty cell": (row(""), 3, "an empty cell"),
    "nan for an empty mask": (row("nan"), 3, "'nan'"),
    "a zero for an empty mask": (row("0"), 3, "single character"),
    "a dash that is none": (row("–"), 3, "EN DASH"),
    "a blank behind the hyphen": (row("- "), 3, "'- '"),
    "an odd count": (row("1 3 9"), 3, r"odd count of numbers \(3\)"),
    "a start of zero": (row("0 3"), 3, "count from 1"),
    "a length of zero": (row("5 0"), 3, "length 0"),
    "a negative start": (row("-5 2"), 3, "negative number -5"),
    "unsorted runs": (row("9 2 1 3"), 3, "start 1 after start 9"),
    "overlapping runs": (row("1 3 3 2"), 3, "run 3 2 overlaps run 1 3"),
    "beyond the image": (row("65530 8"), 3, "beyond pixel 65536"),
    "an image of 512": (row("262000 100"), 3, "resize to it"),
    "a number with a point": (row("1.0 3.0"), 3, "is not an integer"),
    "a list": (row("[1 3]"), 3, "bare numbers"),
    "a tab between numbers": (row("1\t3"), 3, "single spaces"),
    "a no-break space": (row("1\xa03"), 3, "NO-BREAK SPACE"),
    "two spaces": (row("1  3"), 3, "two spaces"),
    "leading zeros": (row("001 3"), 3, "leading zeros"),
    "full-width digits": (row("１ ３"), 3, "FULLWIDTH DIGIT"),
    "Devanagari digits": (row("१ 3"), 3, "DEVANAGARI"),
    "a word": (row("empty"), 3, "'empty'"),
    "torn in the last number": (SOUND[:-2], 4, "odd count|may be incomplete"),
    "torn behind a number": (SOUND[:-1], 4, "may be incomplete"),
    "torn in the last id": (SOUND[: SOUND.index(THIRD) + 9], 4, "ends within the row '200000000'"),
    "torn at the last comma": (SOUND[: SOUND.index(",257") + 1], 4, "an empty cell"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_rejected_with_its_line_and_the_reason(tmp_path: Path, name: str) -> None:
    content, line, words = MALFORMED[name]
    report = checked(tmp_path, content)
    assert not report.accepted
    faults = [fault for fault in report.faults if fault.line == line]
    assert faults, report.faults
    assert re.search(words, " | ".join(map(str, faults))), faults
    assert all(fault.what and fault.todo and "\n" not in str(fault) for fault in report.faults)
    with pytest.raises(UserError, match=r"s\.csv"):
        report.raise_if_rejected()


ODD_PATHS: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (lambda path: None, "no such file"),
    "a directory": (lambda path: path.mkdir(), "is a directory"),
    "a pipe": (lambda path: os.mkfifo(path), "not a regular file"),
    "a dead link": (lambda path: path.symlink_to("nowhere"), "no such file"),
    "a zip archive": (lambda path: _zip(path), "zip archive"),
}


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("submission.csv", SOUND)


@pytest.mark.parametrize("name", ODD_PATHS)
def test_a_path_that_is_no_csv_is_named_for_what_it_is(tmp_path: Path, name: str) -> None:
    make, words = ODD_PATHS[name]
    make(tmp_path / "s.csv")
    (fault,) = check(tmp_path / "s.csv", IDS).faults
    assert words in str(fault)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(SOUND)
    (tmp_path / "s.csv").chmod(0)
    assert "cannot be read" in str(check(tmp_path / "s.csv").faults[0])


def test_a_sound_file_is_accepted_with_its_figures(tmp_path: Path) -> None:
    report = checked(tmp_path, SOUND)
    assert report.accepted and not report.notes
    assert (report.rows, report.filled, report.pixels) == (3, 2, 10)
    report.raise_if_rejected()


def test_windows_line_ends_are_accepted_with_a_note(tmp_path: Path) -> None:
    report = checked(tmp_path, SOUND.replace("\n", "\r\n"))
    assert report.accepted
    assert "CR LF" in report.notes[0]


def test_a_last_row_that_cannot_be_torn_needs_no_line_end(tmp_path: Path) -> None:
    content = SOUND.replace("257 2\n", "-")
    assert checked(tmp_path, content).accepted


def test_without_expected_ids_only_the_form_counts(tmp_path: Path) -> None:
    assert checked(tmp_path, SOUND.replace(FIRST, "positive_007"), None).accepted
    assert not checked(tmp_path, SOUND.replace(FIRST, "1e18"), None).accepted


def test_another_order_than_the_samples_is_a_fault(tmp_path: Path) -> None:
    (fault,) = checked(tmp_path, SOUND, sample_order=[FIRST, THIRD, SECOND]).faults
    assert (fault.line, fault.id) == (3, SECOND)
    assert "2 rows in another order" in fault.what
    assert checked(tmp_path, SOUND, sample_order=IDS).accepted


def test_an_id_of_another_split_is_said_to_be_of_it(tmp_path: Path) -> None:
    content = f"{SOUND}42,-\n43,-\n"
    given = {"elsewhere": {"42": "train and validation", FIRST: "train"}}
    found = [(fault.line, fault.what) for fault in checked(tmp_path, content, **given).faults]
    assert found == [
        (5, "the id belongs to train and validation, which is not expected here"),
        (6, "unknown id"),
    ]


def test_a_sample_that_lists_other_ids_sets_no_order(tmp_path: Path) -> None:
    assert checked(tmp_path, SOUND, sample_order=[THIRD, FIRST]).accepted


def test_every_fault_of_a_file_is_told(tmp_path: Path) -> None:
    content = f"{HEADER}{FIRST},\n{FIRST},9 2 3\n7,5 0 0 1\n"
    found = [(fault.line, fault.id, fault.what.split(" (")[0]) for fault in checked(tmp_path, content).faults]
    assert found == [
        (2, FIRST, "an empty cell where a mask is expected"),
        (3, FIRST, "the id is also in line 2"),
        (3, FIRST, "odd count of numbers"),
        (4, "7", "unknown id"),
        (4, "7", "start 0"),
        (4, "7", "run 5 0 has length 0"),
        (None, None, f"2 of 3 ids missing: {SECOND}, {THIRD}"),
    ]


def test_a_file_full_of_faults_is_counted_and_not_kept(tmp_path: Path) -> None:
    report = checked(tmp_path, HEADER + "x,\n" * 6000, None)
    assert len(report.faults) == 10_000
    assert len(report.faults) + report.more == 6000 + 5999


def test_a_row_of_a_hundred_megabytes_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    with path.open("wb") as file:
        file.write(f"{HEADER}{FIRST},".encode())
        for _ in range(100):
            file.write(b"1 2 3 4 " * 131_072)
        file.write(f"\n{SECOND},-\n".encode())
    tracemalloc.start()
    report = check(path, [FIRST, SECOND])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.faults[0].line, report.rows) == (2, 1)
    assert "104,857,6" in report.faults[0].what
    assert peak < 8_000_000


def test_the_longest_row_there_can_be_is_read(tmp_path: Path) -> None:
    cell = " ".join(f"{start} 1" for start in range(1, 65537))
    report = checked(tmp_path, f"{HEADER}{FIRST},{cell}\n", [FIRST])
    assert report.accepted and report.pixels == 65536


def test_two_thousand_rows_take_less_than_a_second(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cells = [encode(lines(rng, 8)) for _ in range(20)]
    many = {str(10**18 + 7 * number): cells[number % 20] for number in range(2000)}
    path = tmp_path / "s.csv"
    path.write_text(HEADER + "".join(f"{record_id},{cell}\n" for record_id, cell in many.items()))
    start = time.process_time()
    assert check(path, sorted(many), sorted(many)).accepted
    assert time.process_time() - start < 1


def test_many_rows_of_half_an_image_are_noted(tmp_path: Path) -> None:
    content = HEADER + "".join(f"{number},1 30000\n" for number in range(20))
    report = checked(tmp_path, content, None)
    assert report.accepted and "45.8% of all pixels" in report.notes[0]


def test_an_unsound_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(row("1 3 9"))
    with pytest.raises(UserError, match=rf"line 3: {SECOND}: odd count") as caught:
        read_submission(tmp_path / "s.csv")
    assert caught.value.do is None
    (tmp_path / "s.csv").write_text(row("1 3 9").replace(THIRD, "1e18"))
    with pytest.raises(UserError, match=r"\(and 1 more\); run: cli submissions check .*s\.csv$"):
        read_submission(tmp_path / "s.csv")

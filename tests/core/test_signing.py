"""Signed JSON: what was changed is refused by name, what older releases wrote is read."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Damaged, UserError
from core.files import write_json
from core.signing import (
    DIGEST,
    check_text,
    matches,
    read_lines,
    read_signed,
    signed,
    signed_line,
    signed_text,
    write_signed,
)
from tests.flips import flipped

DOCUMENT = {"format": 2, "level": 128, "shift": [0.1, 2e-7], "stages": [], "dice": None, "per_fold": {"10": 1, "9": 2}}
CONTENT = {key: value for key, value in DOCUMENT.items() if key != "format"}
ANY = dict[str, Any]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES))
def test_what_is_written_matches_its_digest_when_it_is_read(document):
    assert matches(json.loads(json.dumps(signed(document))))


def test_keys_that_are_numbers_and_tuples_match_as_the_text_that_they_become():
    assert matches(json.loads(json.dumps(signed({2: 1, 10: (3, 4)}))))


def test_a_signed_document_is_read_without_its_digest(tmp_path):
    write_signed(tmp_path / "a.json", DOCUMENT)
    assert read_signed(tmp_path / "a.json", 2, ANY) == CONTENT


def test_each_flipped_bit_is_refused_or_changes_nothing(tmp_path):
    path = tmp_path / "a.json"
    write_signed(path, DOCUMENT)
    whole = path.read_bytes()
    for torn in flipped(whole, range(8 * len(whole))):
        path.write_bytes(torn)
        try:
            assert read_signed(path, 2, ANY) == CONTENT
        except UserError as error:
            assert "a.json" in error.what


def test_an_edit_names_the_command_that_signs_it(tmp_path):
    path = tmp_path / "a.json"
    write_signed(path, DOCUMENT)
    path.write_text(path.read_text().replace("128", "129"))
    with pytest.raises(Damaged, match=r"a.json: has been changed since it was written; if on purpose") as error:
        read_signed(path, 2, ANY)
    assert str(error.value.do) == f"cli sign {path}"


def test_a_document_of_an_older_format_needs_no_digest_and_one_of_today_does(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"format": 1, "k": 3})
    assert read_signed(path, 2, ANY) == {"k": 3}
    write_json(path, {"format": 2, "k": 3})
    with pytest.raises(Damaged, match="has been changed"):
        read_signed(path, 2, ANY)


def test_a_newer_format_is_refused_by_name(tmp_path):
    write_signed(tmp_path / "a.json", {"format": 3})
    with pytest.raises(UserError, match="format 3, this version reads up to 2") as error:
        read_signed(tmp_path / "a.json", 2, ANY)
    assert not isinstance(error.value, Damaged)


def test_a_file_that_cannot_be_read_is_not_damaged(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(UserError, match=r"a.json: cannot be read \(Is a directory\)") as error:
        read_signed(tmp_path / "a.json", 2, ANY)
    assert not isinstance(error.value, Damaged)


def test_lines_are_checked_one_by_one():
    lines = [json.dumps({"old": 1}) + "\n", *(signed_line({"epoch": number}) for number in range(3))]
    text = "".join(lines).replace('"epoch": 1', '"epoch": 7') + '{"old": 2}\n{"torn'
    assert list(read_lines(text.encode())) == [
        (1, {"old": 1}, ""),
        (2, {"epoch": 0}, ""),
        (3, None, "has been changed since it was written"),
        (4, {"epoch": 2}, ""),
        (5, None, "has lost its digest"),
        (6, None, "is incomplete or damaged"),
    ]


def test_a_line_whose_digest_has_another_name_is_not_taken_for_an_old_one():
    line = signed_line({"format": 2, "k": 3}).replace(DIGEST, "digesu")
    assert list(read_lines(line.encode())) == [(1, None, "has lost its digest")]


def test_a_text_is_signed_in_its_last_line():
    text = 'encoder = "resnet18"\nlr = 0.001\n'
    whole = signed_text(text)
    assert whole.startswith(text + '# digest = "') and signed_text(whole) == whole
    assert check_text(whole, Path("recipe.toml")) == check_text(text, Path("recipe.toml")) == text
    for torn in (whole.replace("0.001", "0.002"), whole[:-5] + whole[-4:], "# note\n" + whole):
        with pytest.raises(Damaged, match=r"recipe.toml: has been changed since it was written; if"):
            check_text(torn, Path("recipe.toml"))

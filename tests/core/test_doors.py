"""What is read: regular files within limits, and documents that nest and count within limits."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Damaged, UserError
from core.files import DEEPEST, parse_json, parse_toml, read_bytes, read_text, sha256_of_file


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "is a named pipe"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device"),
        (lambda path: path.symlink_to(path.name), "cannot be read"),
        (lambda path: path.mkdir(), "cannot be read"),
    ],
)
@pytest.mark.parametrize("read", [read_bytes, read_text, sha256_of_file])
def test_what_is_no_file_is_refused_at_once(tmp_path, make, words, read):
    make(tmp_path / "a.json")
    with pytest.raises(UserError, match=rf"a\.json: {words}") as caught:
        read(tmp_path / "a.json")
    assert not isinstance(caught.value, Damaged)  # nothing is thrown away for it


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 11)
    assert read_bytes(tmp_path / "a", most=11) == b"x" * 11
    with pytest.raises(UserError, match="has 11 bytes, more than the 10"):
        read_bytes(tmp_path / "a", most=10)


def test_a_name_that_is_too_long_is_a_user_error(tmp_path):
    with pytest.raises(UserError, match="File name too long"):
        read_bytes(tmp_path / ("x" * 10_000))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1)])
def test_json_that_nests_too_deeply_is_damaged(text):
    with pytest.raises(Damaged, match="nested too deeply"):
        parse_json(text, "a.json")


@pytest.mark.parametrize("text", ["a = " + "[" * 50_000, ".".join("a" * 5000) + " = 1"])
def test_toml_that_nests_too_deeply_is_damaged(text):
    with pytest.raises(Damaged, match="nested too deeply"):
        parse_toml(text, "a.toml")


@pytest.mark.parametrize("text", ["1e999", "[NaN]", '{"a": -Infinity}', "9" * 30, "9" * 5000])
def test_numbers_that_no_artefact_has_are_damaged(text):
    with pytest.raises(Damaged):
        parse_json(text, "a.json")


@given(st.text(max_size=40) | st.binary(max_size=40))
def test_any_text_is_a_document_or_damaged(text):
    for parse in (parse_json, parse_toml) if isinstance(text, str) else (parse_json,):
        try:
            parse(text, "a")
        except Damaged as error:
            assert str(error).startswith("a: is not readable")

"""A written file is the one that was meant, or there is none."""

import os
import signal
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import submissions.write
from core.errors import UserError
from core.files import sha256_of_file
from core.locks import Claimed
from submissions import check, read_submission, write_submission
from submissions.write import Written
from tests.forks import REFUSED, Holding, at_once, exit_code, forked
from tests.submissions.cases import Mask, encode_literally, lines, masks, of_pixels

IDS = st.text("0123456789", min_size=1, max_size=19)


def two_masks() -> dict[str, Mask]:
    return {"1002653297254493116": of_pixels(), "1000834164244036115": lines(np.random.default_rng(1))}


@given(st.dictionaries(IDS, masks(), min_size=1, max_size=4))
def test_every_mask_comes_back_from_the_file(many: dict[str, Mask]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "submission.csv"
        write_submission(path, many)
        found = read_submission(path)
        assert check(path, list(many)).accepted
    assert found.ids == tuple(sorted(many))
    for record_id, mask in many.items():
        assert_array_equal(found.mask(record_id), mask)


def test_the_bytes_are_the_official_form(tmp_path: Path) -> None:
    many = two_masks()
    write_submission(tmp_path / "s.csv", many)
    runs = encode_literally(many["1000834164244036115"])
    expected = f"record_id,encoded_pixels\n1000834164244036115,{runs}\n1002653297254493116,-\n"
    assert (tmp_path / "s.csv").read_bytes() == expected.encode()


def test_what_was_written_is_told(tmp_path: Path) -> None:
    many = two_masks()
    written = write_submission(tmp_path / "s.csv", many)
    pixels = int(many["1000834164244036115"].sum())
    assert (written.rows, written.filled, written.pixels) == (2, 1, pixels)
    assert written.share == pixels / (2 * 65536)


def test_a_stream_of_masks_makes_the_same_file(tmp_path: Path) -> None:
    first = write_submission(tmp_path / "a.csv", two_masks())
    second = write_submission(tmp_path / "b.csv", iter(two_masks().items()))
    assert first.sha256 == second.sha256


def test_rows_stand_in_the_samples_order_where_it_lists_them_all(tmp_path: Path) -> None:
    order = ["1002653297254493116", "1000834164244036115"]
    write_submission(tmp_path / "s.csv", two_masks(), sample_order=order)
    assert read_submission(tmp_path / "s.csv").ids == tuple(order)


def test_a_stale_sample_does_not_set_the_order(tmp_path: Path) -> None:
    write_submission(tmp_path / "s.csv", two_masks(), sample_order=["1002653297254493116", "7"])
    assert read_submission(tmp_path / "s.csv").ids == tuple(sorted(two_masks()))


def test_an_existing_file_is_kept_without_force(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("mine")
    with pytest.raises(UserError, match="--force"):
        write_submission(path, two_masks())
    assert path.read_text() == "mine"
    write_submission(path, two_masks(), force=True)
    assert check(path).accepted


def test_a_directory_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        write_submission(tmp_path, two_masks(), force=True)


@pytest.mark.parametrize(
    ("many", "words"),
    [
        ({}, "no masks"),
        ({"1": np.zeros((2, 2), bool)}, "1: mask of shape"),
        ({"1": np.full((256, 256), 0.3)}, "1: mask of float64"),
        ({1: of_pixels()}, "id of type int"),
        ({"1.0002e18": of_pixels()}, "through a float"),
        ({"a,b": of_pixels()}, "comma"),
        ({"": of_pixels()}, "empty"),
        ({"a\nb": of_pixels()}, "unprintable"),
        ([("1", of_pixels()), ("1", of_pixels())], "twice"),
    ],
)
def test_what_cannot_be_submitted_leaves_no_trace(tmp_path: Path, many, words: str) -> None:
    with pytest.raises(UserError, match=words):
        write_submission(tmp_path / "s.csv", many)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", ["-", "1 1", "1 2 3"])
def test_an_encoder_that_errs_is_caught_and_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    path = tmp_path / "s.csv"
    write_submission(path, two_masks())
    before = path.read_bytes()
    monkeypatch.setattr(submissions.write, "encode", lambda mask: wrong)
    with pytest.raises(UserError):
        write_submission(path, two_masks(), force=True)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["s.csv"]


def test_a_death_while_writing_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "s.csv"
    write_submission(path, two_masks())
    before = path.read_bytes()

    def die(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        write_submission(path, {"9": ~of_pixels()}, force=True)
    assert path.read_bytes() == before


def test_what_a_killed_run_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".s.csv.abcd0_23.tmp").write_text("half")
    (tmp_path / ".other.csv.abcd0_23.tmp").write_text("not of this file")
    write_submission(tmp_path / "s.csv", two_masks())
    assert check(tmp_path / "s.csv").accepted
    assert sorted(each.name for each in tmp_path.iterdir()) == [".other.csv.abcd0_23.tmp", "s.csv"]


def test_the_same_masks_again_are_as_good_as_written(tmp_path: Path) -> None:
    first = write_submission(tmp_path / "s.csv", two_masks())
    assert write_submission(tmp_path / "s.csv", two_masks()) == first
    with pytest.raises(UserError, match="exists with other content.*--force"):
        write_submission(tmp_path / "s.csv", {"9": of_pixels()})
    assert check(tmp_path / "s.csv").rows == 2


def test_a_kill_and_the_same_command_again_make_the_same_bytes(tmp_path: Path) -> None:
    killed, quiet = tmp_path / "killed.csv", tmp_path / "quiet.csv"
    many = {str(number): np.eye(256, k=number, dtype=bool) for number in range(50)}

    def die() -> None:
        Path.replace = lambda *given: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment]
        write_submission(killed, many)

    assert exit_code(forked(die)) == -signal.SIGKILL
    assert not killed.exists() and list(tmp_path.glob(".killed.csv.*.tmp"))
    write_submission(killed, many)
    write_submission(quiet, many)
    assert killed.read_bytes() == quiet.read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["killed.csv", "quiet.csv"]


def test_of_commands_that_write_one_file_at_once_the_last_to_succeed_has_written_it(tmp_path: Path) -> None:
    path, heard = tmp_path / "s.csv", tmp_path / "heard"

    def write(number: int) -> None:
        def note(written: Written) -> None:
            with heard.open("a") as file:
                file.write(written.sha256 + "\n")

        write_submission(path, {"9": of_pixels(number)}, force=True, on_written=note)

    codes = at_once([lambda number=number: write(number) for number in range(8)])
    digests = heard.read_text().split()
    assert set(codes) <= {0, REFUSED} and len(digests) == codes.count(0) >= 1
    assert sha256_of_file(path) == digests[-1]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["heard", "s.csv"]


def test_the_loser_is_told_who_writes_and_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("before")
    other = Holding(path)
    with pytest.raises(Claimed, match=rf"s.csv: is being written by .*process {other.process} .*wait until it ends"):
        write_submission(path, two_masks(), force=True)
    assert path.read_text() == "before"
    other.end()
    write_submission(path, two_masks(), force=True)

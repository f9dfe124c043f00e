"""`cli data pack`, and a packed folder in the commands that read scenes."""

import json

import pytest

from tests.scenes import write_record
from tests.zoo.training.cases import TINY_FILE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pack")
    for number in range(4):
        write_record(folder / "raw", "train", str(100 + number), mask=60 * number)
    write_record(folder / "raw", "test", "200")
    (folder / "tiny.toml").write_text(TINY_FILE + "epochs = 1\nbatch = 2\n")
    return folder


def test_a_packed_folder_is_a_source_of_every_command(folder, typing_in):
    run = typing_in(folder, "--device cpu --jobs 1")
    code, said = run("data pack packed tiny.toml --data raw --json")
    assert (code, json.loads(said.out)["records"]) == (0, 5)
    assert "packed: 5 records, ash colours of t5, 1 MB" in said.err
    for command in (
        "data check",
        "data stats",
        "data folds --folds 2",
        "zoo train tiny.toml --fold all",
        "zoo predict tiny --split test",
    ):
        code, said = run(f"{command} --data packed --runs runs")
        assert code == 0, said.err
    code, said = run("data pack packed tiny.toml --data raw")
    assert "packed: 5 records in 1 MB, 5 of them there before" in said.out
    assert "next: cli data check --data packed" in said.err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("data pack out --input fd --data raw", 'no input "fd"'),
        ("data pack out --input fc --frames 9 --data raw", "--frames 9: give numbers of frames 1 to 8"),
        ("data pack out --input fc --frames x --data raw", "--frames x: give numbers of frames 1 to 8, such as 4,6"),
        ("data pack out --input fc", "no data directory"),
    ],
)
def test_a_wrong_call_is_answered_in_one_line(folder, typing_in, words, error):
    code, said = typing_in(folder, "")(words)
    assert code == 2
    assert error in said.err

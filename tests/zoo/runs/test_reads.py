"""Small files are read once and weights hashed once, however often a command asks how a run ended."""

import subprocess
import sys
from collections import Counter

import pytest

import core.files
from cli.app import run
from tests.zoo.training.cases import TINY_OPTIONS, write_scenes

TRAIN = ["zoo", "train", "lite0-fc-t5", "--epochs", "2", *TINY_OPTIONS]
FOLDS = 2


@pytest.fixture(scope="module")
def typed(tmp_path_factory):
    """A function that runs a command on tiny scenes; two folds are trained and an ensemble of them is fitted."""
    folder = tmp_path_factory.mktemp("reads")
    write_scenes(folder / "scenes")

    def type_in(*command):
        assert run([*command, "--data", f"{folder / 'scenes'}", "--runs", f"{folder / 'runs'}", "--jobs", "1"]) == 0

    type_in("data", "folds", "--folds", str(FOLDS))
    type_in(*TRAIN)
    type_in("ensemble", "fit")
    type_in("submit", "--out", str(folder / "submission.csv"))
    type_in.folder = folder
    return type_in


@pytest.fixture
def counted(monkeypatch):
    """How often each small file was read, each manifest parsed and each file hashed, by file name."""
    counts = Counter()
    for name in ("read_json", "sha256_of_file"):
        real = getattr(core.files, name)

        def wrapped(path, name=name, real=real):
            counts[name, path.name] += 1
            return real(path)

        for module in list(sys.modules.values()):
            if getattr(module, name, None) is real:
                monkeypatch.setattr(module, name, wrapped)
    return counts


def test_training_nothing_reads_each_result_once_and_hashes_its_weights_once(typed, counted):
    typed(*TRAIN)
    assert counted["read_json", "result.json"] == FOLDS
    assert counted["sha256_of_file", "best.safetensors"] == FOLDS
    assert counted["read_json", "manifest.json"] == FOLDS


ASK = """
import sys
from cli.app import run
code = run(sys.argv[1:])
print(code, "torch" in sys.modules, file=sys.stderr)
"""


def test_training_nothing_loads_no_torch_and_answers_as_if_it_did(typed):
    folders = ["--data", f"{typed.folder / 'scenes'}", "--runs", f"{typed.folder / 'runs'}", "--jobs", "1", "--json"]
    found = {}
    for way, before in {"short": "", "whole": "import zoo.workflows.reuse as r; r._all_reused = lambda *_: []"}.items():
        asked = [sys.executable, "-c", before + ASK, *TRAIN, *folders]
        found[way] = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert [each.stderr.splitlines()[-1] for each in found.values()] == ["0 False", "0 True"]
    assert found["short"].stdout == found["whole"].stdout
    heard = [[line for line in each.stderr.splitlines() if "reused" in line] for each in found.values()]
    assert heard[0] == heard[1] and len(heard[0]) == FOLDS


def test_a_submission_of_what_is_predicted_reads_each_result_once_and_hashes_its_weights_once(typed, counted):
    typed("submit", "--out", str(typed.folder / "submission.csv"), "--force")
    assert counted["read_json", "result.json"] == FOLDS
    assert counted["sha256_of_file", "best.safetensors"] == FOLDS
    assert counted["read_json", "manifest.json"] == 2 * FOLDS  # out of fold and test


def test_a_fit_reads_each_result_once_and_hashes_no_weights(typed, counted):
    typed("ensemble", "fit")
    assert counted["read_json", "result.json"] == FOLDS
    assert counted["sha256_of_file", "best.safetensors"] == 0
    assert counted["read_json", "manifest.json"] == FOLDS


def test_training_nothing_from_another_members_runs_reads_and_hashes_theirs_once(typed, counted):
    heir = ["lite1-fc-t5" if word == "lite0-fc-t5" else word for word in TRAIN] + ["--from", "lite0-fc-t5"]
    typed(*heir)
    counted.clear()
    typed(*heir)
    assert counted["read_json", "result.json"] == counted["sha256_of_file", "best.safetensors"] == 2 * FOLDS


def test_a_fresh_run_reads_its_result_once(typed, counted):
    typed(*TRAIN, "--fold", "0", "--set", "lr=0.002")
    assert counted["read_json", "result.json"] == 1
    assert counted["sha256_of_file", "best.safetensors"] == 2  # for its result, and to be sure of it

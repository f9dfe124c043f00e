"""`cli submit` as its users meet it: killed anywhere, run again, the same bytes; and what it says of them."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cli.app import run
from core.files import read_json, sha256_of_file, write_json
from ensemble import ensemble_path, read_ensemble
from submissions import read_submission
from submissions.ledger import ledger_path, read_ledger
from tests.cli.tiny_runs import Tiny, tiny_runs
from tests.heard import Heard
from zoo.predictions import PredictionWriter, Provenance, find_members, set_folder
from zoo.runs import Ref, Store


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return tiny_runs(tmp_path_factory.mktemp("tiny"))


def copy_of(tiny: Tiny, folder: Path) -> Path:
    """A runs folder of its own, without predictions, that shares the weights."""
    if not folder.exists():
        shutil.copytree(tiny.runs / "ensembles", folder / "ensembles")
        (folder / "members").symlink_to(tiny.runs / "members")
    return folder


def call(tiny: Tiny, runs: Path, out: Path, *more: object) -> list[str]:
    return [*map(str, ["submit", "--out", out, "--data", tiny.data, "--runs", runs, "--jobs", 1, *more])]


@pytest.fixture(scope="module")
def undisturbed(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a run that nobody killed; its runs folder lies beside it, and the same masks as pictures."""
    folder = tmp_path_factory.mktemp("undisturbed")
    for name in ("s.csv", "png"):
        assert run(call(tiny, copy_of(tiny, folder / "runs"), folder / name, *form_of(name))) == 0
    return folder / "s.csv"


def form_of(name: str) -> list[str]:
    return ["--format", "csv" if name == "s.csv" else name]


def content(out: Path) -> dict[str, bytes]:
    """The bytes of a file, or of every file in a folder."""
    return {path.name: path.read_bytes() for path in (out.iterdir() if out.is_dir() else [out])}


# Where a run is killed: in a module, at the n-th call of a name; and how many of four sets are then complete.
KILLS = {
    "in the first batch": ("zoo.predict", "probabilities", 1, 0),
    "in the third of four runs": ("zoo.predict", "probabilities", 3, 2),
    "with a shard that is not noted": ("zoo.predictions.writer", "write_json", 1, 0),
    "with all shards and no manifest": ("zoo.predictions.writer", "write_json", 4, 1),
    "with a file half way to the disk": ("os", "fsync", 5, 0),
    "in the second mask": ("submissions.write", "encode", 2, 4),
    "with a file that is not checked": ("submissions.write", "read_submission", 1, 4),
    "before the ledger knows of it": ("submissions.ledger", "_append_line", 1, 4),
    "when the ledger knows of it": ("submissions.write", "put_in_place", 1, 4),
    "in the second picture": ("submissions.formats._folder", "_write_one", 2, 4),
    "with all pictures and no manifest": ("submissions.formats._folder", "write_json", 1, 4),
    "with a folder that has no name yet": ("submissions.formats._folder", "_put_in_place", 1, 4),
}
# One process loads everything; a fork of it dies for each place.
DYING = """
import json, os, signal, sys
from importlib import import_module
from cli.app import run

def die_at(module, name, at):
    module, calls, real = import_module(module), [], getattr(import_module(module), name)
    def mortal(*given, **named):
        calls.append(1)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    setattr(module, name, mortal)

rehearsal, jobs = json.load(sys.stdin)
assert run(rehearsal) == 0  # loads everything that the forks then need not
for place, arguments in jobs:
    child = os.fork()
    if not child:
        die_at(*place)
        os._exit(run(arguments))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def killed(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """By the place of the kill: the folder of a run that was killed there with signal 9."""
    folders = {place: tmp_path_factory.mktemp("killed") for place in KILLS}
    jobs = [(KILLS[place][:3], [*again(tiny, place, folder), "-q"]) for place, folder in folders.items()]
    folder = tmp_path_factory.mktemp("rehearsal")
    rehearsal = call(tiny, copy_of(tiny, folder / "runs"), folder / "s.csv", "--json")
    work = json.dumps([rehearsal, jobs])
    done = subprocess.run([sys.executable, "-c", DYING], input=work, capture_output=True, text=True)
    assert [int(word) for word in done.stdout.splitlines()[1:]] == [-signal.SIGKILL] * len(KILLS), done.stderr
    return folders


def out_of(place: str) -> str:
    return "png" if "formats" in KILLS[place][0] else "s.csv"


def again(tiny: Tiny, place: str, folder: Path) -> list[str]:
    """The command that is killed at this place."""
    return call(tiny, copy_of(tiny, folder / "runs"), folder / out_of(place), *form_of(out_of(place)))


@pytest.mark.parametrize("place", KILLS)
def test_after_a_kill_the_same_command_makes_the_same_bytes(
    tiny: Tiny, undisturbed: Path, killed: dict[str, Path], place: str
) -> None:
    out = killed[place] / out_of(place)
    assert not out.exists()
    whole = {path: path.stat().st_mtime_ns for path in (killed[place] / "runs").rglob("manifest.json")}
    assert len(whole) == KILLS[place][3]
    assert run(again(tiny, place, killed[place])) == 0
    assert content(out) == content(undisturbed.with_name(out.name))
    assert {path: path.stat().st_mtime_ns for path in whole} == whole  # what was complete was reused
    entries = read_ledger(ledger_path(killed[place] / "runs")).entries
    assert [entry.sent.rows for entry in entries] == ([len(tiny.ids)] if out.name == "s.csv" else [])


def test_the_masks_are_those_of_the_mean_over_the_folds(tiny: Tiny, undisturbed: Path) -> None:
    runs = undisturbed.parent / "runs"
    ensemble = read_ensemble(ensemble_path(runs, "default"))
    maps = {}
    for member in find_members(Store(runs), "test"):
        folds = np.stack([part.maps(tiny.ids) for part in member.sets]).astype(int)
        assert len(folds) == 2
        maps[member.name] = ((2 * folds.sum(axis=0) + 2) // 4).astype(np.uint8)  # half up
    found = read_submission(undisturbed)
    assert found.ids == tiny.ids
    expected = ensemble.apply(maps)
    assert 0 < expected.mean() < 1
    assert_array_equal(np.stack([found.mask(each) for each in tiny.ids]), expected)


def test_what_is_cached_is_reused_where_its_hash_matches(
    tiny: Tiny, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zoo.predict

    runs = shutil.copytree(undisturbed.parent / "runs", tmp_path / "runs", symlinks=True)
    real, predicted = zoo.predict.predict_records, []

    def counting(run, scenes, records, *given):
        predicted.append(len(records))
        return real(run, scenes, records, *given)

    monkeypatch.setattr(zoo.predict, "predict_records", counting)
    assert run(call(tiny, runs, tmp_path / "again.csv")) == 0
    assert predicted == []
    shard = next(runs.rglob("shard-0000.zst"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    assert run(call(tiny, runs, tmp_path / "torn.csv")) == 0
    assert predicted == [len(tiny.ids)]
    assert (tmp_path / "torn.csv").read_bytes() == undisturbed.read_bytes()


def test_an_existing_file_is_kept_without_force(
    tiny: Tiny, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, out = undisturbed.parent / "runs", tmp_path / "s.csv"
    out.write_text("mine")
    assert run(call(tiny, runs, out)) == 2
    assert "--force" in capsys.readouterr().err and out.read_text() == "mine"
    assert run(call(tiny, runs, out, "--force")) == 0
    assert out.read_bytes() == undisturbed.read_bytes()
    assert len(read_ledger(ledger_path(runs)).entries) == 1  # the very same file is the same entry


def test_rows_stand_in_the_samples_order_unless_it_is_stale(
    tiny: Tiny, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test").symlink_to(tiny.data / "test")
    there = Tiny(tmp_path / "data", undisturbed.parent / "runs", tiny.ids)
    for name, order, words in (("a", tiny.ids[::-1], ""), ("b", ("7", *tiny.ids), "its order does not count")):
        rows = "".join(f"{each},-\n" for each in order)
        (tmp_path / "data" / "sample_submission.csv").write_text(f"record_id,encoded_pixels\n{rows}")
        _, err = document(there, there.runs, tmp_path / f"{name}.csv", capsys)
        assert words in err and ("sample" in err) == bool(words)
    assert read_submission(tmp_path / "a.csv").ids == tiny.ids[::-1]
    assert (tmp_path / "b.csv").read_bytes() == undisturbed.read_bytes()


def test_no_test_records_is_said_before_anything_starts(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data" / "train"
    shutil.copytree(tiny.data / "test" / tiny.ids[0], data / "1")
    runs = copy_of(tiny, tmp_path / "runs")
    assert run(["submit", "--out", str(tmp_path / "s.csv"), "--data", str(data.parent), "--runs", str(runs)]) == 1
    assert "holds no test records" in capsys.readouterr().err


def document(tiny: Tiny, runs: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> tuple[dict, str]:
    capsys.readouterr()
    assert run(call(tiny, runs, out, "--json")) == 0
    out_text, err = capsys.readouterr()
    return json.loads(out_text), err


def test_the_shares_stand_beside_those_of_the_fit(
    tiny: Tiny, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, err = document(tiny, undisturbed.parent / "runs", tmp_path / "s.csv", capsys)
    masks = read_submission(undisturbed)
    share = np.mean([masks.mask(each).mean() for each in tiny.ids])
    assert found["share"] == pytest.approx(share)
    assert found["oof"] == {"records": 4, "share": 22100 / 4 / 65536, "not_empty": 3}
    assert found["labels"] == {"records": 4, "share": 23300 / 4 / 65536, "not_empty": 3}
    assert found["warnings"] == [] and "warning" not in err


@pytest.mark.parametrize(("pixels", "word"), [(40, "more"), (60_000, "less")])
def test_a_share_far_off_is_warned_of(
    tiny: Tiny, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], pixels: int, word: str
) -> None:
    runs = shutil.copytree(undisturbed.parent / "runs", tmp_path / "runs", symlinks=True)
    fitted = read_json(ensemble_path(runs, "default"))
    fitted["per_record"]["in_sample"] = [[0, pixels, pixels]] * 4
    write_json(ensemble_path(runs, "default"), fitted)
    found, err = document(tiny, runs, tmp_path / "s.csv", capsys)
    assert len(found["warnings"]) == 2
    assert err.count("warning: ") == 2 and f"far {word} than" in err


def test_a_run_that_is_gone_is_said_not_to_count(
    tiny: Tiny, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = copy_of(tiny, tmp_path / "runs")
    (runs / "members").unlink()
    shutil.copytree(tiny.runs / "members", runs / "members")
    next((runs / "members" / "tiny-resnet").glob("*/fold-1/result.json")).unlink()
    fitted = read_json(ensemble_path(runs, "default"))
    fitted["fitted"]["folds"] = [{"fold": 0}, {"fold": 1}]
    write_json(ensemble_path(runs, "default"), fitted)
    _, err = document(tiny, runs, tmp_path / "s.csv", capsys)
    assert "warning: tiny-resnet: no complete run of fold 1" in err and "tiny-efficientnet" not in err


@pytest.fixture
def own_weights(tiny: Tiny, tmp_path: Path) -> Path:
    """A runs folder whose runs can be changed."""
    runs = copy_of(tiny, tmp_path / "runs")
    (runs / "members").unlink()
    shutil.copytree(tiny.runs / "members", runs / "members")
    return runs


def result_of(runs: Path, fold: int = 1) -> Path:
    (path,) = (runs / "members" / "tiny-resnet").glob(f"*/fold-{fold}/result.json")
    return path


def predict_held_out(runs: Path, fold: int) -> None:
    """The set that a fit reads, by the weights that the run has now."""
    result = read_json(result_of(runs, fold))
    made = Provenance(
        member="tiny-resnet", recipe=result_of(runs, fold).parents[1].name, split="oof", fold=str(fold), seed=0,
        tta="none", folds_sha256=result["folds_sha256"], checkpoint_sha256=result["weights_sha256"], code="0",
        seconds_per_record=None,
    )  # fmt: skip
    with PredictionWriter(set_folder(Store(runs), made), made, [str(fold)]) as writer:
        writer.add(str(fold), np.zeros((256, 256), np.uint8))


@pytest.mark.parametrize("more", [(), ("--kaggle",)], ids=["csv", "kaggle"])
def test_other_weights_than_those_of_the_fit_are_refused(
    tiny: Tiny, own_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...]
) -> None:
    for fold in (0, 1):
        predict_held_out(own_weights, fold)
    fitted = read_json(ensemble_path(own_weights, "default"))
    fitted["members"][0]["digest"] = find_members(Store(own_weights), "oof", [Ref.parse("tiny-resnet")])[0].digest
    write_json(ensemble_path(own_weights, "default"), fitted)
    assert run(call(tiny, own_weights, tmp_path / "a.zip", *more)) == 0  # a csv by any name, or a bundle
    result = result_of(own_weights)
    other = result.with_name("best.safetensors")
    shutil.copyfile(result_of(own_weights, 0).with_name("best.safetensors"), other)
    write_json(result, read_json(result) | {"weights_sha256": sha256_of_file(other)})
    capsys.readouterr()
    assert run(call(tiny, own_weights, tmp_path / "b.zip", *more)) == 1
    assert "tiny-resnet" in (said := capsys.readouterr().err) and "of weights that it had before" in said
    predict_held_out(own_weights, 1)
    assert run(call(tiny, own_weights, tmp_path / "b.zip", *more)) == 1
    said = capsys.readouterr().err
    assert "tiny-resnet: its predictions are not those of the fit: " in said
    assert not (tmp_path / "b.zip").exists()
    again = "run: cli ensemble fit --name default --members tiny-resnet,tiny-efficientnet --tta none "
    assert f"{again}--data {tiny.data} --runs {own_weights}\n" in said


def test_a_run_with_the_weights_of_another_is_left_out_and_named(
    tiny: Tiny, own_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = result_of(own_weights).with_name("best.safetensors")
    shutil.copyfile(result_of(own_weights, 0).with_name("best.safetensors"), torn)
    _, err = document(tiny, own_weights, tmp_path / "s.csv", capsys)
    assert f"warning: {torn}: is missing, or not the weights that result.json names" in err
    assert f"remove {torn.parent} and train" in err
    assert len(find_members(Store(own_weights), "test", [Ref.parse("tiny-resnet")])[0].sets) == 1
    result_of(own_weights, 0).with_name("best.safetensors").unlink()
    assert run(call(tiny, own_weights, tmp_path / "none.csv")) == 1
    assert "error: " in capsys.readouterr().err and not (tmp_path / "none.csv").exists()


def test_a_run_that_was_stopped_is_named(
    tiny: Tiny, own_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(own_weights)
    whole = read_json(result)["epochs"]
    write_json(result, read_json(result) | {"epochs": 3})
    _, err = document(tiny, own_weights, tmp_path / "s.csv", capsys)
    recipe = result.parents[1].name
    assert f"note: tiny-resnet@{recipe} fold 1: was stopped at epoch 3 of {whole}\n" in err
    assert err.count("was stopped") == 1


def test_the_bar_counts_every_prediction_of_every_run(
    tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    monkeypatch.setattr("cli.options.Terminal", lambda *_, **__: heard)
    assert run(call(tiny, copy_of(tiny, tmp_path / "runs"), tmp_path / "s.csv")) == 0
    assert heard.tasks["predict"] == [12, 12]  # two members, two folds, three records

"""Submit: killed anywhere and called again it makes the same bytes; what it reuses, refuses and reports."""

import os
import shutil
import signal
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UsageError, UserError
from core.files import read_json, sha256_of_file
from core.signing import write_signed
from ensemble import Ensemble
from pipeline.bundle import bundle
from pipeline.submission import submit
from submissions import read_ledger, read_submission
from tests.forks import exit_code, forked
from tests.heard import Heard
from tests.pipeline.conftest import Submit
from tests.scenes import linked_copy, own
from tests.tiny_runs import Tiny
from zoo.data import open_scenes
from zoo.predictions import PredictionWriter, Provenance, find_members, set_folder
from zoo.runs import Ref, Store

# Where a run is killed: in a module, at the n-th call of a name; and how many of four sets are then complete.
KILLS = {
    "in the first batch": ("zoo.inference", "probabilities", 1, 0),
    "in the third of four runs": ("zoo.inference", "probabilities", 3, 2),
    "with a shard that is not noted": ("zoo.predictions.writer", "write_signed", 1, 0),
    "with all shards and no manifest": ("zoo.predictions.writer", "write_json", 2, 1),
    "with a file half way to the disk": ("os", "fsync", 5, 0),
    "in the second mask": ("submissions.write", "encode", 2, 4),
    "with a file that is not checked": ("submissions.write", "read_submission", 1, 4),
    "before the ledger knows of it": ("submissions.ledger", "_append_line", 1, 4),
    "when the ledger knows of it": ("submissions.ledger", "_append_line", -1, 4),
    "in the second picture": ("submissions.formats._folder", "_write_one", 2, 4),
    "with all pictures and no manifest": ("submissions.formats._folder", "write_json", 1, 4),
    "with a folder that has no name yet": ("submissions.formats._folder", "_put_in_place", 1, 4),
}


def die_at(module: str, name: str, at: int) -> None:
    """Let this process be killed by signal 9 at the n-th call of a name, or at the end of that call for -n."""
    place, calls = import_module(module), []
    real = getattr(place, name)

    def mortal(*given, **named):
        calls.append(1)
        if len(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*given, **named)
        if len(calls) == -at:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(place, name, mortal)


def content(out: Path) -> dict[str, bytes]:
    """The bytes of a file, or of every file in a folder."""
    return {path.name: path.read_bytes() for path in (out.iterdir() if out.is_dir() else [out])}


@pytest.mark.parametrize("place", KILLS)
def test_after_a_kill_the_same_call_makes_the_same_bytes(
    tiny: Tiny, undisturbed: Path, submit_from: Submit, runs: Path, place: str
) -> None:
    form = "png" if "formats" in KILLS[place][0] else "csv"
    out = runs.with_name(form)

    def die() -> None:
        die_at(*KILLS[place][:3])
        submit_from(runs, out, form=form)

    assert exit_code(forked(die)) == -signal.SIGKILL
    assert not out.exists()
    whole = {path: path.stat().st_mtime_ns for path in runs.rglob("manifest.json")}
    assert len(whole) == KILLS[place][3]
    submit_from(runs, out, form=form)
    assert content(out) == content(undisturbed.with_name(form))
    assert {path: path.stat().st_mtime_ns for path in whole} == whole  # what was complete was reused
    entries = read_ledger(Store(runs).ledger).entries
    assert [entry.sent.rows for entry in entries] == ([len(tiny.ids)] if form == "csv" else [])


def test_the_masks_are_those_of_the_mean_over_the_folds(tiny: Tiny, undisturbed: Path) -> None:
    runs = undisturbed.with_name("runs")
    ensemble = Ensemble.load(Store(runs).ensemble("default"))
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


SAME = "are these scenes of the same kind, and complete?"


@pytest.fixture
def predicted_runs(undisturbed: Path, tmp_path: Path) -> Path:
    """A runs folder with test predictions that may be changed."""
    return shutil.copytree(undisturbed.with_name("runs"), tmp_path / "predicted")


def test_predictions_are_reused_if_their_hash_matches(
    tiny: Tiny,
    undisturbed: Path,
    submit_from: Submit,
    predicted_runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import zoo.inference

    real, predicted = zoo.inference.predict_records, []

    def counting(run, scenes, records, *given):
        predicted.append(len(records))
        return real(run, scenes, records, *given)

    monkeypatch.setattr(zoo.inference, "predict_records", counting)
    submit_from(predicted_runs, tmp_path / "again.csv")
    assert predicted == []
    shard = next(predicted_runs.rglob("shard-0000.zst"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    submit_from(predicted_runs, tmp_path / "torn.csv")
    assert predicted == [len(tiny.ids)]
    assert (tmp_path / "torn.csv").read_bytes() == undisturbed.read_bytes()


@pytest.fixture
def predicted_before(tiny: Tiny, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Data and test predictions that may be changed; a call submits, and tells what was heard and predicted."""
    import zoo.inference

    data, runs = linked_copy(tiny.data, tmp_path / "data"), tmp_path / "runs"
    shutil.copytree(tiny.runs, runs)
    real, predicted = zoo.inference.predict_records, []

    def counting(run, scenes, records, *given):
        predicted.extend(record.id for record in records)
        return real(run, scenes, records, *given)

    def again(out: str):
        heard = Heard()
        predicted.clear()
        ensemble = Ensemble.load(Store(runs).ensemble("default"))
        submit(Store(runs), ensemble, tmp_path / out, open_scenes([data]), listener=heard)
        notes = [note for note in heard.notes if "the same masks as entry" not in note]
        return (tmp_path / out).read_bytes(), notes, list(predicted)

    monkeypatch.setattr(zoo.inference, "predict_records", counting)
    assert again("first.csv")[0] == undisturbed.read_bytes()
    return data, runs, again


def test_maps_of_scenes_that_have_changed_are_made_again(tiny: Tiny, predicted_before) -> None:
    data, runs, again = predicted_before
    band = own(data / "test" / tiny.ids[0] / "band_14.npy")
    np.save(band, np.load(band)[::-1])
    found, notes, predicted = again("second.csv")
    assert set(predicted) == set(tiny.ids)  # they lie in one shard
    words = f"the files of 1 record ({tiny.ids[0]}) have changed since they were predicted"
    assert [words in note for note in notes] == [True] * 4  # each run of each member
    shutil.rmtree(runs / "predictions")
    assert again("fresh.csv")[0] == found
    assert again("once-more.csv")[1:] == ([], [])


def test_a_copy_of_the_same_scenes_is_no_change(tiny: Tiny, predicted_before) -> None:
    data, runs, again = predicted_before
    for band in (data / "test").rglob("band_*.npy"):
        os.utime(own(band), (1, 1))
    (places := list(runs.rglob("scenes.json"))).sort()
    before = [path.read_bytes() for path in places]
    assert again("second.csv")[1:] == ([], [])
    assert [path.read_bytes() for path in places] != before  # the times of the copy: its files are not read again


@pytest.mark.parametrize("content", [None, "[]", '{"format": 1, "shards": {"shard-0000.zst": {}}}'])
def test_predictions_that_do_not_tell_their_scenes_are_reused_and_damaged_notes_of_them_are_not(
    tiny: Tiny, predicted_before, content
) -> None:
    data, runs, again = predicted_before
    for path in list(runs.rglob("scenes.json")):
        path.unlink() if content is None else path.write_text(content)
    own(data / "test" / tiny.ids[0] / "band_14.npy")
    assert (again("second.csv")[1:] == ([], [])) is (content is None)


def test_an_existing_file_is_kept_without_force(
    undisturbed: Path, submit_from: Submit, predicted_runs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "s.csv"
    out.write_text("mine")
    with pytest.raises(UsageError, match="--force"):
        submit_from(predicted_runs, out)
    assert out.read_text() == "mine"
    heard = Heard()
    assert submit_from(predicted_runs, out, force=True, listener=heard).written.rows == 3
    assert heard.notes == ["the same masks as entry 1 (csv) of the ledger; no entry is added"]
    assert out.read_bytes() == undisturbed.read_bytes()
    assert len(read_ledger(Store(predicted_runs).ledger).entries) == 1  # the very same file is the same entry


def test_rows_stand_in_the_samples_order_unless_it_lists_other_records(
    tiny: Tiny, undisturbed: Path, predicted_runs: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "test").symlink_to(tiny.data / "test")
    ensemble = Ensemble.load(Store(predicted_runs).ensemble("default"))
    for name, order, noted in (("a", tiny.ids[::-1], False), ("b", ("7", *tiny.ids), True)):
        rows = "".join(f"{each},-\n" for each in order)
        (data / "sample_submission.csv").write_text(f"record_id,encoded_pixels\n{rows}")
        heard = Heard()
        submit(Store(predicted_runs), ensemble, tmp_path / name, open_scenes([data]), listener=heard)
        assert any("order does not count" in note for note in heard.notes) == noted
    assert read_submission(tmp_path / "a").ids == tiny.ids[::-1]
    assert (tmp_path / "b").read_bytes() == undisturbed.read_bytes()


def test_without_test_records_or_scenes_there_is_nothing_to_submit(tiny: Tiny, runs: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny.data / "test" / tiny.ids[0], tmp_path / "data" / "train" / "1")
    ensemble = Ensemble.load(Store(runs).ensemble("default"))
    with pytest.raises(UserError, match="holds no test records"):
        submit(Store(runs), ensemble, tmp_path / "s.csv", open_scenes([tmp_path / "data"]))
    with pytest.raises(UsageError, match="scenes are needed"):
        submit(Store(runs), ensemble, tmp_path / "s.csv")


def test_the_foreground_stands_beside_that_of_the_fit(
    tiny: Tiny, undisturbed: Path, submit_from: Submit, predicted_runs: Path, tmp_path: Path
) -> None:
    heard = Heard()
    found = submit_from(predicted_runs, tmp_path / "s.csv", listener=heard).as_dict()
    masks = read_submission(undisturbed)
    assert found["share"] == pytest.approx(np.mean([masks.mask(each).mean() for each in tiny.ids]))
    assert found["oof"] == {"records": 4, "share": 22100 / 4 / 65536, "not_empty": 3}
    assert found["labels"] == {"records": 4, "share": 23300 / 4 / 65536, "not_empty": 3}
    assert found["warnings"] == heard.warnings == []


@pytest.mark.parametrize(("pixels", "word"), [(40, "more"), (60_000, "less")])
def test_masks_unlike_those_of_the_fit_are_warned_of_with_the_data(
    submit_from: Submit, predicted_runs: Path, tmp_path: Path, pixels: int, word: str
) -> None:
    change_ensemble(predicted_runs, per_record={"in_sample": [[0, pixels, pixels]] * 4})
    heard = Heard()
    (line,) = submit_from(predicted_runs, tmp_path / "s.csv", listener=heard).warnings
    assert f"far {word} than" in line and line.endswith("of the out-of-fold masks; " + SAME)
    assert heard.warnings == [f"{line}; run: cli data check"]


def test_masks_that_are_far_emptier_than_the_labels_are_laid_to_the_ensemble(
    submit_from: Submit, predicted_runs: Path, tmp_path: Path
) -> None:
    change_ensemble(predicted_runs, per_record={"in_sample": [[0, 0, 2000]] * 4})
    heard = Heard()
    submit_from(predicted_runs, tmp_path / "s.csv", listener=heard)
    cause = "its threshold, min-pixels or members are the cause; run: cli ensemble show default"
    pixels = "out of fold, 0.000% of the pixels are predicted, far less than the 3.052% of their labels"
    assert heard.warnings[0] == f"{pixels}; {cause}"
    assert heard.warnings[1].endswith(cause)


def test_an_edited_ensemble_is_submitted_without_the_figures_of_its_fit(
    submit_from: Submit, predicted_runs: Path, tmp_path: Path
) -> None:
    path = Store(predicted_runs).ensemble("default")
    write_signed(path, read_json(path) | {"edited": True})
    heard = Heard()
    found = submit_from(predicted_runs, tmp_path / "s.csv", listener=heard).as_dict()
    assert "was edited by hand and signed" in heard.warnings[0]
    assert "oof" not in found
    newest = read_ledger(Store(predicted_runs).ledger).entries[-1].sent
    assert (newest.local, newest.interval, newest.records) == (None, None, None)


def change_ensemble(runs: Path, **changes: dict) -> None:
    fitted = read_json(Store(runs).ensemble("default"))
    for key, values in changes.items():
        fitted[key] |= values
    write_signed(Store(runs).ensemble("default"), fitted)


def result_of(runs: Path, fold: int = 1) -> Path:
    (path,) = (runs / "members" / "tiny-resnet").glob(f"*/fold-{fold}/result.json")
    return path


def test_a_run_that_is_missing_is_warned_of(submit_from: Submit, runs: Path, tmp_path: Path) -> None:
    result_of(runs).unlink()
    chosen = {"records": 2, "dice": 0.5, "threshold": 0.5, "min_pixels": {"mode": "none", "k": 0}, "weights": {}}
    change_ensemble(runs, fitted={"folds": [{"fold": 0} | chosen, {"fold": 1} | chosen]})
    heard = Heard()
    submit_from(runs, tmp_path / "s.csv", listener=heard)
    (warning,) = heard.warnings
    assert "tiny-resnet: no complete run of fold 1" in warning


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


@pytest.mark.parametrize("kaggle", [False, True])
def test_other_weights_than_those_of_the_fit_are_refused(
    submit_from: Submit, runs: Path, tmp_path: Path, kaggle: bool
) -> None:
    def write(out: Path) -> None:
        if kaggle:
            bundle(Store(runs), Ensemble.load(Store(runs).ensemble("default")), out)
        else:
            submit_from(runs, out)

    for fold in (0, 1):
        predict_held_out(runs, fold)
    fitted = read_json(Store(runs).ensemble("default"))
    fitted["members"][0]["digest"] = find_members(Store(runs), "oof", [Ref("tiny-resnet")])[0].digest
    write_signed(Store(runs).ensemble("default"), fitted)
    write(tmp_path / "a.zip")  # a csv by any name, or a bundle
    result = result_of(runs)
    other = result.with_name("best.safetensors")
    shutil.copyfile(result_of(runs, 0).with_name("best.safetensors"), other)
    write_signed(result, read_json(result) | {"weights_sha256": sha256_of_file(other)})
    with pytest.raises(UserError, match=r"tiny-resnet.* of weights that it had before"):
        write(tmp_path / "b.zip")
    predict_held_out(runs, 1)
    again = "cli ensemble fit --members tiny-resnet,tiny-efficientnet --tta none"
    with pytest.raises(UserError, match="tiny-resnet: its predictions are not those of the fit: ") as caught:
        write(tmp_path / "b.zip")
    assert str(caught.value.do) == again
    assert not (tmp_path / "b.zip").exists()


def test_a_run_with_the_weights_of_another_is_left_out_and_named(
    submit_from: Submit, runs: Path, tmp_path: Path
) -> None:
    torn = result_of(runs).with_name("best.safetensors")
    shutil.copyfile(result_of(runs, 0).with_name("best.safetensors"), torn)
    heard = Heard()
    submit_from(runs, tmp_path / "s.csv", listener=heard)
    assert f"{torn}: is missing, or not the weights that result.json names" in heard.warnings[0]
    assert f"remove {torn.parent} and train" in heard.warnings[0]
    assert len(find_members(Store(runs), "test", [Ref("tiny-resnet")])[0].sets) == 1
    result_of(runs, 0).with_name("best.safetensors").unlink()
    with pytest.raises(UserError, match="is missing, or not the weights"):
        submit_from(runs, tmp_path / "none.csv")
    assert not (tmp_path / "none.csv").exists()


def test_a_run_that_was_stopped_is_named(submit_from: Submit, runs: Path, tmp_path: Path) -> None:
    result = result_of(runs)
    whole = read_json(result)["epochs"]
    write_signed(result, read_json(result) | {"epochs": 3})
    heard = Heard()
    submit_from(runs, tmp_path / "s.csv", listener=heard)
    assert heard.notes == [f"tiny-resnet@{result.parents[1].name} fold 1: was stopped at epoch 3 of {whole}"]


def test_the_listener_counts_every_prediction_of_every_run(submit_from: Submit, runs: Path, tmp_path: Path) -> None:
    heard = Heard()
    submit_from(runs, tmp_path / "s.csv", listener=heard)
    assert heard.tasks == {"predict": [12, 12], "masks": [3, 3]}  # two members, two folds, three records


def test_an_ensemble_of_imported_members_is_submitted_without_torch(undisturbed: Path, tiny: Tiny) -> None:
    import subprocess
    import sys

    runs = undisturbed.with_name("imported")
    shutil.copytree(undisturbed.with_name("runs"), runs, ignore=shutil.ignore_patterns("members", "*.jsonl"))
    probe = (
        "import sys; from pathlib import Path; from ensemble import Ensemble; from zoo.data import open_scenes\n"
        "from pipeline.submission import submit; from zoo.runs import Store; runs, data = map(Path, sys.argv[1:])\n"
        "submit(Store(runs), Ensemble.load(Store(runs).ensemble('default')), runs / 's.csv', open_scenes([data]))\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", probe, str(runs), str(tiny.data)]).returncode == 0
    assert (runs / "s.csv").read_bytes() == undisturbed.read_bytes()

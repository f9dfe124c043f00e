"""`zoo.pseudo_label`: frames of records labelled by runs that held them out, by networks that need no training here."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UsageError, UserError
from tests.heard import Heard
from tests.scenes import write_record
from tests.tiny_runs import tiny_runs
from zoo.data import LABELLED, open_scenes, read_folds
from zoo.inference import predict_records
from zoo.predictions.splits import labels_of
from zoo.predictions.verify import verify_sets
from zoo.predictions.writer import quantise
from zoo.runs import Ref, Store
from zoo.runs.find import runs_of_folds
from zoo.workflows.pseudo import pseudo_label

MEMBER = "tiny-resnet"


def write_planted(folder, frame):
    """Records whose labelled frame, and its neighbours, are what lies around `frame` in the records of `plain`."""
    for record_id in ("0", "1", "2", "3"):
        place = write_record(folder, "train", record_id, mask=40)
        for path in place.glob("band_*.npy"):
            np.save(path, np.roll(np.load(path), LABELLED - frame, axis=-1))
    return open_scenes([folder])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs of an input of three frames on two folds; record 3 lacks frames 1 and 2."""
    folder = tmp_path_factory.mktemp("pseudo")
    tiny_runs(folder, records=2, members=[MEMBER], frames=[4, 5, 6])
    for record_id in ("0", "1", "2", "3"):
        frames = range(3 if record_id == "3" else 1, 9)
        write_record(folder / "data", "train", record_id, mask=40, frames=frames)
    return folder


@pytest.fixture
def labels(folder):
    """Label in the store of this module: the sets and what was heard."""

    def labels(**options):
        heard = Heard()
        scenes = open_scenes([folder / "data"])
        return pseudo_label(MEMBER, scenes, Store(folder / "runs"), jobs=1, listener=heard, **options), heard

    return labels


@pytest.mark.parametrize("frame", [4, 7])
def test_the_label_of_a_frame_is_made_from_that_frame_and_its_neighbours(labels, folder, tmp_path, frame):
    planted, store = write_planted(tmp_path, frame), Store(folder / "runs")
    folds = read_folds(store.folds)
    runs = {run.run.fold: run for run in runs_of_folds(store, Ref(MEMBER), ["0", "1"], folds.sha256)}
    for made, other in zip(labels(frames=[frame])[0], labels(frames=[LABELLED])[0]):
        ids, fold = made.predictions.record_ids, made.predictions.provenance.fold
        records = [planted.record(record_id) for record_id in ids]
        at_label = dict(predict_records(runs[fold].run, planted, records, "none", "cpu"))
        assert_array_equal(made.predictions.maps(ids), [quantise(at_label[name], name) for name in ids])
        assert (made.predictions.maps(ids) != other.predictions.maps(ids)).any(axis=(1, 2)).all()


def test_each_run_labels_what_it_held_out_at_every_frame_that_is_there(labels, folder):
    made, _ = labels()
    folds = read_folds(folder / "runs/folds.csv")
    # Frame 1 would need frame 0, frame 8 frame 9; frame 3 needs frame 2, which record 3 lacks.
    assert sorted({each.frame for each in made}) == [2, 3, 4, 6, 7]
    for each in made:
        provenance = each.predictions.provenance
        held = {name for name, fold in folds.fold_of.items() if str(fold) == provenance.fold}
        lacking = {"3"} & held if each.frame < 4 else set()
        assert set(each.predictions.record_ids) == held - lacking
        assert (provenance.frame, labels_of(provenance.split)) == (each.frame, (each.frame, False))
        assert each.skipped == len(lacking)
    assert verify_sets(Store(folder / "runs")).faults == ()
    assert list(made.to_frame()["skipped"])[:4] == [each.skipped for each in made[:4]]


def test_complete_labels_are_reused_and_frame_5_is_the_out_of_fold_set(labels):
    made = labels(frames=[4, 5])[0]
    before = [each.predictions.folder.stat().st_mtime_ns for each in made]
    again, heard = labels(frames=[4, 5])
    assert [each.predictions.folder.stat().st_mtime_ns for each in again] == before
    assert {each.predictions.provenance.split for each in again} == {"pseudo-t4", "oof"}
    assert all(total == done for total, done in heard.tasks.values())


def test_every_run_labels_records_without_a_mask(labels):
    made, _ = labels(unlabelled=True)
    assert [(each.frame, each.predictions.provenance.fold) for each in made] == [(5, "0"), (5, "1")]
    assert len({each.predictions.record_ids for each in made}) == 1
    assert len(made[0].predictions.record_ids) == 2


def test_a_killed_command_resumes_where_it_was(labels, folder, monkeypatch):
    """Shards of one record: the second record is labelled again, the first is kept."""
    for module in ("zoo.predictions.writer", "zoo.predictions.format"):
        monkeypatch.setattr(f"{module}.SHARD_RECORDS", 1)
    undisturbed = labels(frames=[4], tta="hflip")[0]
    maps = [each.predictions.maps(each.predictions.record_ids) for each in undisturbed]
    for each in undisturbed:
        (each.predictions.folder / "manifest.json").unlink()
        for path in each.predictions.folder.glob("shard-*"):
            path.unlink()

    def interrupt():
        if len(heard.steps) == 3:  # the count of what is there, then one record each
            raise KeyboardInterrupt

    heard = Heard(interrupt)
    scenes, store = open_scenes([folder / "data"]), Store(folder / "runs")
    with pytest.raises(KeyboardInterrupt):
        pseudo_label(MEMBER, scenes, store, frames=[4], tta="hflip", jobs=1, listener=heard)
    first = undisturbed[0].predictions.folder
    assert not (first / "manifest.json").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in first.glob("shard-*")}
    resumed, _ = labels(frames=[4], tta="hflip")
    assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in first.glob("shard-*")}.items()
    assert kept
    for each, before in zip(resumed, maps):
        assert_array_equal(each.predictions.maps(each.predictions.record_ids), before)


def test_what_cannot_be_labelled_is_said(labels, folder, tmp_path):
    with pytest.raises(UserError, match="no record holds frame 8 and those that its input needs with it"):
        labels(frames=[8])
    for record_id in ("0", "1", "2", "3"):
        write_record(tmp_path / "masked", "train", record_id)
    with pytest.raises(UserError, match="every record has a mask"):
        pseudo_label(MEMBER, open_scenes([tmp_path / "masked"]), Store(folder / "runs"), unlabelled=True)
    with pytest.raises(UsageError, match='no member "nobody"|nobody'):
        pseudo_label("nobody", open_scenes([tmp_path / "masked"]), Store(folder / "runs"))

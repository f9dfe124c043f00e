"""Training with pseudo-labels: from which run a label comes, what is learnt of it, what of it counts in the hash."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError, UserError
from tests.forks import exit_code, forked
from tests.heard import Heard
from tests.scenes import write_record
from tests.zoo.training.cases import TINY, curve, plan, two_folds
from zoo.data import Assignment, Folds, open_scenes, unlabelled_records
from zoo.members import load_member, with_settings
from zoo.predictions import PredictionWriter, Provenance, set_folder
from zoo.runs import Store
from zoo.runs.run import run_records
from zoo.training import pin_warm_start, run_datasets, train
from zoo.training.dataset import read_image
from zoo.training.pseudo import find_labels, pin_pseudo, pseudo_samples

TEACHER = "teacher"
IDS = [str(number) for number in range(100, 106)]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Six labelled records, of which the last lacks frame 4; a test record, and a twin of a labelled one."""
    folder = tmp_path_factory.mktemp("scenes")
    for record_id in IDS:
        frames = [5, 6] if record_id == IDS[-1] else range(1, 9)
        write_record(folder, "train", record_id, mask=60, frames=frames)
    for record_id in ("300", IDS[0]):
        write_record(folder, "test", record_id)
    return open_scenes([folder])


@pytest.fixture(scope="module")
def folds(scenes):
    return two_folds(scenes)


def write_labels(runs, folds, frames=(4, 6), value=lambda fold, record_id: 10 + fold, recipe="ab", weights="c"):
    """Labels of a teacher, each a map of one value, by which the run that made it is known."""
    store = Store(runs)
    splits = [(f"pseudo-t{frame}" if frame != 5 else "oof", frame) for frame in frames]
    splits.append(("pseudo-t5-unlabelled", 5))
    for split, frame in splits:
        for fold in range(folds.count):
            made = Provenance(
                member=TEACHER,
                recipe=recipe,
                split=split,
                fold=str(fold),
                folds_sha256=folds.sha256,
                checkpoint_sha256=weights,
                frame=None if split == "oof" else frame,
            )
            ids = ("300",) if split.endswith("unlabelled") else folds.records(fold)
            with PredictionWriter(set_folder(store, made), made, ids) as writer:
                for record_id in writer.missing:
                    writer.add(record_id, np.full((256, 256), value(fold, record_id), np.uint8))
    return store


def learner(runs, folds, fold="0", **keys):
    recipe = with_settings(TINY, {"pseudo": TEACHER, **keys})
    return plan(runs, folds, pin_pseudo(recipe, Store(runs), folds), fold)


@settings(max_examples=5)
@given(st.permutations([0, 1, 2, 0, 1]), st.sampled_from(IDS[1:]))
def test_no_label_comes_from_a_run_that_trained_on_the_scene_group(tmp_path_factory, scenes, numbers, twin):
    """Whatever the folds and groups: the record in `twin`'s group lies in its fold."""
    fold_of = dict(zip(IDS[1:], numbers))
    fold_of[IDS[0]] = fold_of[twin]
    group_of = {record_id: record_id for record_id in IDS} | {IDS[0]: twin}
    folds = Folds(tuple(Assignment(record_id, fold_of[record_id], group_of[record_id]) for record_id in IDS))
    runs = tmp_path_factory.mktemp("runs")
    write_labels(runs, folds, frames=(5, 6))
    for fold in ("0", "1", "2", "full"):
        run = learner(runs, folds, fold, pseudo_frames=[6], pseudo_unlabelled=[5], distill=0.5)
        seen, _ = run_records(run, scenes, folds)
        samples, teacher = pseudo_samples(run, scenes, folds, seen)
        of_labelled = [(sample.record.id, sample.maps) for sample in samples if sample.frame == 6]
        assert {record_id for record_id, _ in of_labelled} == {record.id for record in seen}
        for record_id, maps in of_labelled + [(record.id, teacher) for record in seen]:
            made_by = int(maps.maps([record_id])[0, 0, 0]) - 10
            held_out = {group_of[name] for name in IDS if fold_of[name] == made_by}
            assert group_of[record_id] in held_out
            assert str(made_by) != fold
        (without_mask,) = [sample for sample in samples if sample.frame == 5]
        assert without_mask.record.split == "test"
        expected = 11 if fold == "full" else 10 + int(fold)  # the mean over the folds
        assert (without_mask.maps.maps(["300"]) == expected).all()


def test_labels_of_a_record_of_another_fold_are_refused(tmp_path, scenes, folds):
    swapped = Folds(tuple(Assignment(row.record_id, 1 - row.fold) for row in folds.rows))
    write_labels(tmp_path, swapped)
    with pytest.raises(UserError, match="made on another folds.csv"):
        learner(tmp_path, folds)
    for place in Store(tmp_path).sets():
        made = Provenance.of({**_provenance(place), "folds_sha256": folds.sha256})
        with PredictionWriter(place.folder, made, swapped.records(int(place.name.fold))) as writer:
            for record_id in writer.missing:
                writer.add(record_id, np.zeros((256, 256), np.uint8))
    with pytest.raises(UserError, match=r"record 10\d is not of fold \d in folds.csv"):
        learner(tmp_path, folds)


def _provenance(place):
    from zoo.predictions import PredictionSet

    return PredictionSet.open(place.folder).provenance.as_dict()


def test_a_sample_is_the_frame_of_a_record_and_the_teachers_map(tmp_path, scenes, folds):
    write_labels(tmp_path, folds, value=lambda fold, record_id: int(record_id) % 200)
    heard = Heard()
    for fold in ("0", "1"):
        run = learner(tmp_path, folds, fold, pseudo_unlabelled=[5], target="mean_hard")
        seen, held = run_datasets(run, scenes, folds, listener=heard)
        assert len(held.pseudo) == 0
        for number, sample in enumerate(seen.pseudo, start=len(seen)):
            images, labels = seen.batch([number])
            assert torch.equal(images[0], read_image(run.recipe, scenes, sample.record, None, sample.frame).float())
            assert labels[0, 0] == pytest.approx(int(sample.record.id) % 200 / 255, rel=1e-3)
            assert labels[0, 1].isnan().all()  # the teacher says nothing of the other head
    number = len(run_records(learner(tmp_path, folds, "0"), scenes, folds)[0])
    assert heard.infos[0].startswith("lite0-fc-t5 fold 0: pseudo-labels of teacher@ab: frame 4 of ")
    assert f" of {number} records" in heard.infos[0]
    frames = {(sample.record.id, sample.frame) for sample in seen.pseudo}
    assert (IDS[-1], 4) not in frames  # it has a label and not the frame
    assert {record.id for record in unlabelled_records(scenes)} == {"300"}  # a test twin of a labelled record is none


def test_a_distilled_target_lies_between_mask_and_map(tmp_path, scenes, folds):
    write_labels(tmp_path, folds, frames=(5,), value=lambda fold, record_id: 51)
    run = learner(tmp_path, folds, distill=0.25, pseudo_frames=[])
    heard = Heard()
    seen, held = run_datasets(run, scenes, folds, listener=heard)
    assert "pseudo-labels of teacher@ab: frame 5, with weight 0.25 beside the masks" in heard.infos[0]
    mask = torch.from_numpy(scenes.mask(seen.records[0])).float()
    assert torch.allclose(seen.batch([0])[1][0, 0], 0.75 * mask + 0.25 * 0.2, atol=1e-3)
    assert not seen.pseudo
    assert ((held.batch([0])[1] == 0) | (held.batch([0])[1] == 1)).all()


def test_a_teacher_without_a_map_of_a_record_is_refused_before_the_first_step(tmp_path, scenes, folds):
    """An imported one may lack some."""
    write_labels(tmp_path, folds, frames=(5,))
    run = learner(tmp_path, folds, distill=0.25, pseudo_frames=[])
    seen, _ = run_records(run, scenes, folds)
    more = [replace(seen[0], id="999"), *seen]
    with pytest.raises(UserError, match="teacher@ab has no map to distill of 1 record, 999 first; run: cli zoo train"):
        pseudo_samples(run, scenes, folds, more)


def test_the_hash_follows_the_labels_and_a_changed_teacher_is_refused_under_the_old_digest(tmp_path, scenes, folds):
    write_labels(tmp_path, folds)
    first = learner(tmp_path, folds)
    assert (first.recipe.pseudo, len(first.recipe.pseudo_sha256)) == ("teacher@ab", 12)
    assert learner(tmp_path, folds).hash == first.hash
    assert learner(tmp_path, folds, pseudo_frames=[4]).hash != first.hash
    write_labels(tmp_path, folds, frames=(4,), weights="d")
    changed = learner(tmp_path, folds)
    assert changed.hash != first.hash
    with pytest.raises(UserError, match=f"and not {first.recipe.pseudo_sha256}, as pseudo_sha256 says"):
        pin_pseudo(first.recipe, Store(tmp_path), folds)
    with pytest.raises(UserError, match="they were made again"):
        run_datasets(first, scenes, folds)
    with_other = with_settings(first.recipe, {"pseudo_frames": [6]})
    assert with_other.pseudo_sha256 == ""  # pinned anew
    assert pin_warm_start(with_settings(TINY, {"pseudo": TEACHER}), Store(tmp_path), ["0"], folds)[0] == changed.recipe


def test_a_teacher_that_is_not_there_or_may_be_several_is_named(tmp_path, folds):
    with pytest.raises(UserError, match='pseudo: no member "teacher", and none is trained in') as error:
        learner(tmp_path, folds)
    write_labels(tmp_path, folds)
    with pytest.raises(UserError, match="pseudo = teacher: has no labels of frame 3 in") as error:
        learner(tmp_path, folds, pseudo_frames=[3, 4], pseudo_tta="d4")
    assert str(error.value.do) == "cli zoo pseudo teacher --frames 3,4 --tta d4"
    with pytest.raises(UserError, match="has no labels of frame 4 of records without a mask in") as error:
        learner(tmp_path, folds, pseudo_frames=[], pseudo_unlabelled=[4])
    assert str(error.value.do) == "cli zoo pseudo teacher --frames 4 --unlabelled"
    with pytest.raises(UserError, match=r"pseudo_tta = d4: an ensemble labels with the views of its members"):
        learner(tmp_path, folds, pseudo="ensemble+teacher", pseudo_tta="d4")
    write_labels(tmp_path, folds, recipe="cd")
    with pytest.raises(UsageError, match="several recipes have such labels; name teacher@ab, teacher@cd"):
        learner(tmp_path, folds)
    assert learner(tmp_path, folds, pseudo="teacher@c").recipe.pseudo == "teacher@cd"
    with pytest.raises(UserError, match='no pseudo-t4 predictions with TTA "d4"') as error:
        learner(tmp_path, folds, pseudo="teacher@cd", pseudo_tta="d4")
    assert str(error.value.do) == "cli zoo pseudo teacher@cd --frames 4,6 --tta d4"
    for place in [place for place in Store(tmp_path).sets("pseudo-t6") if place.name.fold == "1"]:
        place.manifest.unlink()
    with pytest.raises(UserError, match="has no labels of frame 6 of fold 1"):
        learner(tmp_path, folds, pseudo="teacher@cd")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"distill": 0.5}, "give the teacher, pseudo = MEMBER"),
        ({"pseudo": "m", "pseudo_frames": []}, "give pseudo_frames, pseudo_unlabelled or distill, too"),
        ({"pseudo": "m", "pseudo_frames": [0]}, "give numbers of frames 1 to 8, each once"),
        ({"pseudo": "m", "pseudo_share": 1.5}, "give a share, 0 to 1"),
        ({"pseudo": "a/b"}, r"give MEMBER, ensemble\+NAME"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys, words):
    with pytest.raises(UsageError, match=words):
        with_settings(TINY, keys)


def test_keys_of_labels_without_a_teacher_are_refused_before_training(tmp_path, folds):
    recipe = with_settings(TINY, {"pseudo_share": 0.25})
    with pytest.raises(UserError, match="pseudo_share has no effect without a teacher; give pseudo = MEMBER"):
        pin_pseudo(recipe, Store(tmp_path), folds)


def test_a_process_killed_in_the_middle_of_an_epoch_goes_on_with_the_same_curve(tmp_path, scenes, folds):
    runs = [learner(write_labels(tmp_path / name, folds).root, folds, epochs=2) for name in ("whole", "killed")]
    whole, killed = runs
    assert whole.hash == killed.hash
    train(whole, *run_datasets(whole, scenes, folds), "cpu")

    def kill():
        if len(heard.steps) == 4:  # the last step of the second epoch
            os.kill(os.getpid(), signal.SIGKILL)

    heard = Heard(kill)
    datasets = run_datasets(killed, scenes, folds)
    child = forked(lambda: train(killed, *datasets, "cpu", heard, save_every=0.0))
    assert exit_code(child) == -signal.SIGKILL
    resumed = Heard()
    train(killed, *run_datasets(killed, scenes, folds), "cpu", resumed)
    assert "resumes from epoch" in resumed.infos[0]
    assert curve(killed) == curve(whole)
    assert killed.best.read_bytes() == whole.best.read_bytes()
    assert whole.read_result()["pseudo_samples"] == len(datasets[0].pseudo)


def test_stages_pretrain_on_pseudo_labels_alone_and_fine_tune_on_masks(tmp_path, scenes, folds, monkeypatch):
    write_labels(tmp_path, folds)
    stages = [{"pseudo_share": 1.0, "epochs": 1}, {"pseudo_share": 0.0, "lr": 1e-4, "epochs": 1}]
    run = learner(tmp_path, folds, stages=stages)
    seen, held = run_datasets(run, scenes, folds)
    met, batch = [], seen.batch
    monkeypatch.setattr(seen, "batch", lambda numbers: met.append(list(numbers)) or batch(numbers))
    epochs = train(run, seen, held, "cpu")
    steps = len(met) // 2
    assert all(number >= len(seen) for numbers in met[:steps] for number in numbers)
    assert all(number < len(seen) for numbers in met[steps:] for number in numbers)
    assert [epoch.stage for epoch in epochs] == [1, 2]
    assert run.read_result()["started_from"] == run.stages[0].read_result()["weights_sha256"]


def test_shipped_recipes_have_no_teacher_and_keep_their_hash():
    counted = load_member("lite0-fc-t5").counted
    assert not [key for key in counted if key.startswith(("pseudo", "distill"))]


def test_labels_are_found_over_all_folds(tmp_path, folds):
    write_labels(tmp_path, folds, frames=(4, 5, 6))
    recipe = with_settings(TINY, {"pseudo": TEACHER, "distill": 0.5, "pseudo_unlabelled": [5]})
    labels = find_labels(recipe, Store(tmp_path), folds)
    assert list(labels.maps) == ["pseudo-t4", "oof", "pseudo-t6", "pseudo-t5-unlabelled"]
    assert all(maps.folds == ("0", "1") for maps in labels.maps.values())

"""Maps of other software: found in its own folders, and read or refused by name."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UserError
from tests.zoo.predictions.cases import ids, map_of
from zoo.predictions import find_members
from zoo.predictions.importer import import_member
from zoo.predictions.map_files import find_map_files, read_map
from zoo.runs import Store

RECORDS = ids(9)


def softmax(record_id):
    """Probabilities of background and foreground, (2, 1, 256, 256) float16, as nnU-Net v2 writes them."""
    foreground = (map_of(record_id) / 255).astype(np.float32)
    return np.stack([1 - foreground, foreground])[:, None].astype(np.float16)


@pytest.fixture
def trainer(tmp_path):
    """Trainer's folder of nnU-Net with three folds."""
    folder = tmp_path / "nnUNetTrainer__nnUNetPlans__2d"
    for number, record_id in enumerate(RECORDS):
        place = folder / f"fold_{number % 3}" / "validation"
        place.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(place / f"{record_id}.npz", probabilities=softmax(record_id))
        (place / f"{record_id}.pkl").write_bytes(b"properties")
    return folder


@pytest.fixture
def folds(tmp_path):
    path = tmp_path / "folds.csv"
    path.write_text("record_id,fold\n" + "".join(f"{name},{k % 3}\n" for k, name in enumerate(RECORDS)))
    return path


def test_a_trainers_folder_is_imported_as_it_is(tmp_path, trainer, folds):
    found = import_member(Store(tmp_path / "runs"), "nnunet", trainer, folds=folds)
    assert dict(found.folds) == {"0": 3, "1": 3, "2": 3}
    (member,) = find_members(Store(tmp_path / "runs"))
    assert np.abs(member.maps(RECORDS)[4].astype(int) - map_of(RECORDS[4])).max() <= 1


def test_a_record_that_its_fold_trained_on_is_refused(tmp_path, trainer, folds):
    moved = trainer / "fold_0" / "validation" / f"{RECORDS[0]}.npz"
    moved.rename(trainer / "fold_1" / "validation" / moved.name)
    with pytest.raises(UserError, match=rf"record {RECORDS[0]} lies in fold_1, and in fold 0 of"):
        import_member(Store(tmp_path / "runs"), "nnunet", trainer, folds=folds)


def test_two_maps_of_a_record_are_refused(tmp_path, trainer):
    again = trainer / "fold_1" / "validation" / f"{RECORDS[0]}.npz"
    again.write_bytes((trainer / "fold_0" / "validation" / f"{RECORDS[0]}.npz").read_bytes())
    with pytest.raises(UserError, match=f"record {RECORDS[0]} has two maps"):
        find_map_files(trainer)


def test_folds_without_probabilities_say_how_to_get_them(tmp_path):
    (tmp_path / "fold_0" / "validation").mkdir(parents=True)
    with pytest.raises(UserError, match="--npz"):
        find_map_files(tmp_path)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"softmax": np.zeros((2, 4, 4)), "other": np.zeros(1)}, 'has no array "probabilities"'),
        ({"probabilities": np.zeros((3, 1, 4, 4))}, r"\(3, 1, 4, 4\), not \(2, 1, height, width\)"),
        ({"probabilities": np.array([{}])}, "holds pickled Python objects, which are never loaded"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path, arrays, words):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=words):
        read_map(path)


def test_a_torn_file_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, probabilities=np.zeros((2, 1, 4, 4)))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match="is not a readable zip file"):
        read_map(path)


def test_the_only_array_of_a_file_is_its_map(tmp_path):
    array = np.full((3, 4), 0.25)
    np.savez(tmp_path / "a.npz", probability=array)
    assert_array_equal(read_map(tmp_path / "a.npz"), array)


def test_a_file_in_place_of_a_folder_is_named(tmp_path):
    (tmp_path / "all.npz").write_bytes(b"")
    with pytest.raises(UserError, match="is a file; give a folder"):
        find_map_files(tmp_path / "all.npz")


def test_both_shapes_of_two_classes_are_read(tmp_path):
    both = np.stack([np.full((3, 4), 0.75), np.full((3, 4), 0.25)])
    for array in (both, both[:, None]):
        np.savez(tmp_path / "a.npz", probabilities=array)
        assert_array_equal(read_map(tmp_path / "a.npz"), both[1])

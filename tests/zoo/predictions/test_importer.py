"""Predictions made elsewhere become members, or are refused by name."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UserError
from core.locks import Claimed
from tests.forks import Holding
from tests.heard import Heard
from tests.zoo.predictions.cases import bytes_of, ids, map_of, maps_of
from zoo.data import read_folds
from zoo.predictions import find_members
from zoo.predictions.importer import import_member
from zoo.runs import Ref, Store

OOF = ids(70)


@pytest.fixture
def folds(tmp_path) -> Path:
    """Only the two columns that are needed."""
    path = tmp_path / "mine.csv"
    path.write_text("record_id,fold\n" + "".join(f"{name},{k % 3}\n" for k, name in enumerate(OOF)))
    return path


def save(folder: Path, record_ids: list[str], kind: type = np.float32) -> Path:
    folder.mkdir(exist_ok=True)
    for record_id in record_ids:
        levels = map_of(record_id)
        array = levels if kind is np.uint8 else (levels / 255).astype(kind)
        np.save(folder / f"{record_id}.npy", array)
    return folder


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8])
def test_foreign_maps_are_members_like_any_other(tmp_path, folds, kind):
    runs = tmp_path / "runs"
    oof, test = save(tmp_path / "oof", OOF, kind), save(tmp_path / "test", ids(3, 100), kind)
    found = import_member(Store(runs), "nnunet", oof, test, folds)
    assert (dict(found.folds), found.missing, found.test) == ({"0": 24, "1": 23, "2": 23}, (), 3)
    (member,) = find_members(
        Store(runs), names=[Ref.parse("nnunet")], folds_sha256=read_folds(runs / "folds.csv").sha256
    )
    assert member.folds == ("0", "1", "2")
    assert_array_equal(member.maps(OOF), maps_of(OOF))
    (tested,) = find_members(Store(runs), "test", names=[Ref.parse(f"nnunet@{found.recipe}")])
    assert_array_equal(tested.maps(ids(3, 100)), maps_of(ids(3, 100)))
    assert tested.seconds_per_record is None


def test_each_record_lies_in_the_fold_that_held_it_out(tmp_path, folds):
    import_member(Store(tmp_path / "runs"), "ext", save(tmp_path / "oof", OOF), folds=folds)
    (member,) = find_members(Store(tmp_path / "runs"))
    for part in member.sets:
        assert part.record_ids == tuple(OOF[int(part.provenance.fold) :: 3])


def test_the_same_files_again_change_nothing_and_others_are_another_recipe(tmp_path, folds):
    runs, oof = tmp_path / "runs", save(tmp_path / "oof", OOF)
    first = import_member(Store(runs), "ext", oof, folds=folds)
    before = times(runs)
    assert import_member(Store(runs), "ext", oof) == first
    assert times(runs) == before
    np.save(oof / f"{OOF[0]}.npy", np.zeros((256, 256), np.float32))
    second = import_member(Store(runs), "ext", oof)
    assert second.recipe != first.recipe
    assert find_members(Store(runs))[0].maps(OOF[:1]).max() == 0


def test_test_maps_may_come_later_to_the_same_recipe(tmp_path, folds):
    runs, oof = tmp_path / "runs", save(tmp_path / "oof", OOF)
    first = import_member(Store(runs), "ext", oof, folds=folds)
    second = import_member(Store(runs), "ext", oof, save(tmp_path / "test", ids(2, 100)))
    assert (first.recipe, second.test) == (second.recipe, 2)


def test_records_without_a_map_are_counted(tmp_path, folds):
    found = import_member(Store(tmp_path / "runs"), "ext", save(tmp_path / "oof", OOF[:60]), folds=folds)
    assert found.missing == tuple(OOF[60:])


def test_a_killed_import_is_gone_on_with(tmp_path, folds):
    oof = save(tmp_path / "oof", OOF)
    import_member(Store(tmp_path / "whole"), "ext", oof, folds=folds)

    def fail() -> None:
        if sum(heard.steps) > 110:
            raise KeyboardInterrupt

    heard = Heard(fail)

    with pytest.raises(KeyboardInterrupt):
        import_member(Store(tmp_path / "killed"), "ext", oof, folds=folds, listener=heard)
    import_member(Store(tmp_path / "killed"), "ext", oof, folds=folds)
    for path in (tmp_path / "whole").rglob("none"):
        assert bytes_of(path) == bytes_of(tmp_path / "killed" / path.relative_to(tmp_path / "whole"))


def test_an_import_of_a_name_that_is_being_imported_is_refused(tmp_path, folds):
    oof, store = save(tmp_path / "oof", OOF), Store(tmp_path / "runs")
    other = Holding(store.predictions("ext"), "is being imported")
    with pytest.raises(Claimed, match=f"predictions/ext: is being imported by .*process {other.process} "):
        import_member(store, "ext", oof, folds=folds)
    assert not store.folds.exists()
    other.kill()
    import_member(store, "ext", oof, folds=folds)
    assert store.predicted_members() == ["ext"]


def test_without_folds_it_says_how_to_name_them(tmp_path):
    with pytest.raises(UserError, match=r"folds\.csv: no such file; name the folds .* --folds FILE"):
        import_member(Store(tmp_path / "runs"), "ext", save(tmp_path / "oof", OOF[:1]))


def test_folds_that_differ_from_those_there_are_refused(tmp_path, folds):
    runs, oof = tmp_path / "runs", save(tmp_path / "oof", OOF)
    import_member(Store(runs), "ext", oof, folds=folds)
    other = tmp_path / "other.csv"
    other.write_text(folds.read_text().replace(f"{OOF[0]},0", f"{OOF[0]},1"))
    with pytest.raises(UserError, match=r"other\.csv: differs from .*folds\.csv"):
        import_member(Store(runs), "ext2", oof, folds=other)


def test_a_record_in_no_fold_is_named(tmp_path, folds):
    oof = save(tmp_path / "oof", [*OOF, "77"])
    with pytest.raises(UserError, match=r"record 77 is in no fold .*\(1 of 71 files are not\)"):
        import_member(Store(tmp_path / "runs"), "ext", oof, folds=folds)


def test_a_record_whose_id_went_through_a_float_is_named(tmp_path, folds):
    folds.write_text("record_id,fold\n1000216489776414077,0\n2,1\n")
    oof = save(tmp_path / "oof", ["1000216489776414080", "2"])
    with pytest.raises(UserError, match=r"1000216489776414080\.npy is of record 1000216489776414077: through a float"):
        import_member(Store(tmp_path / "runs"), "ext", oof, folds=folds)


BAD = {
    "no npy": lambda path: path.write_bytes(b"nothing"),
    "empty": lambda path: path.write_bytes(b""),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "pickled": lambda path: path.write_bytes(pickle.dumps([1])),
    "objects": lambda path: np.save(path, np.array([{}], object), allow_pickle=True),
    "archive": lambda path: np.savez(path.open("wb"), a=np.zeros(3)),
    "another shape": lambda path: np.save(path, np.zeros((256, 255), np.float32)),
    "NaN": lambda path: np.save(path, np.full((256, 256), np.nan)),
    "logits": lambda path: np.save(path, np.full((256, 256), -3.0)),
    "percent": lambda path: np.save(path, np.full((256, 256), 40.0)),
    "integers": lambda path: np.save(path, np.zeros((256, 256), np.int64)),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD.keys())
def test_a_file_that_is_no_map_is_named_and_nothing_is_written(tmp_path, folds, spoil):
    oof = save(tmp_path / "oof", OOF)
    spoil(oof / f"{OOF[5]}.npy")
    with pytest.raises(UserError, match=OOF[5]):
        import_member(Store(tmp_path / "runs"), "ext", oof, folds=folds)
    assert not (tmp_path / "runs").exists()


def test_masks_in_place_of_probabilities_are_refused(tmp_path, folds):
    oof = tmp_path / "oof"
    oof.mkdir()
    for record_id in OOF:
        np.save(oof / f"{record_id}.npy", (map_of(record_id) > 128).astype(np.uint8))
    with pytest.raises(UserError, match="masks of 0 and 1"):
        import_member(Store(tmp_path / "runs"), "ext", oof, folds=folds)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_one_map_of_probabilities_does_not_let_masks_pass(tmp_path, folds, kind):
    oof = save(tmp_path / "oof", OOF[:1], kind)
    for record_id in OOF[1:]:
        np.save(oof / f"{record_id}.npy", (map_of(record_id) > 128).astype(np.uint8))
    with pytest.raises(UserError, match="masks of 0 and 1"):
        import_member(Store(tmp_path / "runs"), "ext", oof, folds=folds)


def test_one_map_of_low_probability_is_no_mask(tmp_path, folds):
    oof = save(tmp_path / "oof", OOF, np.uint8)
    np.save(oof / f"{OOF[3]}.npy", np.eye(256, dtype=np.uint8))
    imported = import_member(Store(tmp_path / "runs"), "ext", oof, folds=folds)
    assert sum(imported.folds.values()) == len(OOF)


@pytest.mark.parametrize("name", ["a/b", "..", "", "a@b", "a,b", "-x"])
def test_a_name_that_cannot_be_a_member_is_refused(tmp_path, folds, name):
    with pytest.raises(UserError, match="cannot be a member's name"):
        import_member(Store(tmp_path / "runs"), name, save(tmp_path / "oof", OOF[:1]), folds=folds)


def test_the_name_of_a_trained_member_is_refused(tmp_path, folds):
    (tmp_path / "runs/members/unet").mkdir(parents=True)
    with pytest.raises(UserError, match="is a member trained in"):
        import_member(Store(tmp_path / "runs"), "unet", save(tmp_path / "oof", OOF[:1]), folds=folds)


@pytest.mark.parametrize("make, word", [(False, "no such directory"), (True, "holds no <record_id>.npy")])
def test_a_folder_without_maps_is_named(tmp_path, folds, make, word):
    if make:
        (tmp_path / "oof").mkdir()
    with pytest.raises(UserError, match=word):
        import_member(Store(tmp_path / "runs"), "ext", tmp_path / "oof", folds=folds)

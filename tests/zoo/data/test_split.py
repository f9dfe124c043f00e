"""Folds made of scenes: whole groups, even loads, the same whatever the order."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError, UserError
from tests.forks import at_once
from tests.heard import Heard
from tests.scenes import linked_copy, own, write_ash, write_metadata, write_record
from zoo.data import find_folds, keep_folds, make_folds, open_scenes, read_folds, save_folds
from zoo.data.split import assign

LOADS = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 3), st.integers(1, 3)), min_size=10, max_size=60)


@given(LOADS, st.integers(2, 10), st.integers(0, 3))
def test_no_fold_is_empty_and_none_is_far_heavier_than_another(loads, k, seed):
    by_name = {str(index): load for index, load in enumerate(loads)}
    fold_of = assign(by_name, k, seed)
    assert fold_of.keys() == by_name.keys()
    assert set(fold_of.values()) == set(range(k))
    filled = _filled(by_name, fold_of, k)
    heaviest = max(load[0] for load in loads)
    assert np.ptp(filled[:, 0]) <= 2 * heaviest + 1


def test_many_records_spread_evenly(rng):
    pixels = np.where(rng.random(2000) < 0.4, rng.lognormal(6, 1.3, 2000), 0).astype(int)
    loads = {str(index): (int(count), int(count > 0), 1) for index, count in enumerate(pixels)}
    filled = _filled(loads, assign(loads, 5, 0), 5)
    assert np.ptp(filled[:, 0]) < 0.01 * filled[:, 0].mean()
    assert np.ptp(filled[:, 1]) <= 3
    assert np.ptp(filled[:, 2]) <= 3


@given(LOADS.flatmap(lambda loads: st.tuples(st.just(loads), st.permutations(range(len(loads))))))
def test_the_order_of_groups_does_not_count(case):
    loads, order = case
    by_name = {str(index): load for index, load in enumerate(loads)}
    shuffled = {str(index): loads[index] for index in order}
    assert assign(by_name, 4, 0) == assign(shuffled, 4, 0)


def test_the_seed_breaks_ties_alone():
    distinct = {str(index): (2**index, 1, 1) for index in range(10)}
    assert assign(distinct, 3, 0) == assign(distinct, 3, 1)
    equal = {str(index): (0, 0, 1) for index in range(30)}
    assert assign(equal, 3, 0) != assign(equal, 3, 1)


def _filled(loads, fold_of, k):
    return np.array(
        [np.sum([load for name, load in loads.items() if fold_of[name] == fold], axis=0) for fold in range(k)]
    )


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Six train records, two of one place within two hours, and two ash scenes."""
    folder = tmp_path_factory.mktemp("split")
    for name in "123456":
        write_record(folder / "data", "train", name, frames=(5,), mask=int(name) * 10)
    places = {name: (0.0, 0.0, 900.0 * int(name)) for name in "12345"} | {"6": (1.5, 300.0, 4500.0)}
    write_metadata(folder / "data", "train", places)
    for name in ("7", "8"):
        write_ash(folder / "ash", name, mask=5)
    return folder


@pytest.fixture
def data(scenes, tmp_path):
    return linked_copy(scenes, tmp_path)


def test_records_of_one_place_and_time_share_a_fold(data):
    folds = make_folds(open_scenes([data / "data"]), 3)
    assert folds.fold_of["5"] == folds.fold_of["6"]
    assert (folds.group_of["6"], folds.group_of["4"]) == ("5", "4")
    assert {row.record_id: row.positives for row in folds.rows} == {name: int(name) * 10 for name in "123456"}


def test_the_order_and_the_name_of_sources_do_not_count(data):
    first = make_folds(open_scenes([data / "data", data / "ash"]), 3)
    assert make_folds(open_scenes([data / "ash", data / "data"]), 3, jobs=2) == first
    (data / "data").rename(data / "zzz")
    moved = make_folds(open_scenes([data / "zzz", data / "ash"]), 3)
    assert (moved.fold_of, moved.group_of, moved.sha256) == (first.fold_of, first.group_of, first.sha256)


def test_with_metadata_for_all_no_frame_is_read(data):
    for path in (data / "data").rglob("band_*.npy"):
        own(path).write_bytes(b"not to be read")
    make_folds(open_scenes([data / "data"]), 3)


TWINS = {"1": "9", "2": "8"}


def _twins(folder):
    for name in "1234":
        write_record(folder, "train", name, mask=int(name) * 10)
    for name, twin in TWINS.items():
        write_record(folder, "train", twin, seed=int(name), mask=3)


def _all_near(folds):
    return all(folds.fold_of[name] == folds.fold_of[twin] for name, twin in TWINS.items())


def test_a_record_without_a_band_leaves_the_groups_of_the_others(tmp_path):
    _twins(tmp_path)
    before = make_folds(open_scenes(tmp_path), 2)
    assert (_all_near(before), before.ungrouped) == (True, ())
    write_record(tmp_path, "train", "5", bands=())
    folds = make_folds(open_scenes(tmp_path), 2)
    assert (_all_near(folds), folds.ungrouped) == (True, ("5",))
    assert {name: folds.group_of[name] for name in before.group_of} == before.group_of


@pytest.mark.parametrize("change", [{"row_min": float("nan")}, {"timestamp": 1_570_000_000_000.0}])
@pytest.mark.parametrize("many", [1, 6])
def test_metadata_that_say_nothing_are_no_metadata(tmp_path, change, many):
    _twins(tmp_path)
    hours = {name: (20.0 * int(name), 0, 0) for name in "1234"} | {"9": (20.5, 0, 0), "8": (40.5, 0, 0)}
    path, heard = write_metadata(tmp_path, "train", hours), Heard()
    entries = json.loads(path.read_text())
    path.write_text(json.dumps([entry | (change if n < many else {}) for n, entry in enumerate(entries)]))
    folds = make_folds(open_scenes(tmp_path), 2, listener=heard)
    assert (_all_near(folds), folds.ungrouped) == (True, ())
    assert [row.grouped_by for row in folds.rows].count("metadata") == 6 - many
    (note,) = heard.notes
    assert note.startswith("record 1: ")
    assert note.endswith(f"{' (and 5 other faults)' if many > 1 else ''}; run: cli data check")


def test_a_test_record_of_the_same_id_does_not_move_a_labelled_one(tmp_path):
    _twins(tmp_path)
    write_metadata(tmp_path, "train", {name: (10.0 * int(name), 0, 0) for name in "123498"})
    alone = make_folds(open_scenes(tmp_path), 2)
    write_record(tmp_path, "test", "1")
    write_metadata(tmp_path, "test", {"1": (20.0, 0, 0)})
    assert make_folds(open_scenes(tmp_path), 2) == alone


def test_without_a_label_there_is_nothing_to_split(tmp_path):
    write_record(tmp_path, "train", "1", mask=None)
    with pytest.raises(UserError, match="none of 1 record is labelled"):
        make_folds(open_scenes(tmp_path), 2)


def test_every_record_is_a_step_of_the_task(data):
    heard = Heard()
    make_folds(open_scenes([data / "data"]), 2, listener=heard)
    assert heard.tasks == {"folds": [6, 6]}


def test_folds_are_made_and_kept_only_where_there_are_none(data, tmp_path):
    scenes, path, heard = open_scenes(data / "data"), tmp_path / "runs" / "folds.csv", Heard()
    made = find_folds(path, scenes)
    assert made == make_folds(scenes, 5)
    assert not path.exists()
    keep_folds(path, made, heard)
    assert heard.infos == [f"{path}: did not exist; made 5 folds grouped by scene"]
    with pytest.raises(UserError, match="another command has just written other folds"):
        keep_folds(path, make_folds(scenes, 2), heard)
    assert find_folds(path, scenes) == made
    assert len(heard.infos) == 1


def test_of_splits_that_are_made_at_once_one_is_kept_and_the_others_are_told(data, tmp_path):
    scenes, path = open_scenes(data / "data"), tmp_path / "runs" / "folds.csv"
    splits = [make_folds(scenes, count) for count in (2, 3, 4)]
    keeping = [lambda split=split: keep_folds(path, split) for split in splits]
    replacing = [lambda split=split: save_folds(path, split) for split in splits]
    codes = at_once([*keeping, *replacing])
    kept = splits.index(read_folds(path))
    assert [number for number, code in enumerate(codes) if code == 0] == [kept, kept + len(splits)]


def test_more_folds_than_scene_groups_are_refused(data):
    with pytest.raises(UserError, match="5 scene groups of labelled records cannot fill 6 folds; ask for fewer"):
        make_folds(open_scenes([data / "data"]), 6)
    with pytest.raises(UsageError, match="1 folds: give two or more"):
        make_folds(open_scenes([data / "data"]), 1)


def test_real_scenes_are_split_evenly(real_scenes):
    folds = make_folds(open_scenes([real_scenes, real_scenes / "ash_color"]), 5)
    pixels = np.zeros(5)
    for row in folds.rows:
        pixels[row.fold] += row.positives or 0
    assert len(folds.rows) == 211
    assert np.ptp(pixels) < 0.08 * pixels.mean()
    assert np.ptp([len(folds.records(fold)) for fold in range(5)]) <= 1

"""Scene groups, compared with the slow obvious way."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tests.scenes import kelvin, write_ash, write_record
from zoo.data import Metadata, open_scenes
from zoo.data.groups import KILOMETRES, SECONDS, join_pairs, near_in_place_and_time, scene_groups
from zoo.data.thumbnails import ASH_BANDS, bands_to_compare, similar_pairs, thumbnails


@given(st.integers(1, 12).flatmap(lambda n: st.lists(st.tuples(*[st.integers(0, n - 1)] * 2)).map(lambda p: (n, p))))
def test_merged_groups_are_the_connected_components(case):
    size, pairs = case
    ids = [str(7 * index % 13) for index in range(size)]
    groups = join_pairs(ids, pairs)
    first, second = np.array(pairs, dtype=int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (first, second)), shape=(size, size))
    _, component = connected_components(graph, directed=False)
    for index in range(size):
        assert groups[index] == min(ids[other] for other in range(size) if component[other] == component[index])


def test_pairs_near_in_place_and_time_are_those_found_one_by_one(rng):
    known = [
        None if rng.random() < 0.2 else Metadata(rng.uniform(0, 20 * 3600), (rng.uniform(-8, 8), rng.uniform(-8, 8)))
        for _ in range(80)
    ]
    slow = {
        (i, j)
        for i, a in enumerate(known)
        for j, b in enumerate(known)
        if i < j and a and b and abs(a.time - b.time) <= SECONDS and _kilometres(a.centre, b.centre) < KILOMETRES
    }
    assert len(slow) > 20
    assert {tuple(sorted(pair)) for pair in near_in_place_and_time(known)} == slow


def _kilometres(first, second):
    a, b, c, d = map(math.radians, (*first, *second))
    cosine = math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)
    return 6371 * math.acos(min(1.0, cosine))


def test_two_hours_are_near_and_a_second_more_is_not():
    at = [Metadata(time, (0.0, 0.0)) for time in (0, SECONDS, 2 * SECONDS + 1)]
    assert list(near_in_place_and_time(at)) == [(0, 1)]


def test_no_metadata_give_no_pairs():
    assert list(near_in_place_and_time([])) == []
    assert list(near_in_place_and_time([None, None, Metadata(0.0, None)])) == []


def test_frames_that_look_alike_are_those_found_one_by_one(rng):
    common = rng.normal(size=(6, 30))
    frames = [common[rng.integers(6, size=k)] + rng.normal(0, 0.4, (k, 30)) for k in rng.integers(0, 5, 40)]
    frames = [(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)).astype("f4") for rows in frames]
    slow = {
        (i, j)
        for i, a in enumerate(frames)
        for j, b in enumerate(frames)
        if i < j and a.size and b.size and (a @ b.T).max() > 0.85
    }
    assert slow
    assert set(similar_pairs(frames)) == slow


def test_scenes_minutes_apart_look_alike_and_others_do_not(tmp_path):
    first = write_record(tmp_path, "train", "1")
    later = write_record(tmp_path, "train", "2", seed=1)
    write_record(tmp_path, "train", "3")
    for band in ASH_BANDS:
        # The same place forty minutes later: its first frame is the other one's fifth.
        values = np.load(first / f"band_{band}.npy")
        shifted = np.concatenate([values[..., 4:], np.full((256, 256, 4), np.nan, np.float32)], -1)
        np.save(later / f"band_{band}.npy", shifted.astype(np.float32))
    assert _groups(tmp_path) == ["1", "1", "3"]


def test_scenes_of_different_sources_are_compared(tmp_path):
    write_ash(tmp_path / "ash", "5")
    write_ash(tmp_path / "ash", "6")
    (tmp_path / "ash" / "contrails" / "5.npy").rename(tmp_path / "ash" / "contrails" / "4.npy")
    scenes = open_scenes([tmp_path / "ash"])
    t11, t14, t15 = scenes.kelvin(scenes.record("6"), ASH_BANDS, (5,))[:, 0]
    folder = write_record(tmp_path / "data", "train", "9", frames=(5,))
    for band, plane in zip(ASH_BANDS, (t11, t14, t15)):
        values = np.load(folder / f"band_{band}.npy")
        values[..., 4] = plane
        np.save(folder / f"band_{band}.npy", values)
    assert _groups(tmp_path / "ash", tmp_path / "data") == ["4", "6", "6"]


def test_a_cloudless_even_scene_is_like_no_other(tmp_path):
    for name in ("1", "2"):
        folder = write_record(tmp_path, "train", name)
        for band in ASH_BANDS:
            np.save(folder / f"band_{band}.npy", np.full((256, 256, 8), 290.0, np.float32))
    assert _groups(tmp_path) == ["1", "2"]


def test_records_without_the_ash_bands_are_compared_by_the_best_window_band():
    assert bands_to_compare([(8, 11, 14, 15), (11, 14, 15)]) == (11, 14, 15)
    assert bands_to_compare([(8, 11, 14, 15), (8, 13, 14)]) == (14,)
    assert bands_to_compare([(8,), (13,)]) == ()
    assert bands_to_compare([]) == ()


def test_place_and_time_speak_louder_than_looks():
    frames = [np.eye(1, 4, dtype=np.float32)] * 3
    far = [Metadata(0.0, (0.0, 0.0)), Metadata(0.0, (30.0, 0.0)), None]
    assert scene_groups(["1", "2"], far[:2], frames[:2]) == ["1", "2"]
    # A third one without metadata looks like both, so it cannot be in a fold apart from either.
    assert scene_groups(["1", "2", "3"], far, frames) == ["1", "1", "1"]


def test_the_real_sample_holds_one_scene_twice(real_scenes):
    scenes = open_scenes([real_scenes, real_scenes / "ash_color"])
    frames = [thumbnails(scenes.source(record), record, ASH_BANDS) for record in scenes.labelled]
    pairs = {tuple(scenes.labelled[index].id for index in pair) for pair in similar_pairs(frames)}
    assert pairs == {("positive_013", "positive_062")}


def _groups(*folders):
    scenes = open_scenes(folders)
    frames = [thumbnails(scenes.source(record), record, ASH_BANDS) for record in scenes.labelled]
    return scene_groups([record.id for record in scenes.labelled], [None] * len(frames), frames)


def test_the_test_scenes_are_plausible():
    values = kelvin("1")
    assert values.dtype == np.float32
    assert 240 < values.min() < values.max() < 305

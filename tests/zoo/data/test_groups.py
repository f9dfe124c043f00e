"""Scene groups, compared with the slow obvious way."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from tests.scenes import kelvin, write_ash, write_record
from zoo.data import Metadata, open_scenes
from zoo.data.groups import (
    KILOMETRES,
    SECONDS,
    grouped_by,
    join_pairs,
    near_in_place_and_time,
    scene_groups,
)
from zoo.data.thumbnails import (
    ASH_BANDS,
    bands_to_compare,
    looks_needed,
    pairs_that_look_alike,
    read_looks,
    similar_pairs,
)


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


def test_each_pair_is_compared_by_the_best_bands_that_both_hold(tmp_path):
    """One record without a band, or without the ash bands, leaves the comparison of the others as it is."""
    for name, seed, bands in [
        *(("1", 1, ASH_BANDS), ("2", 1, ASH_BANDS), ("3", 3, ASH_BANDS)),
        *(("4", 3, (14,)), ("5", 5, ()), ("6", 6, (8,))),
    ]:
        write_record(tmp_path, "train", name, seed=seed, bands=bands)
    scenes = open_scenes(tmp_path)
    held = [scenes.source(record).bands(record) for record in scenes.labelled]
    assert looks_needed(held) == [*[(ASH_BANDS, (14,))] * 3, ((14,),), (), ((8,),)]
    assert _groups(tmp_path) == ["1", "1", "3", "3", "5", "6"]
    by = grouped_by([None] * 6, _looks(scenes))
    assert by == ["pixels"] * 4 + ["unknown"] * 2


def test_a_record_is_unknown_only_where_it_cannot_be_compared():
    at, look, other = Metadata(0.0, (0.0, 0.0)), {(14,): np.eye(1)}, {(8,): np.eye(1)}
    assert grouped_by([at, at, None], [{}, {}, {}]) == ["metadata", "metadata", "unknown"]
    assert grouped_by([at, None, None], [{}, look, look]) == ["unknown", "pixels", "pixels"]
    assert grouped_by([at, None, None], [look, look, look]) == ["metadata", "pixels", "pixels"]
    assert grouped_by([None] * 5, [look, other, look, look, other]) == [
        *("pixels", "unknown", "pixels", "pixels", "unknown"),
    ]
    assert grouped_by([None, None], [{}, {}]) == ["unknown", "unknown"]
    assert grouped_by([], []) == []


@given(st.lists(st.tuples(st.booleans(), st.sets(st.sampled_from([(14,), (13,), (8,)])))))
def test_all_records_that_are_not_unknown_can_be_compared(kinds):
    known = [Metadata(0.0, (0.0, 0.0)) if placed else None for placed, _ in kinds]
    by = grouped_by(known, [{bands: np.eye(1, dtype="f4") for bands in shown} for _, shown in kinds])
    left = [kind for kind, how in zip(kinds, by) if how != "unknown"]
    pairs = [(a, b) for n, a in enumerate(left) for b in left[:n]]
    assert all((a[0] and b[0]) or a[1] & b[1] for a, b in pairs)
    assert all((how == "metadata") == placed for (placed, _), how in zip(kinds, by) if how != "unknown")


def test_place_and_time_speak_louder_than_looks():
    looks = [{(14,): np.eye(1, 4, dtype=np.float32)}] * 3
    far = [Metadata(0.0, (0.0, 0.0)), Metadata(0.0, (30.0, 0.0)), None]
    assert scene_groups(["1", "2"], far[:2], looks[:2]) == ["1", "2"]
    # A third one without metadata looks like both, so it cannot be in a fold apart from either.
    assert scene_groups(["1", "2", "3"], far, looks) == ["1", "1", "1"]


def test_the_real_sample_holds_one_scene_twice(real_scenes):
    scenes = open_scenes([real_scenes, real_scenes / "ash_color"])
    looks = _looks(scenes)
    pairs = {tuple(scenes.labelled[index].id for index in pair) for pair in pairs_that_look_alike(looks)}
    assert pairs == {("positive_013", "positive_062")}
    assert set(grouped_by([scenes.metadata(record) for record in scenes.labelled], looks)) == {"metadata", "pixels"}


def _groups(*folders):
    scenes = open_scenes(folders)
    return scene_groups([record.id for record in scenes.labelled], [None] * len(scenes.labelled), _looks(scenes))


def _looks(scenes):
    needed = looks_needed([scenes.source(record).bands(record) for record in scenes.labelled])
    return [read_looks(scenes.source(record), record, bands) for record, bands in zip(scenes.labelled, needed)]


def test_the_test_scenes_are_plausible():
    values = kelvin("1")
    assert values.dtype == np.float32
    assert 240 < values.min() < values.max() < 305

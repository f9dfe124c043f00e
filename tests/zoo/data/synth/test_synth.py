"""Synthetic scenes: the layout, the same bytes always, the physics, the labels."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from core.errors import UserError
from core.locks import Claimed
from tests.forks import Holding
from tests.heard import Heard
from tests.zoo.data.synth.conftest import COUNTS
from zoo.data.masks import majority
from zoo.data.synth import atmosphere as air
from zoo.data.synth import make_scenes
from zoo.data.synth.contrails import Contrail, optical_depth
from zoo.data.synth.fields import CANVAS, power_law, window
from zoo.data.synth.labelers import Labeler, draw_polygon, fill
from zoo.data.synth.metadata import metadata_entry
from zoo.data.synth.scene import ScenePlan, add_contrails, make_scene
from zoo.data.synth.write import is_complete, record_id


def records(folder: Path, split: str) -> list[Path]:
    return sorted((folder / split).iterdir())


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def straight(length: int = 80, *, slope: float = 0.3, width: float = 1.0, depth: float = 0.1) -> Contrail:
    s = np.arange(0, length, 0.5, dtype=np.float32)
    along = np.array([slope, 1.0]) / np.hypot(slope, 1)
    points = (np.array([120.0, 60.0]) + s[:, None] * along).astype(np.float32)
    flat = np.full(len(points), depth, np.float32)
    return Contrail(
        points=points,
        depth=flat,
        ragged=flat * 0,
        width=width,
        age=6.0,
        spread=0.1,
        fade=10.0,
        wind=(1.0, 3.0),
    )


# --- the layout


def test_every_record_has_the_files_of_the_competition(folder):
    for split, count in COUNTS.items():
        assert len(records(folder, split)) == count
        for record in records(folder, split):
            names = {f"band_{number:02d}.npy" for number in range(8, 17)}
            names |= {"human_pixel_masks.npy"} if split != "test" else set()
            names |= {"human_individual_masks.npy"} if split == "train" else set()
            assert {path.name for path in record.iterdir()} == names
            assert record.name.isdigit() and 15 <= len(record.name) <= 19


def test_bands_are_finite_float32_in_a_plausible_range(folder):
    for record in [*records(folder, "train")[:6], *records(folder, "test")]:
        for number in range(8, 17):
            band = np.load(record / f"band_{number:02d}.npy", allow_pickle=False)
            assert band.dtype == np.float32 and band.shape == (256, 256, 8)
            assert np.isfinite(band).all() and band.min() > 180 and band.max() < 340


def test_the_mask_is_marked_by_more_than_half_of_the_labelers(folder):
    for record in records(folder, "train"):
        individual = np.load(record / "human_individual_masks.npy")
        mask = np.load(record / "human_pixel_masks.npy")
        assert individual.dtype == mask.dtype == np.int32
        assert individual.shape[:3] == (256, 256, 1) and individual.shape[3] in (4, 6)
        assert_array_equal(mask, individual.mean(axis=-1) > 0.5)


def test_metadata_and_sample_submission_have_the_official_form(folder):
    for split in ("train", "validation"):
        entries = json.loads((folder / f"{split}_metadata.json").read_text())
        assert [entry["record_id"] for entry in entries] == [path.name for path in records(folder, split)]
        fields = {"record_id", "projection_wkt", "row_min", "row_size", "col_min", "col_size", "timestamp"}
        assert all(set(entry) == fields and entry["timestamp"] % 1200 == 0 for entry in entries)
    lines = (folder / "sample_submission.csv").read_text().splitlines()
    assert lines[0] == "record_id,encoded_pixels"
    assert [line.split(",")[0] for line in lines[1:]] == [path.name for path in records(folder, "test")]
    assert lines[2].endswith(",-")


def test_metadata_of_a_record_does_not_depend_on_how_many_there_are():
    plan = ScenePlan(seed=1, split="train", index=4)
    assert metadata_entry("1", plan) == metadata_entry("1", ScenePlan(seed=1, split="train", index=4))


# --- the same bytes


def test_the_same_seed_makes_the_same_bytes_whatever_the_jobs(tmp_path):
    for jobs in (1, 2):
        make_scenes(tmp_path / str(jobs), train=1, validation=1, test=0, seed=5, jobs=jobs)
    assert digests(tmp_path / "1") == digests(tmp_path / "2")


def test_another_seed_makes_other_records():
    names = [record_id(ScenePlan(seed=seed, split="train", index=0)) for seed in range(50)]
    assert len(set(names)) == 50


def test_a_killed_run_is_taken_up_and_only_what_is_torn_made_again(tmp_path):
    make_scenes(tmp_path, train=2, validation=0, test=0, seed=5, jobs=1)
    before = digests(tmp_path)
    whole, torn = records(tmp_path, "train")
    (torn / "band_11.npy").write_bytes((torn / "band_11.npy").read_bytes()[:1000])
    (tmp_path / "train" / ".123.part").mkdir()
    kept = (whole / "band_08.npy").stat().st_mtime_ns
    heard = Heard()
    make_scenes(tmp_path, train=2, validation=0, test=0, seed=5, jobs=1, listener=heard)
    assert digests(tmp_path) == before
    assert (whole / "band_08.npy").stat().st_mtime_ns == kept
    assert heard.tasks == {"scenes": [2, 2]}


def test_a_folder_that_another_command_fills_is_refused(tmp_path):
    other = Holding(tmp_path / "sample_submission.csv", "is being made")
    with pytest.raises(Claimed, match=f"sample_submission.csv: is being made by .*process {other.process} "):
        make_scenes(tmp_path, train=1, validation=0, test=0, jobs=1)
    assert not (tmp_path / "train").exists()
    other.kill()
    make_scenes(tmp_path, train=1, validation=0, test=0, jobs=1)


def test_more_scenes_of_the_same_seed_keep_the_first_ones(tmp_path):
    make_scenes(tmp_path, train=1, validation=0, test=0, seed=5, jobs=1)
    first = digests(tmp_path / "train")
    make_scenes(tmp_path, train=2, validation=0, test=0, seed=5, jobs=1)
    assert first.items() <= digests(tmp_path / "train").items()


def test_a_folder_with_other_records_is_refused_by_name(tmp_path):
    (tmp_path / "train" / "1234567890123456").mkdir(parents=True)
    with pytest.raises(UserError, match="1234567890123456: is not a record of this seed"):
        make_scenes(tmp_path, train=1, validation=0, test=0, seed=5, jobs=1)


def test_a_record_without_its_masks_is_not_complete(folder):
    plan = ScenePlan(seed=3, split="train", index=0)
    place = folder / "train" / record_id(plan)
    assert is_complete(place, plan)
    assert not is_complete(folder / "test" / records(folder, "test")[0].name, plan)


# --- fields


@pytest.mark.parametrize("slope", [2.0, 3.0])
def test_the_power_of_a_field_falls_with_the_slope_asked_for(rng, slope):
    power = np.mean([np.abs(np.fft.fft2(power_law(rng, slope)[0])) ** 2 for _ in range(4)], axis=0)
    f = np.hypot(np.fft.fftfreq(CANVAS)[:, None], np.fft.fftfreq(CANVAS)[None])
    low, high = ((f > at / 1.15) & (f < at * 1.15) for at in (0.03, 0.3))
    measured = -np.log10(power[high].mean() / power[low].mean())
    assert measured == pytest.approx(slope, abs=0.15)


def test_a_field_moves_by_whole_pixels_exactly(rng):
    field = power_law(rng, 3.0)[0]
    assert_allclose(window(field, 3, -7), np.roll(field, (3, -7), (0, 1))[:256, :256], atol=1e-6)


def test_a_field_moves_by_parts_of_a_pixel_as_its_spectrum_says(rng):
    field = power_law(rng, 3.0, smallest=8)[0]
    fy, fx = np.meshgrid(np.fft.fftfreq(CANVAS), np.fft.fftfreq(CANVAS), indexing="ij")
    moved = np.fft.ifft2(np.fft.fft2(field) * np.exp(-2j * np.pi * (0.3 * fy - 0.6 * fx))).real
    assert_allclose(window(field, 0.3, -0.6), moved[:256, :256], atol=0.01)


# --- ice and light


@pytest.mark.parametrize("number", air.BANDS)
def test_kelvin_and_radiance_undo_each_other(number):
    kelvin = np.linspace(190, 330, 50, dtype=np.float32)
    wavelength = air.BANDS[number].wavelength
    assert_allclose(air.kelvin_of(air.planck(kelvin, wavelength), wavelength), kelvin, atol=2e-3)


def test_a_thin_contrail_cools_the_window_and_both_differences_fall():
    def seen(depth: float, number: int) -> float:
        band = air.BANDS[number]
        ground = np.full((2, 2), 288 - 3 * band.vapour, np.float32)
        sky = add_contrails(air.planck(ground, band.wavelength), np.full((2, 2), depth, np.float32), number, 220.0)
        return float(air.kelvin_of(sky, band.wavelength)[0, 0])

    change = {number: seen(0.06, number) - seen(0.0, number) for number in (11, 14, 15)}
    assert -4 < change[14] < -2
    assert -0.6 < change[15] - change[14] < -0.1
    assert -1.2 < change[14] - change[11] < -0.3


def test_vapour_bands_do_not_see_the_ground():
    cold, warm = np.float32(275), np.float32(295)
    for number, most in ((8, 0.15), (9, 0.2), (10, 0.3)):
        band = air.BANDS[number]
        change = air.ceil(warm, np.float32(band.ceiling), band.width) - air.ceil(
            cold, np.float32(band.ceiling), band.width
        )
        assert 0 <= change < most * (warm - cold)


def test_optical_depth_is_conserved_by_the_raster():
    contrail = straight(width=1.1, depth=0.1)
    # Depth integrated over the cross-section of a Gaussian, times the length.
    expected = 0.1 * 1.1 * np.sqrt(2 * np.pi) * len(contrail.points) * 0.5
    assert optical_depth([contrail], air.LABELLED).sum() == pytest.approx(expected, rel=1e-3)


def test_contrails_drift_with_the_wind_spread_and_fade():
    contrail = straight()
    now, later = (optical_depth([contrail], frame).astype(np.float64) for frame in (4, 7))
    y, x = np.indices(now.shape)
    drift = [(later * axis).sum() / later.sum() - (now * axis).sum() / now.sum() for axis in (y, x)]
    assert_allclose(drift, [3.0, 9.0], atol=0.05)
    assert later.sum() == pytest.approx(now.sum() * np.exp(-3 / 10), rel=1e-3)
    assert later.max() < now.max() * np.exp(-3 / 10)


def test_no_contrail_is_seen_before_its_aircraft_came():
    contrail = straight()
    assert not optical_depth([Contrail(**{**vars(contrail), "age": 1.5})], 2).any()


# --- labels


def test_labels_lie_half_a_pixel_down_and_to_the_right(rng):
    careful = Labeler(boldness=0.0, breadth=1.0, care=0.0)
    shifts = []
    for slope in (-2.0, -0.4, 0.4, 2.0):
        contrail = straight(slope=slope, width=1.2)
        middle = contrail.points.mean(axis=0)
        marks = [np.argwhere(draw_polygon(rng, contrail, careful)) for _ in range(40)]
        across = contrail.normals[0]
        off = np.mean([(mark.mean(axis=0) - middle) @ across for mark in marks])
        shifts.append((across, off))
    solved = np.linalg.lstsq(np.array([a for a, _ in shifts]), np.array([o for _, o in shifts]), rcond=None)[0]
    assert_allclose(solved, [0.5, 0.5], atol=0.06)


def test_filled_pixels_are_those_nearest_to_the_line():
    axis = np.stack([np.full(200, 40.0), np.linspace(20, 90, 200)], axis=1)
    mask = fill(axis, np.array([1.0, 0.0]), np.full(200, 1.4))
    assert_array_equal(np.flatnonzero(mask.any(axis=1)), [39, 40, 41])
    assert_array_equal(np.flatnonzero(mask.any(axis=0)), np.arange(20, 91))


def test_a_tie_of_labelers_is_no_contrail():
    masks = np.zeros((1, 2, 4), bool)
    masks[0, 0, :2] = masks[0, 1, :3] = True
    assert_array_equal(majority(masks, axis=-1), [[False, True]])


def test_scenes_are_positive_exactly_where_they_were_planned_to_be():
    for index in range(6):
        plan = ScenePlan(seed=11, split="validation", index=index)
        assert make_scene(plan).truth.any() == (plan.pixels > 0)

"""Submit in every format: the same masks, at the place that the metadata tell."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.errors import UsageError, UserError
from ensemble import Ensemble
from pipeline.submission import find_places, submit
from submissions import read_ledger, read_submission
from submissions.formats import FORMATS, Prediction, WriteOptions
from tests.scenes import write_metadata
from tests.tiny_runs import Tiny
from zoo.data import open_scenes
from zoo.predictions import find_members
from zoo.runs import Store

FOLDERS = [name for name in FORMATS.names() if name != "csv"]


@pytest.fixture(scope="module")
def written(tiny: Tiny, undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one output a format, of test records that lie in a row, 600 km from one to the next."""
    folder = tmp_path_factory.mktemp("written")
    runs = shutil.copytree(undisturbed.with_name("runs"), folder / "runs", ignore=shutil.ignore_patterns("*.jsonl"))
    (folder / "data").mkdir()
    (folder / "data" / "test").symlink_to(tiny.data / "test")
    write_metadata(folder / "data", "test", {each: (0, 600.0 * i, 4000) for i, each in enumerate(tiny.ids)})
    for name in FORMATS.names():
        write(runs, folder / name, name, folder / "data")
    return folder


def write(runs: Path, out: Path, form: str, data: Path, force: bool = False) -> Path:
    ensemble = Ensemble.load(Store(runs).ensemble("default"))
    return submit(Store(runs), ensemble, out, open_scenes([data]), form=form, force=force).written.path


@pytest.mark.parametrize("name", FOLDERS)
def test_every_record_has_its_file(tiny: Tiny, written: Path, name: str) -> None:
    assert {path.stem for path in (written / name).iterdir()} == {*tiny.ids, "manifest"}


def test_the_arrays_are_the_masks_of_the_csv(tiny: Tiny, written: Path) -> None:
    found = read_submission(written / "csv")
    for record_id in tiny.ids:
        assert_array_equal(np.load(written / "npy" / f"{record_id}.npy"), found.mask(record_id))


def test_the_probabilities_are_the_mean_of_the_members_maps(tiny: Tiny, written: Path) -> None:
    members = find_members(Store(written / "runs"), "test")
    mean = np.mean([member.maps(tiny.ids).astype(float) / 255 for member in members], axis=0)
    found = np.stack([np.load(written / "probabilities" / f"{record_id}.npy") for record_id in tiny.ids])
    np.testing.assert_allclose(found, mean, atol=1e-6)
    # Above the threshold lies the mask, but for the components that min-pixels drops.
    masks = np.stack([read_submission(written / "csv").mask(each) for each in tiny.ids])
    assert not (masks & (found < 128 / 255 - 1e-6)).any()


def test_neighbours_lie_side_by_side_on_the_map(tiny: Tiny, written: Path) -> None:
    import rasterio

    bounds = []
    for record_id in tiny.ids:
        with rasterio.open(written / "geotiff" / f"{record_id}.tif") as file:
            bounds.append(file.bounds)
    assert [round(b.left - bounds[0].left) for b in bounds] == [0, 600_000, 1_200_000]
    assert {round(b.top - b.bottom) for b in bounds} == {256 * 1950}
    assert round(bounds[0].bottom + 128 * 1950) == 4_000_000


def test_only_the_csv_is_a_submission_in_the_ledger(written: Path) -> None:
    assert [entry.sent.name for entry in read_ledger(Store(written / "runs").ledger).entries] == ["csv"]


def test_without_metadata_the_record_is_named_before_anything_is_predicted(tiny: Tiny, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"record {tiny.ids[0]} and 2 more have no usable entry.*test_metadata\.json"):
        write(tiny.runs, tmp_path / "out", "geojson", tiny.data)
    assert not (tmp_path / "out").exists() and not (tiny.runs / "predictions").exists()


def test_an_existing_folder_is_refused_as_a_file_is(written: Path) -> None:
    with pytest.raises(UsageError, match="--force"):
        write(written / "runs", written / "npy", "png", written / "data")
    assert write(written / "runs", written / "png", "png", written / "data") == written / "png"  # the same content
    assert write(written / "runs", written / "png", "png", written / "data", force=True) == written / "png"


def test_real_scenes_lie_where_their_metadata_put_them(real_scenes: Path, tmp_path: Path) -> None:
    """The centre by GDAL's projection is that by the zoo's own series; labels drawn as polygons come back."""
    import rasterio
    from rasterio.warp import transform

    scenes = open_scenes([real_scenes])
    records = [record for record in scenes.labelled if record.split == "validation"]
    places = find_places(scenes, records)
    labels = [Prediction(each.id, scenes.mask(each), None, places[each.id]) for each in records]
    for name in ("geotiff", "geojson"):  # each file is read back and compared as it is written
        FORMATS.get(name)(tmp_path / name, labels, WriteOptions())
    for record in records:
        with rasterio.open(tmp_path / "geotiff" / f"{record.id}.tif") as file:
            (east,), (north,) = transform(file.crs, "EPSG:4326", *[[value] for value in file.transform @ (128, 128)])
        centre = scenes.metadata(record).centre
        assert (north, east) == pytest.approx(centre, abs=1e-4)  # ten metres


def test_train_records_cannot_be_placed_and_that_is_said(real_scenes: Path) -> None:
    scenes = open_scenes([real_scenes])
    with pytest.raises(UserError, match=r"and 17 more have no usable entry.*train_metadata\.json"):
        find_places(scenes, [record for record in scenes.labelled if record.split == "train"])

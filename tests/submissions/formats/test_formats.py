"""Every format holds what was given to it, at the place where it was seen, or there is nothing."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_array_equal

from core.errors import UserError
from core.files import read_json, sha256_of_file
from submissions import read_submission
from submissions.formats import FORMATS, Place, Prediction, WriteOptions, _folder, geojson, require_format
from tests.scenes import WKT
from tests.submissions.cases import Mask, masks, named_masks, of_pixels

# 2 km a pixel, in the northern Atlantic; rows count southwards.
PLACE = Place(wkt=WKT.format(meridian=-63), left=466287.25, top=4686377.5, column=1930, row=-1985, time=1583980800.0)
NAMED = named_masks()
FOLDERS = [name for name in FORMATS.names() if FORMATS.facts(name).folder]
MASKS = [name for name in FOLDERS if not FORMATS.facts(name).probability]


def prediction(mask: Mask, record_id: str = "7", place: Place | None = PLACE) -> Prediction:
    return Prediction(record_id, mask, np.where(mask, 0.75, 0.1).astype(np.float32), place)


def few() -> list[Prediction]:
    kinds = ("streaks", "empty", "one pixel")
    return [prediction(NAMED[kind], str(10**18 + number)) for number, kind in enumerate(kinds)]


def decoded(name: str, path: Path) -> np.ndarray:
    """The mask that a file holds, read by another way than the suite's own."""
    if name == "png":
        import cv2

        return cv2.imread(str(path), cv2.IMREAD_UNCHANGED) == 255
    if name == "npy":
        return np.load(path)
    if name == "probabilities":
        return np.load(path) > 0.5
    if name == "geotiff":
        import rasterio

        with rasterio.open(path) as file:
            return file.read(1) == 1
    return mask_of_polygons(json.loads(path.read_text()))


def mask_of_polygons(document: dict) -> np.ndarray:
    """Pixel by pixel: is its centre, in degrees, inside a polygon?"""
    import shapely
    from rasterio.warp import transform

    columns, rows = np.meshgrid(np.arange(256) + 0.5, np.arange(256) + 0.5)
    east, north = PLACE.left + PLACE.column * columns.ravel(), PLACE.top + PLACE.row * rows.ravel()
    points = transform(PLACE.wkt, "EPSG:4326", east, north)
    outlines = [shapely.geometry.shape(feature["geometry"]) for feature in document["features"]]
    whole = shapely.union_all(outlines) if outlines else shapely.Polygon()
    return shapely.contains_xy(whole, *points).reshape(256, 256)


@pytest.mark.parametrize("name", FORMATS.names())
def test_every_mask_comes_back(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    written = FORMATS.get(name)(out, iter(few()), WriteOptions())
    pixels = [int(each.mask.sum()) for each in few()]
    assert (written.rows, written.filled, written.pixels) == (3, 2, sum(pixels))
    if name == "csv":
        found = [read_submission(out).mask(each.id) for each in few()]
    else:
        files = {path.stem: path for path in out.iterdir() if path.name != "manifest.json"}
        assert set(files) == {each.id for each in few()}
        found = [decoded(name, files[each.id]) for each in few()]
    assert_array_equal(np.stack(found), np.stack([each.mask for each in few()]))


@pytest.mark.parametrize("name", FORMATS.names())
def test_the_same_masks_make_the_same_bytes(tmp_path: Path, name: str) -> None:
    first, second = (FORMATS.get(name)(tmp_path / each, few(), WriteOptions()) for each in ("a", "b"))
    assert first.sha256 == second.sha256


@pytest.mark.parametrize("name", FOLDERS)
def test_the_manifest_says_what_and_from_what(tmp_path: Path, name: str) -> None:
    FORMATS.get(name)(tmp_path / "out", few(), WriteOptions(source={"ensemble": "default"}))
    document = read_json(tmp_path / "out" / "manifest.json")
    assert (document["format"], document["kind"], document["source"]["ensemble"]) == (1, name, "default")
    for path in (tmp_path / "out").iterdir():
        assert path.name == "manifest.json" or document["sha256"][path.stem] == sha256_of_file(path)


@pytest.mark.parametrize("mask", NAMED.values(), ids=NAMED.keys())
@pytest.mark.parametrize("name", MASKS)
def test_corners_of_a_mask_survive(tmp_path: Path, name: str, mask: Mask) -> None:
    if name == "geojson" and mask.sum() > 30_000:
        mask = mask & (np.indices((256, 256)).max(0) < 24)  # thousands of polygons show no more than hundreds
    out = tmp_path / "out"
    FORMATS.get(name)(out, [prediction(mask)], WriteOptions())
    (path,) = (path for path in out.iterdir() if path.stem == "7")
    assert_array_equal(decoded(name, path), mask)


@settings(max_examples=15)
@given(masks())
def test_polygons_turned_back_are_the_mask_and_are_valid(mask: Mask) -> None:
    import shapely

    data = geojson.encode(prediction(mask))
    assert geojson.agrees(data, prediction(mask))
    features = json.loads(data)["features"]
    assert sum(feature["properties"]["pixels"] for feature in features) == mask.sum()
    for feature in features:
        outline = shapely.geometry.shape(feature["geometry"])
        assert outline.is_valid
        for part in getattr(outline, "geoms", [outline]):
            assert part.exterior.is_ccw and not any(ring.is_ccw for ring in part.interiors)


def test_a_wrong_pixel_is_noticed_in_every_format() -> None:
    mask, other = NAMED["streaks"], NAMED["streaks"].copy()
    other[100, 100] ^= True
    from submissions.formats import geotiff, npy, png, probabilities

    for codec in (geojson, geotiff, npy.CODEC, png, probabilities.CODEC):
        data = codec.encode(prediction(mask))
        assert codec.agrees(data, prediction(mask)) and not codec.agrees(data, prediction(other)), codec


def test_a_contrail_is_one_feature_with_its_figures() -> None:
    mask = of_pixels((10, 10), (11, 11), (10, 11), (50, 3))
    document = json.loads(geojson.encode(prediction(mask)))
    first, second = document["features"]
    assert first["properties"] == {
        "record_id": "7", "time": "2020-03-12T02:40:00Z", "number": 1, "pixels": 3, "area_km2": 11.493
    }  # fmt: skip
    assert second["properties"]["pixels"] == 1
    corners = of_pixels((10, 10), (11, 11))  # touching at a corner: one contrail
    assert len(json.loads(geojson.encode(prediction(corners)))["features"]) == 1


def test_a_geotiff_lies_where_the_metadata_say() -> None:
    import rasterio
    from rasterio.io import MemoryFile

    from submissions.formats import geotiff

    with MemoryFile(geotiff.encode(prediction(NAMED["streaks"]))) as memory, memory.open() as file:
        assert file.xy(0, 0) == (PLACE.left + PLACE.column / 2, PLACE.top + PLACE.row / 2)
        assert file.bounds.bottom == PLACE.top + 256 * PLACE.row
        assert file.crs == rasterio.crs.CRS.from_wkt(PLACE.wkt) and file.crs.is_projected
        assert file.tags()["time"] == "2020-03-12T02:40:00Z"


@pytest.mark.parametrize("name", ["geotiff", "geojson"])
@pytest.mark.parametrize(
    ("place", "words"), [(None, "7: its place is unknown"), ("nonsense", "7: its projection cannot be read")]
)
def test_a_record_that_cannot_be_placed_is_named(tmp_path: Path, name: str, place: str | None, words: str) -> None:
    spoiled = place and Place(wkt=place, left=0, top=0, column=1, row=-1, time=0)
    with pytest.raises(UserError, match=words):
        FORMATS.get(name)(tmp_path / "out", [prediction(NAMED["streaks"], place=spoiled)], WriteOptions())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["geotiff", "geojson"])
def test_without_the_extra_it_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_format(name, tmp_path / "out")
    monkeypatch.setattr("submissions.formats.find_spec", lambda module: None)
    with pytest.raises(UserError, match=r"needs rasterio; run: pip install .*\[geo\]"):
        require_format(name, tmp_path / "out")
    require_format("png", tmp_path / "out")
    assert importlib.util.find_spec("rasterio")


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_is_there_is_kept_without_force(tmp_path: Path, name: str) -> None:
    out, write = tmp_path / "out", FORMATS.get(name)
    write(out, few(), WriteOptions())
    with pytest.raises(UserError, match="--force"):
        write(out, few()[:2], WriteOptions())
    assert write(out, few(), WriteOptions()).rows == len(few())  # the same content is as good as written
    assert write(out, few()[:1], WriteOptions(force=True)).rows == 1
    assert len(list(out.iterdir())) == 2  # a file of before would be taken for one of now
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_others_is_not_overwritten_by_force(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.png").touch()
    with pytest.raises(UserError, match="not written by this suite"):
        FORMATS.get("png")(tmp_path / "photos", few(), WriteOptions(force=True))
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is no folder"):
        FORMATS.get("png")(tmp_path / "file", few(), WriteOptions(force=True))
    assert (tmp_path / "photos" / "holiday.png").exists()


@pytest.mark.parametrize("when", ["_write_one", "_put_in_place"])
def test_what_a_death_leaves_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    out, calls, real = tmp_path / "out", [], getattr(_folder, when)

    def mortal(*given: object) -> object:
        calls.append(1)
        if len(calls) == (2 if when == "_write_one" else 1):
            raise KeyboardInterrupt
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(_folder, when, mortal)
        with pytest.raises(KeyboardInterrupt):
            FORMATS.get("npy")(out, few(), WriteOptions())
    assert not out.exists()
    FORMATS.get("npy")(out, few()[:2], WriteOptions())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"] and len(list(out.iterdir())) == 3


@pytest.mark.parametrize(
    ("many", "words"),
    [
        ([], "no predictions"),
        ([prediction(of_pixels()), prediction(of_pixels())], "twice"),
        ([prediction(of_pixels(), "../7")], "no name for a file"),
        ([Prediction("7", of_pixels())], "but no probability"),
    ],
)
def test_what_cannot_be_written_leaves_no_folder(tmp_path: Path, many: list[Prediction], words: str) -> None:
    with pytest.raises(UserError, match=words):
        FORMATS.get("probabilities")(tmp_path / "out", many, WriteOptions())
    assert not (tmp_path / "out").exists()


def test_a_disk_that_errs_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save = np.save
    monkeypatch.setattr(np, "save", lambda file, mask, **how: save(file, ~mask, **how))
    with pytest.raises(UserError, match="record 1000000000000000000: read back, it differs"):
        FORMATS.get("npy")(tmp_path / "out", few(), WriteOptions())

"""Tiny data sets in the real layouts, for tests: `write_record`, `write_ash`, `write_metadata`.

Every record is 256 x 256, as the contract has it, but smooth, seeded by its id and with few bands.
"""

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

WKT = (
    'PROJCS["unknown",GEOGCS["unknown",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",{meridian}],PARAMETER["scale_factor",0.9996],'
    'PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1]]'
)


def write_record(
    folder: Path,
    split: str,
    record_id: str,
    *,
    bands: Sequence[int] = (11, 14, 15),
    frames: Collection[int] = range(1, 9),
    mask: NDArray[np.bool_] | int | None = 0,
    labelers: int = 0,
    seed: int | None = None,
) -> Path:
    """Write one record and return its folder.

    frames: those that are held, 1 to 8; the others are NaN.  mask: (256, 256), or how many pixels, or None for
    no mask; a test record never has one.  labelers: so many, all of one mind.  seed: of the scene, if not the id.
    """
    place = folder / split / record_id
    place.mkdir(parents=True)
    scene = kelvin(record_id if seed is None else str(seed))
    for band in bands:
        values = scene + (band - 14) * 0.9 * np.float32(1 if band > 14 else -0.3)
        values += 0.01 * (np.roll(scene, band, axis=0) - 272)  # differences of bands have a texture, too
        absent = [frame - 1 for frame in range(1, 9) if frame not in frames]
        values[..., absent] = np.nan
        np.save(place / f"band_{band:02d}.npy", values)
    if mask is not None and split != "test":
        pixels = (block(mask) if isinstance(mask, int) else mask).astype(np.int32)[..., None]
        np.save(place / "human_pixel_masks.npy", pixels)
        if labelers:
            np.save(place / "human_individual_masks.npy", np.repeat(pixels[..., None], labelers, axis=-1))
    return place


def write_ash(folder: Path, record_id: str, *, mask: NDArray[np.bool_] | int = 0) -> Path:
    """Write one ash-colour scene, in contrails/ below `folder`, and return its path."""
    (folder / "contrails").mkdir(parents=True, exist_ok=True)
    values = np.empty((256, 256, 4), np.float16)
    blue = (kelvin(record_id)[..., 4] - 243) / 60
    values[..., :3] = np.clip(np.stack([0.9 - blue, 0.2 + blue / 2, blue], -1), 0, 1)
    values[..., 3] = block(mask) if isinstance(mask, int) else mask
    path = folder / "contrails" / f"{record_id}.npy"
    np.save(path, values)
    return path


def write_metadata(folder: Path, split: str, places: Mapping[str, tuple[float, float, float]]) -> Path:
    """Write {split}_metadata.json of records whose centres lie at (hours, km east, km north) of 0 N 75 W."""
    entries = [
        {
            "record_id": record_id,
            "projection_wkt": WKT.format(meridian=-75),
            "row_min": north * 1000 + 128 * 1950.0,
            "row_size": -1950.0,
            "col_min": 500_000 + east * 1000 - 128 * 1950.0,
            "col_size": 1950.0,
            "timestamp": 1_570_000_000.0 + 3600 * hours,
        }
        for record_id, (hours, east, north) in places.items()
    ]
    path = folder / f"{split}_metadata.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entries))
    return path


def kelvin(name: str) -> NDArray[np.float32]:
    """A smooth scene that drifts by two pixels a frame, 245 to 300 K: (256, 256, 8) float32."""
    rng = np.random.default_rng(crc32(name.encode()))
    coarse = np.kron(rng.uniform(245, 300, (16, 16)), np.ones((16, 16))).astype(np.float32)
    fine = coarse + rng.normal(0, 0.1, coarse.shape).astype(np.float32)
    return np.stack([np.roll(fine, 2 * frame, axis=1) for frame in range(8)], axis=-1)


def block(pixels: int) -> NDArray[np.bool_]:
    """A mask whose first so many pixels, from row 100 on, are marked: (256, 256)."""
    mask = np.zeros((256, 256), bool)
    mask.reshape(-1)[100 * 256 : 100 * 256 + pixels] = True
    return mask


def linked_copy(source: Path, target: Path) -> Path:
    """Copy of a data set that costs no bytes: call `own` before a file of it is changed in place."""
    return Path(shutil.copytree(source, target, copy_function=os.link, dirs_exist_ok=True))


def own(path: Path) -> Path:
    """Give a linked file a content of its own, so that a change does not reach the original."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path

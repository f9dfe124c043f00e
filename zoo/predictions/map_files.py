"""Files of maps that other software made, a record each.

In: a folder. Out: the file of each record, and the map in it: `<record_id>.npy` as numpy saves it, or `<record_id>.npz`
as nnU-Net v2 writes with `--npz` (`fold_K/validation/` below the trainer's folder, or one folder of predictions), or
with a single array (H, W) of any name.
Stays outside: what a valid map is, folds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from core.archives import open_zip, read_member
from core.errors import UserError
from zoo.data.arrays import FileFault, parse_array, read_array

KEY = "probabilities"  # nnU-Net v2: (classes, 1, H, W) of a 2D data set, softmax over the classes
MOST_BYTES = 1 << 28  # of an unpacked array; 256 x 256 float32 probabilities of 1,000 classes fit


@dataclass(frozen=True)
class MapFiles:
    """Files of maps by record id, sorted; `fold`: those that the folder's layout tells, by record id."""

    paths: Mapping[str, Path]
    fold: Mapping[str, int]


def find_map_files(folder: Path) -> MapFiles:
    """Find the file of each record's map; UserError if there is none, or a record has two."""
    if not folder.is_dir():
        kind = "is a file" if folder.exists() else "no such directory"
        raise UserError(f"{folder}: {kind}; give a folder that holds <record_id>.npy files")
    found = {path: re.fullmatch(r"fold_(\d+)", path.name) for path in folder.iterdir()}
    trained = {path: int(match[1]) for path, match in found.items() if match}
    paths: dict[str, Path] = {}
    fold: dict[str, int] = {}
    places: dict[Path, int | None] = {**trained} if trained else {folder: None}
    for place, number in places.items():
        held_out = place if number is None else place / "validation"
        for path in sorted(held_out.glob("*.np[yz]")):
            if path.name.startswith("."):
                continue
            if path.stem in paths:
                raise UserError(f"{folder}: record {path.stem} has two maps, {paths[path.stem]} and {path}; keep one")
            paths[path.stem] = path
            if number is not None:
                fold[path.stem] = number
    if not paths:
        if trained:
            raise UserError(f"{folder}: no fold_*/validation holds .npz files; train with nnUNetv2_train ... --npz")
        raise UserError(
            f"{folder}: holds no <record_id>.npy or .npz and no fold_* folder; write one map (256, 256) a record"
        )
    return MapFiles(dict(sorted(paths.items())), fold)


def read_map(path: Path) -> NDArray[Any]:
    """Read one map (H, W): the array of an npy file, the probability of the second class of nnU-Net's npz, or the only
    array of another npz.

    Raises FileFault for what is damaged, holds Python objects or more than one foreground class.
    """
    if path.suffix != ".npz":
        return read_array(path)
    array, name = _read_npz(path)
    return _of_classes(path, array) if name == KEY else array


def _read_npz(path: Path) -> tuple[NDArray[Any], str]:
    """Array of an npz file, and its name: that of nnU-Net, or the only one."""
    try:
        with open_zip(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            name = KEY if KEY in names or len(names) != 1 else names[0]
            return parse_array(read_member(archive, f"{name}.npy", MOST_BYTES), path), name
    except KeyError:
        raise FileFault(
            path, f'has no array "{KEY}"', "write it with nnU-Net v2 and --npz, or one array (height, width) a file"
        ) from None
    except FileFault:
        raise
    except UserError as error:
        raise FileFault(path, error.what.removeprefix(f"{path}: ").partition(";")[0]) from error


def _of_classes(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Probability of the foreground: index 1 of (classes, [1,] H, W)."""
    classes = len(array) if array.ndim else 0
    if array.ndim not in (3, 4) or (array.ndim == 4 and array.shape[1] != 1) or classes != 2:
        raise FileFault(
            path,
            f"{KEY} has shape {array.shape}, not (2, 1, height, width)",
            "give background and one foreground class",
        )
    foreground: NDArray[Any] = array[1, 0] if array.ndim == 4 else array[1]
    return foreground

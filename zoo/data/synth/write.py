"""Write synthetic scenes in the exact layout of the competition, in parallel; complete records are kept.

A record is written under a temporary name and renamed when it is complete, so a killed run leaves no partial records;
a record that is already there is complete if all its files have their full length.
"""

import hashlib
import shutil
from collections.abc import Mapping
from concurrent.futures.process import BrokenProcessPool
from os import PathLike
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from core.errors import UserError
from core.files import make_folder, sweep, temporary_of, write_json, write_text
from core.listener import SILENT, Listener
from core.locks import claim
from zoo.data.label_offset import FILE, KEY, LABEL_OFFSET
from zoo.data.records import SAMPLE_NAME, SIZE, SPLITS, Split
from zoo.data.synth.atmosphere import BANDS
from zoo.data.synth.metadata import metadata_entry
from zoo.data.synth.scene import ScenePlan, make_scene

HEADER = 128  # bytes before the numbers of a small .npy file
SAMPLE = ("1 3 10 5", "-")


def make_scenes(
    folder: str | PathLike[str],
    *,
    train: int,
    validation: int,
    test: int,
    seed: int = 0,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> None:
    """Make a data set of synthetic scenes in `folder`; the same bytes whatever `jobs` is.

    Can be called again after a kill: complete records stay, others are made again. UserError if `folder` holds other
    records or cannot be written.
    """
    folder = Path(folder)
    counts = dict(zip(SPLITS, (train, validation, test)))
    plans = _plans(counts, seed)
    with claim(folder / SAMPLE_NAME, "is being made"):
        for split, count in counts.items():
            if count:
                _prepare(folder / split, {name for name, plan in plans.items() if plan.split == split})
        missing = [(name, plan) for name, plan in plans.items() if not is_complete(folder / plan.split / name, plan)]
        tasks = (delayed(write_record)(folder / plan.split / name, plan) for name, plan in missing)
        with listener.task("scenes", len(plans)):
            listener.advance(len(plans) - len(missing))
            try:
                for _ in Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1)(tasks):
                    listener.advance()
            except BrokenProcessPool as error:
                what = f"{folder}: a worker process was killed, perhaps for memory"
                raise UserError(f"{what}; give fewer --jobs, and the same command goes on") from error
        for path in (folder / name for name in (FILE, *(f"{split}_metadata.json" for split in SPLITS))):
            sweep(path)
        _write_tables(folder, plans)


def require_unmixed(folder: Path, *, train: int, validation: int, test: int, seed: int = 0) -> None:
    """Raise UserError if `folder` is a file, or holds any that are not of this data set, complete or begun."""
    plans = _plans(dict(zip(SPLITS, (train, validation, test))), seed)
    own = {SAMPLE_NAME, FILE, *(f"{split}_metadata.json" for split in SPLITS)}
    own |= {f"{plan.split}/{name}" for name, plan in plans.items()}
    try:
        found = [entry for entry in folder.iterdir() if not _is_begun(entry)] if folder.exists() else []
        splits = [entry for entry in found if entry.name in SPLITS and entry.is_dir()]
        inside = [entry for split in splits for entry in split.iterdir() if not _is_begun(entry)]
    except OSError as error:
        raise UserError(f"{folder}: is not a writable folder ({error.strerror}); choose another") from error
    others = {entry.name for entry in found if entry not in splits}
    others |= {f"{entry.parent.name}/{entry.name}" for entry in inside}
    if others - own:
        what = f"holds other files ({min(others - own)} first)"
        raise UserError(f"{folder}: {what}; choose another folder, or continue in it with --force")


def _is_begun(entry: Path) -> bool:
    """True for what only a running or killed command has beside its files."""
    return entry.name.startswith(".") and (entry.name.endswith((".part", ".lock")) or temporary_of(entry) is not None)


def _plans(counts: Mapping[Split, int], seed: int) -> dict[str, ScenePlan]:
    """Plan of each record by its id."""
    every = [ScenePlan(seed=seed, split=split, index=index) for split in counts for index in range(counts[split])]
    return {record_id(plan): plan for plan in every}


def record_id(plan: ScenePlan) -> str:
    """Record id of 15 to 19 digits that follow from the seed, the split and the index."""
    text = f"{plan.seed}/{plan.split}/{plan.index}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    digits = 19 if number % 10 < 7 else 18 if number % 10 < 9 else 15 + number % 3
    return str(10 ** (digits - 1) + (number // 10) % (8 * 10 ** (digits - 1)))


def write_record(place: Path, plan: ScenePlan) -> None:
    """Make one scene and write its folder."""
    scene = make_scene(plan)
    part = place.with_name(f".{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.rmtree(place, ignore_errors=True)
    try:
        part.mkdir()
        for number, kelvin in scene.bands():
            np.save(part / f"band_{number:02d}.npy", kelvin)
        if plan.split != "test":
            np.save(part / "human_pixel_masks.npy", scene.truth[..., None].astype(np.int32))
        if plan.split == "train":
            np.save(part / "human_individual_masks.npy", scene.individual[:, :, None].astype(np.int32))
        part.rename(place)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise UserError(f"{place}: cannot be written ({error.strerror or error}); free or choose space") from error


def is_complete(place: Path, plan: ScenePlan) -> bool:
    """True if a record's folder holds every file in its full length."""
    image = SIZE**2 * 4
    expected = {f"band_{number:02d}.npy": {HEADER + 8 * image} for number in BANDS}
    if plan.split != "test":
        expected["human_pixel_masks.npy"] = {HEADER + image}
    if plan.split == "train":
        expected["human_individual_masks.npy"] = {HEADER + labelers * image for labelers in (4, 6)}
    files = ((place / name, sizes) for name, sizes in expected.items())
    return place.is_dir() and all(file.is_file() and file.stat().st_size in sizes for file, sizes in files)


def _prepare(folder: Path, names: set[str]) -> None:
    if folder.is_symlink():
        raise UserError(f"{folder}: is a symbolic link, and nothing is removed where it points; choose another folder")
    make_folder(folder)
    for there in sorted(folder.iterdir()):
        if there.name.startswith(".") and there.name.endswith(".part"):
            shutil.rmtree(there)
        elif there.name not in names:
            raise UserError(f"{there}: is not a record of this seed and number; choose an empty folder")


def _write_tables(folder: Path, plans: Mapping[str, ScenePlan]) -> None:
    for split in ("train", "validation"):
        entries = [metadata_entry(name, plan) for name, plan in sorted(plans.items()) if plan.split == split]
        if entries:
            write_json(folder / f"{split}_metadata.json", entries)
    tests = sorted(name for name, plan in plans.items() if plan.split == "test")
    rows = [f"{name},{SAMPLE[min(place, 1)]}" for place, name in enumerate(tests)]
    write_text(folder / SAMPLE_NAME, "\n".join(["record_id,encoded_pixels", *rows, ""]))
    write_text(folder / FILE, f"{KEY} = {LABEL_OFFSET}\n")

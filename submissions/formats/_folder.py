"""Folder with one file a record: complete if it exists.

Files are written to a temporary folder beside it, each is read back and compared; the manifest goes last, then the
folder is renamed. The next run removes what a killed one left. In: predictions, a codec. Out: the folder.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import UserError
from core.files import (
    atomic_write,
    read_bytes,
    require_folder,
    sha256_of_file,
    sync_folder,
    temporary_folder,
    write_json,
)
from core.locks import claim
from submissions.formats import MANIFEST, Prediction, WriteOptions, is_ours, require_new_folder
from submissions.ids import explain_new_id
from submissions.write import Written, require_same

FORMAT = 1


@dataclass(frozen=True)
class Codec:
    """Encoder of one record, and a check that reads the bytes back and compares everything they hold."""

    name: str
    suffix: str
    encode: Callable[[Prediction], bytes]
    agrees: Callable[[bytes, Prediction], bool]


def write_folder(out: Path, predictions: Iterable[Prediction], options: WriteOptions, codec: Codec) -> Written:
    """Write each prediction to its file, in bounded memory.

    Raises UserError if `out` may not be written (see `require_new_folder`), for no predictions, an id that comes twice
    or cannot be a file's name, and if a file read back differs.
    """
    require_folder(out)  # which a claim would make
    aside = out.with_name(f".{out.name}.old")
    with claim(out), temporary_folder(out) as staging:
        if not os.path.lexists(out) and is_ours(aside):  # a kill came between the two renames of `_put_in_place`
            aside.rename(out)
        require_new_folder(out, force=True)
        digests: dict[str, str] = {}
        pixels: list[int] = []
        for prediction in predictions:
            digests[prediction.id] = _write_one(staging, prediction, codec, digests)
            pixels.append(int(prediction.mask.sum()))
        if not digests:
            raise UserError(f"{out}: no predictions, so nothing to write; are there test records in the data?")
        document = {"format": FORMAT, "kind": codec.name, "source": dict(options.source), "sha256": digests}
        write_json(staging / MANIFEST, document)
        digest = sha256_of_file(staging / MANIFEST)
        if (out / MANIFEST).is_file():
            require_same(out / MANIFEST, digest, options.force)
        written = Written(out, digest, len(pixels), sum(map(bool, pixels)), sum(pixels))
        options.on_written(written)
        _put_in_place(staging, out, aside)
        return written


def _write_one(folder: Path, prediction: Prediction, codec: Codec, known: dict[str, str]) -> str:
    """Write one file and read it back; returns its SHA-256."""
    trouble = explain_new_id(prediction.id)
    if trouble or prediction.id in known or Path(prediction.id).name != prediction.id:
        what = trouble.what if trouble else "the id comes twice" if prediction.id in known else "no name for a file"
        raise UserError(f"{prediction.id!r}: {what}; rename the record")
    path = folder / f"{prediction.id}{codec.suffix}"
    with atomic_write(path) as file:
        file.write(codec.encode(prediction))
    if not codec.agrees(read_bytes(path), prediction):
        raise UserError(f"{path}: record {prediction.id}: read back, it differs from what was written; write it again")
    return sha256_of_file(path)


def _put_in_place(staging: Path, out: Path, aside: Path) -> None:
    """Rename the folder; an old one cannot be replaced in one step, so it is moved aside first."""
    try:
        if is_ours(aside):
            _discard(aside, out)
        if out.exists():
            out.rename(aside)
        staging.rename(out)
        sync_folder(out.parent)
        if is_ours(aside):
            _discard(aside, out)
        elif aside.is_dir():  # an empty folder that was there before
            aside.rmdir()
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); choose another name") from error


def _discard(aside: Path, out: Path) -> None:
    """Remove an old folder under a name that the next claim removes: half of one would not be known as ours."""
    with temporary_folder(out) as trash:
        aside.rename(trash / "old")

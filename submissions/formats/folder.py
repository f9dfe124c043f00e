"""A folder with one file a record, which is complete where it exists.

Files go into a hidden folder beside it, each is read back and compared; the manifest goes last, then the folder
takes its name. What a killed run left is removed by the next one. In: predictions, a codec. Out: the folder.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError, UserError
from core.files import atomic_write, make_folder, read_json, sha256_of_file, sync_folder, write_json
from submissions.formats.registry import Asked, Prediction
from submissions.ids import explain_new_id
from submissions.write import Written

FORMAT = 1
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Codec:
    """How one record becomes a file; `agrees` reads the bytes back and compares all that they hold."""

    name: str
    suffix: str
    encode: Callable[[Prediction], bytes]
    agrees: Callable[[bytes, Prediction], bool]


def write_folder(out: Path, predictions: Iterable[Prediction], asked: Asked, codec: Codec) -> Written:
    """Write every prediction as a file of its own, in bounded memory.

    Raises UserError: `out` is there and not `force`, or is no folder of this suite; no predictions; an id twice or
    unfit for a file's name; a file that differs from what was to be written.
    """
    refuse_folder(out, asked.force)
    staging = out.with_name(f".{out.name}.unfinished")
    _remove(staging)
    make_folder(staging)
    digests: dict[str, str] = {}
    pixels: list[int] = []
    for prediction in predictions:
        digests[prediction.id] = _write_one(staging, prediction, codec, digests)
        pixels.append(int(prediction.mask.sum()))
    if not digests:
        raise UserError(f"{out}: no predictions, so nothing to write; are there test records in the data?")
    document = {"format": FORMAT, "kind": codec.name, "source": dict(asked.source), "sha256": digests}
    write_json(staging / MANIFEST, document)
    digest = sha256_of_file(staging / MANIFEST)
    written = Written(out, digest, len(pixels), sum(map(bool, pixels)), sum(pixels))
    asked.note(written)
    _put_in_place(staging, out)
    return written


def refuse_folder(out: Path, force: bool) -> None:
    """UsageError where `out` may not be written: it holds something and not `force`, or something not ours."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise UsageError(f"{out}: is a file; this format writes a folder, choose another name")
    if not force:
        raise UsageError(f"{out}: exists already; choose another name or overwrite it with --force")
    if not _is_ours(out):
        raise UsageError(f"{out}: was not written by this suite, so it is not overwritten; choose another name")


def _is_ours(out: Path) -> bool:
    try:
        return "kind" in read_json(out / MANIFEST)
    except UserError:
        return False


def _write_one(folder: Path, prediction: Prediction, codec: Codec, known: dict[str, str]) -> str:
    """Write and read back one file; its SHA-256."""
    trouble = explain_new_id(prediction.id)
    if trouble or prediction.id in known or Path(prediction.id).name != prediction.id:
        what = trouble.what if trouble else "the id comes twice" if prediction.id in known else "no name for a file"
        raise UserError(f"{prediction.id!r}: {what}; rename the record")
    path = folder / f"{prediction.id}{codec.suffix}"
    with atomic_write(path) as file:
        file.write(codec.encode(prediction))
    if not codec.agrees(path.read_bytes(), prediction):
        raise UserError(f"{path}: record {prediction.id}: read back, it differs from what was written; write it again")
    return sha256_of_file(path)


def _put_in_place(staging: Path, out: Path) -> None:
    """A folder cannot be replaced in one step: the old one steps aside first."""
    aside = out.with_name(f".{out.name}.old")
    try:
        _remove(aside)
        if out.exists():
            out.rename(aside)
        staging.rename(out)
        sync_folder(out.parent)
        _remove(aside)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror}); choose another name") from error


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)

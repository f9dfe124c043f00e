"""Masks to a file that cannot be malformed: written, read back from the disk, compared, then put in place.

In: masks by id. Out: the file and its figures. Stays outside: where masks come from.
The comparison reads the file with the gate's own decoder, which shares nothing with the encoder.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.files import atomic_write, sha256_of_file, sync_folder
from submissions.cells import PIXELS
from submissions.gate import read_submission
from submissions.header import HEADER
from submissions.ids import Expectation, explain_new_id
from submissions.report import Submission
from submissions.rle import rle_encode

Masks = Mapping[str, NDArray[np.bool_]] | Iterable[tuple[str, NDArray[np.bool_]]]


@dataclass(frozen=True)
class Written:
    """What lies at `path` now."""

    path: Path
    sha256: str
    rows: int
    filled: int  # rows with any pixel
    pixels: int

    @property
    def share(self) -> float:
        """Predicted pixels of all pixels."""
        return self.pixels / (self.rows * PIXELS)


def write_submission(
    path: Path,
    masks: Masks,
    force: bool = False,
    sample_order: Sequence[str] | None = None,
    note: Callable[[Written], None] = lambda written: None,
) -> Written:
    """Write masks (256, 256) bool as a submission; what is there afterwards is what was checked.

    Pairs may come as a stream: a mask is kept as its cell and a few hundred bytes more. Rows stand in the
    sample's order where it lists all ids, else sorted. The path keeps its old content, or none, until
    the new one has been read back and agrees in every pixel.
    note: told what was written just before it takes its name: a ledger then never lacks a file that is there.
    Raises UserError: the file exists and not `force`; no masks; an id twice or no plain text; another shape
    or values than those of a mask; what was read back differs.
    """
    if path.is_dir():
        raise UserError(f"{path}: is a directory; name a file in it")
    if path.exists() and not force:
        raise UserError(f"{path}: exists already; choose another name or overwrite it with --force")
    cells, truth = _encode(masks)
    order = Expectation.of(list(cells), sample_order).order or tuple(sorted(cells))
    candidate = path.with_name(f".{path.name}.unchecked")
    try:
        with atomic_write(candidate) as file:
            file.write(f"{HEADER}\n".encode())
            file.writelines(f"{record_id},{cells[record_id]}\n".encode() for record_id in order)
        found = read_submission(candidate)
        _compare(found, truth, order, path)
        lengths = [int(runs[:, 1].sum()) for runs in found.runs.values()]
        written = Written(path, sha256_of_file(candidate), len(lengths), int(np.count_nonzero(lengths)), sum(lengths))
        note(written)
        put_in_place(candidate, path)
    finally:
        candidate.unlink(missing_ok=True)
    return written


def _compare(found: Submission, truth: Mapping[str, bytes], order: Sequence[str], path: Path) -> None:
    """Raise UserError, naming `path`, where what was read back differs in ids or in any pixel."""
    if found.ids != tuple(order):
        raise UserError(f"{path}: read back, its ids differ from those written; write it again")
    for record_id in order:
        wrong = int((found.mask(record_id) != unpack(truth[record_id])).sum())
        if wrong:
            raise UserError(f"{path}: {record_id}: read back, {wrong} pixels differ; write it again")


def pack(mask: NDArray[np.bool_]) -> bytes:
    """A mask in a few hundred bytes, exact."""
    return zlib.compress(np.packbits(np.asarray(mask, bool)).tobytes(), 1)


def unpack(packed: bytes) -> NDArray[np.bool_]:
    """The mask (256, 256) bool of `pack`."""
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8))
    return bits.view(bool).reshape(256, 256)


def _encode(masks: Masks) -> tuple[dict[str, str], dict[str, bytes]]:
    cells: dict[str, str] = {}
    truth: dict[str, bytes] = {}
    for record_id, mask in masks.items() if isinstance(masks, Mapping) else masks:
        trouble = explain_new_id(record_id)
        if trouble or record_id in cells:
            what, todo = trouble or ("the id comes twice", "give one mask for each record")
            raise UserError(f"{record_id!r}: {what}; {todo}")
        try:
            cells[record_id] = rle_encode(mask)
        except UserError as error:
            raise UserError(f"{record_id}: {error}") from error
        truth[record_id] = pack(mask)
    if not cells:
        raise UserError("no masks, so nothing to submit; are there test records in the data?")
    return cells, truth


def put_in_place(candidate: Path, path: Path) -> None:
    """Give a checked file its name, on the disk before this returns."""
    try:
        candidate.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another name") from error

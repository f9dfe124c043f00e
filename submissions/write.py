"""Write masks as a submission file: written, read back from the disk, compared; then it takes its name.

In: masks by id. Out: the file and its figures. Stays outside: the origin of the masks.
The comparison reads the file with the gate's decoder, which shares nothing with the encoder.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from core.errors import UsageError, UserError
from core.files import atomic_write, require_folder, require_new_file, sha256_of_file
from core.locks import claim
from submissions.gate import read_submission
from submissions.header import HEADER
from submissions.ids import Expectation, explain_new_id
from submissions.report import Submission
from submissions.rle import PIXELS, SHAPE, Mask, encode

Masks = Mapping[str, Mask] | Iterable[tuple[str, Mask]]


@dataclass(frozen=True)
class Written:
    """File or folder that was written, with its figures."""

    path: Path
    sha256: str
    rows: int
    filled: int  # rows with any pixel
    pixels: int

    @property
    def share(self) -> float:
        """Predicted pixels over all pixels."""
        return self.pixels / (self.rows * PIXELS)


OnWritten = Callable[[Written], None]


def write_submission(
    path: str | PathLike[str],
    masks: Masks,
    force: bool = False,
    sample_order: Sequence[str] | None = None,
    on_written: OnWritten = lambda written: None,
) -> Written:
    """Write masks (256, 256) bool by id as a submission.

    Masks may be a stream of (id, mask): a mask takes its text and a few hundred bytes of memory. Rows follow the
    sample's order if it lists exactly these ids, else they are sorted. The path keeps its old content, or none, until
    the new file has been read back and agrees in every pixel. on_written: called just before the file takes its name,
    so that a ledger never lacks a file that exists. A file that exists with the same content is as good as written.
    Raises UserError if the file exists with another content and not `force`, for no masks, an id that comes twice or is
    no plain text, an array that is no mask of this shape, and if the file read back differs.
    """
    path = Path(path)
    require_folder(path)  # which a claim would make
    with claim(path):
        require_new_file(path, force=True)
        texts, truth = _encode(masks)
        order = Expectation.of(list(texts), sample_order).order or tuple(sorted(texts))
        done: list[Written] = []

        def check(candidate: Path) -> None:
            found = read_submission(candidate)
            _compare(found, truth, order, path)
            lengths = [int(runs[:, 1].sum()) for runs in found.runs.values()]
            filled = int(np.count_nonzero(lengths))
            written = Written(path, sha256_of_file(candidate), len(lengths), filled, sum(lengths))
            require_same(path, written.sha256, force)
            on_written(written)
            done.append(written)

        with atomic_write(path, check) as file:
            file.write(f"{HEADER}\n".encode())
            file.writelines(f"{record_id},{texts[record_id]}\n".encode() for record_id in order)
        return done[0]


def require_same(path: Path, sha256: str, force: bool) -> None:
    """Raise UsageError if a file exists with another SHA-256 than that of its new content, and not `force`."""
    if not force and path.exists() and sha256_of_file(path) != sha256:
        raise UsageError(f"{path}: exists with other content; choose another name, or overwrite it with --force")


def _compare(found: Submission, truth: Mapping[str, bytes], order: Sequence[str], path: Path) -> None:
    """Raise UserError, naming `path`, if what was read back differs in ids or in any pixel."""
    if found.ids != tuple(order):
        raise UserError(f"{path}: read back, its ids differ from those written; write it again")
    for record_id in order:
        wrong = int((found.mask(record_id) != _unpack(truth[record_id])).sum())
        if wrong:
            raise UserError(f"{path}: {record_id}: read back, {wrong} pixels differ; write it again")


def _encode(masks: Masks) -> tuple[dict[str, str], dict[str, bytes]]:
    """Text of each mask, and the mask packed for the comparison."""
    texts: dict[str, str] = {}
    truth: dict[str, bytes] = {}
    for record_id, mask in masks.items() if isinstance(masks, Mapping) else masks:
        trouble = explain_new_id(record_id)
        if trouble or record_id in texts:
            what, todo = trouble or ("the id comes twice", "give one mask for each record")
            raise UserError(f"{record_id!r}: {what}; {todo}")
        try:
            if np.shape(mask) != SHAPE:
                raise UserError(f"mask of shape {np.shape(mask)}: must be {SHAPE}; resize before the threshold")
            texts[record_id] = encode(mask)
        except UserError as error:
            raise UserError(f"{record_id}: {error}") from error
        truth[record_id] = _pack(mask)
    if not texts:
        raise UserError("no masks, so nothing to submit; are there test records in the data?")
    return texts, truth


def _pack(mask: Mask) -> bytes:
    return zlib.compress(np.packbits(np.asarray(mask, bool)).tobytes(), 1)


def _unpack(packed: bytes) -> Mask:
    bits = np.unpackbits(np.frombuffer(zlib.decompress(packed), np.uint8))
    return bits.view(bool).reshape(SHAPE)

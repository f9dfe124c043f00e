"""Writer of prediction sets that are either complete or resumable.

Shards are written as they fill; `partial.json` beside them holds their hashes and the identity of the set, so that a
killed run keeps complete shards. The manifest is written last. Older files are only removed when the first new shard is
ready.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.errors import Damaged, UserError
from core.files import (
    atomic_write,
    check_format,
    make_folder,
    read_json,
    sha256_of,
    sha256_of_file,
    temporary_of,
    write_json,
)
from core.listener import SILENT, Listener
from core.locks import sweep_lock, turn
from core.signing import read_signed, write_signed
from zoo.predictions.format import (
    DTYPE,
    FORMAT,
    SCALE,
    SHAPE,
    SHARD_RECORDS,
    Manifest,
    Maps,
    Provenance,
    Shard,
    check_record_ids,
    encode_shard,
    parse_manifest,
    shard_name,
)
from zoo.predictions.made_from import MadeFrom
from zoo.runs.store import MANIFEST

PARTIAL, PARTIAL_FORMAT = "partial.json", 2


class Partial(TypedDict):
    """Content of partial.json: the SHA-256 of each shard that is complete."""

    identity: str
    shards: dict[str, str]


class PredictionWriter:
    """Context manager that takes maps record by record and writes a manifest at the end.

    `missing` lists the records that are still to be predicted: adding them in that order keeps at most one shard in
    memory. files: the files that each record is predicted from, if known; shards whose files have changed are made
    again, and `changed` lists these records. `seconds_per_record` can be set before the end of the block. The block
    claims a set that is not complete, after waiting for another process that writes it, of which the listener is
    informed.
    """

    def __init__(
        self,
        folder: Path,
        provenance: Provenance,
        record_ids: Sequence[str],
        files: Mapping[str, Sequence[Path]] | None = None,
        listener: Listener = SILENT,
    ) -> None:
        check_record_ids(record_ids)
        self.folder = folder
        self.provenance = provenance
        self.record_ids = tuple(record_ids)
        self.seconds_per_record = provenance.seconds_per_record
        self._place = {record_id: place for place, record_id in enumerate(self.record_ids)}
        starts = range(0, len(self.record_ids), SHARD_RECORDS)
        self._parts = [self.record_ids[start : start + SHARD_RECORDS] for start in starts]  # ids of each shard
        self._waiting: dict[int, dict[str, Maps]] = {}
        self._identity = _identity(provenance, self.record_ids)
        self._begun = False
        self._files, self._listener = files, listener
        self._claim = ExitStack()
        make_folder(folder)
        self._look()

    @property
    def manifest(self) -> Manifest:
        """Manifest of the set, once the block has ended."""
        assert self._written is not None
        return self._written

    @property
    def missing(self) -> tuple[str, ...]:
        """Ids without a map in a complete shard or in memory, in order."""
        return tuple(record_id for record_id in self.record_ids if not self._has(record_id))

    def __enter__(self) -> Self:
        if self._written is not None:
            sweep_lock(self.folder)  # which a kill left, after which nothing else is to be done
        if self._written is None or self._left():
            self._claim.enter_context(turn(self.folder, "is being predicted", self._listener))
            self._look()  # another command may have written since
        return self

    def _left(self) -> bool:
        """True if a kill came between the manifest and the end of the set: a claim removes what it left."""
        return (self.folder / PARTIAL).exists() or any(map(temporary_of, self.folder.glob(".*.tmp")))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._claim:
            if kind is None:
                self._finish()

    def add(self, record_id: str, probability: NDArray[Any]) -> None:
        """Add one map (256, 256): floats in [0, 1], or uint8.

        Raises UserError, naming the record, for another shape or type, NaN, values outside [0, 1], a record
        that is not of this set or already there.
        """
        if record_id not in self._place:
            raise UserError(f"{self.folder}: record {record_id} is not of this prediction set")
        if self._has(record_id):
            raise UserError(f"{self.folder}: record {record_id} was added already")
        index = self._place[record_id] // SHARD_RECORDS
        waiting = self._waiting.setdefault(index, {})
        waiting[record_id] = quantise(probability, f"{self.folder}: record {record_id}")
        if len(waiting) == len(self._parts[index]):
            self._write_shard(index)

    def _look(self) -> None:
        """Find out which parts of the set exist."""
        self._made_from = None if self._files is None else MadeFrom(self.folder, self._files)
        self.changed: list[str] = []  # records whose files have changed since they were predicted
        self._written = self._read_manifest()
        self._done = self._whole_shards()
        if not self._is_complete():
            self._written = None

    def _has(self, record_id: str) -> bool:
        index = self._place[record_id] // SHARD_RECORDS
        return index in self._done or record_id in self._waiting.get(index, ())

    def _whole_shards(self) -> dict[int, Shard]:
        """Shards of this set on disk that are as they were written."""
        known = self._noted()
        whole = {}
        for index, part in enumerate(self._parts):
            name = shard_name(index)
            path = self.folder / name
            if name in known and path.is_file() and sha256_of_file(path) == known[name]:
                shard = Shard(file=name, records=len(part), sha256=known[name])
                changed = self._made_from.changed(shard, part) if self._made_from else []
                self.changed += changed
                if not changed:
                    whole[index] = shard
        return whole

    def _noted(self) -> dict[str, str]:
        """SHA-256 of each shard file of an earlier write of the same set; empty without one."""
        earlier = self._written
        if earlier and _identity(earlier.provenance, earlier.record_ids) == self._identity:
            return {shard.file: shard.sha256 for shard in earlier.shards}
        if not (self.folder / PARTIAL).exists():
            return {}
        with suppress(Damaged):
            partial = read_signed(self.folder / PARTIAL, PARTIAL_FORMAT, Partial)
            if partial["identity"] == self._identity:
                return partial["shards"]
        return {}

    def _read_manifest(self) -> Manifest | None:
        """Manifest of an earlier write; None if there is none or it is damaged.

        UserError for one that a newer version wrote: it is not ours to replace.
        """
        path = self.folder / MANIFEST
        if not path.exists():
            return None
        try:
            document = read_json(path)
        except Damaged:
            return None
        if isinstance(document, dict) and isinstance(document.get("format"), int):
            check_format(document, FORMAT, path)
        with suppress(Damaged):
            return parse_manifest(document, path)
        return None

    def _is_complete(self) -> bool:
        whole = len(self._done) == len(self._parts)
        return whole and self._written is not None and self._manifest().digest == self._written.digest

    def _write_shard(self, index: int) -> None:
        self._begin()
        waiting = self._waiting.pop(index)
        blob = encode_shard(np.stack([waiting[record_id] for record_id in self._parts[index]]))
        name = shard_name(index)
        with atomic_write(self.folder / name) as file:
            file.write(blob)
        shard = Shard(file=name, records=len(waiting), sha256=hashlib.sha256(blob).hexdigest())
        if self._made_from:
            self._made_from.note(shard, self._parts[index])
        self._done[index] = shard
        shards = {shard.file: shard.sha256 for shard in self._done.values()}
        write_signed(self.folder / PARTIAL, {"format": PARTIAL_FORMAT, "identity": self._identity, "shards": shards})

    def _begin(self) -> None:
        """Make the folder this set's: remove an older manifest and shards of other sets."""
        if self._begun:
            return
        self._begun, self._written = True, None
        kept = {shard.file for shard in self._done.values()}
        if self.folder.is_symlink():
            raise UserError(f"{self.folder}: is a symbolic link, and nothing is removed where it points")
        try:
            (self.folder / MANIFEST).unlink(missing_ok=True)
            for path in self.folder.glob("shard-*.zst"):
                if path.name not in kept:
                    path.unlink()
        except OSError as error:
            raise UserError(f"{error.filename}: cannot be replaced ({error.strerror})") from error

    def _finish(self) -> None:
        missing = self.missing
        if missing:
            raise UserError(
                f"{self.folder}: {len(missing)} of {len(self.record_ids)} records were not added, "
                f"the first is {missing[0]}; predict again; complete shards are kept"
            )
        if self._made_from:
            self._made_from.keep([*self._done.values()])
        if self._written is None:
            self._begin()
            self._written = self._manifest()
            write_json(self.folder / MANIFEST, self._written.document())
        (self.folder / PARTIAL).unlink(missing_ok=True)

    def _manifest(self) -> Manifest:
        return Manifest(
            provenance=replace(self.provenance, seconds_per_record=self.seconds_per_record),
            record_ids=self.record_ids,
            shards=tuple(self._done[index] for index in sorted(self._done)),
        )


def quantise(probability: NDArray[Any], where: str) -> Maps:
    """Round one map to integers, rint(p * 255); uint8 passes unchanged.

    probability: (256, 256) float in [0, 1] or uint8;  returns: (256, 256) uint8, a copy
    Raises UserError beginning with `where`.
    """
    given = np.asarray(probability)
    if given.shape != SHAPE:
        raise UserError(f"{where}: the map has shape {given.shape}, not {SHAPE}")
    if given.dtype == DTYPE:
        return given.copy()
    if given.dtype.kind != "f":
        raise UserError(f"{where}: the map is {given.dtype}; give probabilities as floats, or {DTYPE}")
    # float16 would round in between; min and max carry a NaN along.
    wide = given.astype(np.promote_types(given.dtype, np.float32))
    low, high = float(wide.min()), float(wide.max())
    if not (low >= 0 and high <= 1):
        raise UserError(f"{where}: the map reaches from {low:g} to {high:g}; probabilities lie in [0, 1]")
    return np.rint(wide * wide.dtype.type(SCALE)).astype(DTYPE)


def _identity(provenance: Provenance, record_ids: Sequence[str]) -> str:
    return sha256_of([provenance.identity(), list(record_ids), DTYPE, SHARD_RECORDS])

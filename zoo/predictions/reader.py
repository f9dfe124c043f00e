"""A complete prediction set, read shard by shard: every byte is checked before it is believed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.predictions.format import (
    AGAIN,
    SHAPE,
    Manifest,
    Maps,
    Provenance,
    Shard,
    decode_shard,
    read_manifest,
)


@dataclass(frozen=True, eq=False)
class PredictionSet:
    """Maps of one run for a fixed sequence of records, on disk."""

    folder: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> PredictionSet:
        """Read the manifest; UserError where the set is incomplete, damaged or of a newer format."""
        return cls(folder, read_manifest(folder))

    @property
    def provenance(self) -> Provenance:
        return self.manifest.provenance

    @property
    def record_ids(self) -> tuple[str, ...]:
        """In the order in which they lie in the shards."""
        return self.manifest.record_ids

    @property
    def dtype(self) -> str:
        """uint8 or uint16; probability is value / scale."""
        return self.manifest.dtype

    @cached_property
    def positions(self) -> dict[str, int]:
        """Record id to its place in the set."""
        return {record_id: place for place, record_id in enumerate(self.record_ids)}

    def maps(self, ids: Sequence[str]) -> Maps:
        """The maps of `ids`, in their order: (n, 256, 256) of the set's dtype.

        Holds one decoded shard beside the result; a shard with none of `ids` is not opened.
        Raises UserError, by name, for a record that is not covered and for a shard that is not as written.
        """
        places = self._places(ids)
        result = np.empty((len(places), *SHAPE), self.dtype)
        for start, stop, shard in self._spans():
            rows = np.flatnonzero((places >= start) & (places < stop))
            if rows.size:
                result[rows] = self.decode(shard)[places[rows] - start]
        return result

    def blocks(self) -> Iterator[tuple[str, ...]]:
        """The ids of each shard in turn."""
        for start, stop, _ in self._spans():
            yield self.record_ids[start:stop]

    def verify(self) -> None:
        """Read and decode everything; UserError at the first shard that is not as the manifest says."""
        for shard in self.manifest.shards:
            self.decode(shard)

    def decode(self, shard: Shard) -> Maps:
        """The maps of one shard, checked: (shard.records, 256, 256), read only."""
        path = self.folder / shard.file
        try:
            blob = path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror}); {AGAIN}") from error
        if hashlib.sha256(blob).hexdigest() != shard.sha256:
            raise UserError(f"{path}: is not the shard of the manifest (another sha256); {AGAIN}")
        return decode_shard(blob, shard.records, self.dtype, path)

    def _places(self, ids: Sequence[str]) -> NDArray[np.int64]:
        absent = [record_id for record_id in ids if record_id not in self.positions]
        if absent:
            raise UserError(
                f"{self.folder}: record {absent[0]} is not covered "
                f"({len(absent)} of the {len(ids)} records asked for are not)"
            )
        return np.array([self.positions[record_id] for record_id in ids], np.int64)

    def _spans(self) -> Iterator[tuple[int, int, Shard]]:
        start = 0
        for shard in self.manifest.shards:
            yield start, start + shard.records, shard
            start += shard.records

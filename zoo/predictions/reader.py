"""Reader of a complete prediction set, shard by shard; every shard is checked against its hash."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.files import read_bytes
from zoo.predictions.format import (
    AGAIN,
    DTYPE,
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

    def __repr__(self) -> str:
        return f"PredictionSet({self.folder}, records={len(self.record_ids)})"

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the manifest; UserError if the set is incomplete, damaged or of a newer format."""
        return cls(folder, read_manifest(folder))

    @property
    def provenance(self) -> Provenance:
        return self.manifest.provenance

    @property
    def record_ids(self) -> tuple[str, ...]:
        """Ids in the order of the shards."""
        return self.manifest.record_ids

    @cached_property
    def positions(self) -> dict[str, int]:
        """Place of each record in the set."""
        return {record_id: place for place, record_id in enumerate(self.record_ids)}

    def maps(self, ids: Sequence[str]) -> Maps:
        """Read the maps of `ids`, in their order: (n, 256, 256) uint8.

        One decoded shard is in memory beside the result; a shard with none of `ids` is not opened.
        UserError for a record that is not in the set, and for a shard that is not as the manifest says.
        """
        places = self._places(ids)
        result = np.empty((len(places), *SHAPE), DTYPE)
        for start, stop, shard in self._spans():
            rows = np.flatnonzero((places >= start) & (places < stop))
            if rows.size:
                result[rows] = self.decode(shard)[places[rows] - start]
        return result

    def blocks(self) -> Iterator[tuple[str, ...]]:
        """Iterate over the shards as tuples of ids."""
        for start, stop, _ in self._spans():
            yield self.record_ids[start:stop]

    def decode(self, shard: Shard) -> Maps:
        """Read the maps of one shard and check them: (shard.records, 256, 256), read-only."""
        path = self.folder / shard.file
        try:  # maps that do not shrink take a little more than they are
            blob = read_bytes(path, most=2 * shard.records * math.prod(SHAPE))
        except UserError as error:
            raise UserError(f"{error.what.partition(';')[0]}; {AGAIN}") from error
        if hashlib.sha256(blob).hexdigest() != shard.sha256:
            raise UserError(f"{path}: is not the shard of the manifest (another sha256); {AGAIN}")
        return decode_shard(blob, shard.records, path)

    def _places(self, ids: Sequence[str]) -> NDArray[np.int64]:
        absent = [record_id for record_id in ids if record_id not in self.positions]
        if absent:
            raise UserError(
                f"{self.folder}: record {absent[0]} is not covered "
                f"({len(absent)} of the {len(ids)} requested records are not)"
            )
        return np.array([self.positions[record_id] for record_id in ids], np.int64)

    def _spans(self) -> Iterator[tuple[int, int, Shard]]:
        start = 0
        for shard in self.manifest.shards:
            yield start, start + shard.records, shard
            start += shard.records

"""Maps of one member, read over its runs as if they were one prediction set.

Out of fold, and in pseudo-labels of labelled records, the runs' records are disjoint; for a test split every run
predicts every record and the maps are averaged in probability. Several seeds of a fold are averaged. All in integers,
so the bits are the same everywhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.errors import UserError
from core.files import sha256_of
from zoo.predictions.format import DTYPE, SHAPE, Maps, Provenance
from zoo.predictions.reader import PredictionSet
from zoo.predictions.splits import is_held_out
from zoo.runs.names import Ref


@dataclass(frozen=True, eq=False)
class MemberMaps:
    """Maps of one member over its runs, of one recipe, TTA, split and folds.csv."""

    name: str  # as it was asked for: "M" or "M@hash"
    sets: tuple[PredictionSet, ...]
    epoch_chosen_on: str | None = None  # what chose the epochs of its runs, see `zoo.runs.store`; None: not known

    def __post_init__(self) -> None:
        if not self.sets:
            raise UserError(f"{self.name}: no prediction set")
        for key in ("member", "recipe", "split", "tta", "folds_sha256"):
            self._require_one(key)
        for together in self._parts:
            self._require_one_order(together)
        self._require_disjoint()

    def __repr__(self) -> str:
        return f"MemberMaps({self.ref}, records={len(self.record_ids)}, runs={len(self.sets)}, tta={self.tta})"

    @property
    def provenance(self) -> Provenance:
        """Provenance of the first run; member, recipe, split, TTA and folds are the same in all."""
        return self.sets[0].provenance

    @property
    def ref(self) -> Ref:
        return self.provenance.ref

    @property
    def recipe(self) -> str:
        return self.provenance.recipe

    @property
    def tta(self) -> str:
        return self.provenance.tta

    @property
    def folds(self) -> tuple[str, ...]:
        """Folds with a run, sorted."""
        return tuple(sorted({part.provenance.fold for part in self.sets}, key=_fold_key))

    @cached_property
    def record_ids(self) -> tuple[str, ...]:
        """All records, sorted."""
        return tuple(sorted(self._covered))

    @property
    def seconds_per_record(self) -> float | None:
        """Seconds per new record with all runs of the member; None if not measured."""
        seconds = [part.provenance.seconds_per_record for part in self.sets]
        return None if None in seconds else float(sum(filter(None, seconds)))

    @property
    def seconds_per_run(self) -> float | None:
        """Seconds per record with one run, the mean over the runs: comparable between members."""
        seconds = self.seconds_per_record
        return None if seconds is None else seconds / len(self.sets)

    @property
    def digest(self) -> str:
        """SHA-256 of the manifests without their measured times."""
        return sha256_of(sorted(part.manifest.digest for part in self.sets))

    def maps(self, ids: Sequence[str]) -> Maps:
        """Read the maps of `ids`, in their order: (n, 256, 256) uint8.

        Several runs of a record are averaged in probability, rounded half up in integers. Every shard is
        decoded at most once. UserError for a record that no run predicted.
        """
        self._require_covered(ids)
        rows = {record_id: row for row, record_id in enumerate(ids)}
        if len(rows) < len(ids):
            raise UserError(f"{self.name}: a record is requested twice")
        result = np.empty((len(ids), *SHAPE), DTYPE)
        for found, maps in self.batches(ids):
            result[[rows[record_id] for record_id in found]] = maps
        return result

    def batches(self, ids: Sequence[str] | None = None) -> Iterator[tuple[tuple[str, ...], Maps]]:
        """Iterate over records and their maps, one shard at a time in the order on disk, in bounded memory.

        `ids` restricts the records, in any order; shards without any of them are not opened.
        """
        wanted = set(self.record_ids if ids is None else ids)
        self._require_covered(wanted)
        for together in self._parts:
            for block in together[0].blocks():
                found = tuple(record_id for record_id in block if record_id in wanted)
                if found:
                    yield found, _mean([part.maps(found) for part in together])

    @cached_property
    def _parts(self) -> tuple[tuple[PredictionSet, ...], ...]:
        """Sets that predict the same records: the seeds of each fold out of fold, else all of them."""
        if not is_held_out(self.provenance.split):
            return (self.sets,)
        return tuple(tuple(part for part in self.sets if part.provenance.fold == fold) for fold in self.folds)

    @cached_property
    def _covered(self) -> frozenset[str]:
        return frozenset(record_id for together in self._parts for record_id in together[0].record_ids)

    def _require_one(self, key: str) -> None:
        first, words = getattr(self.provenance, key), {"tta": "TTA", "folds_sha256": "folds.csv"}
        for part in self.sets:
            if getattr(part.provenance, key) != first:
                raise UserError(
                    f"{part.folder}: is of another {words.get(key, key)} than {self.sets[0].folder}; "
                    "they are not one member, predict again"
                )

    def _require_one_order(self, together: Sequence[PredictionSet]) -> None:
        for part in together:
            if part.record_ids != together[0].record_ids:
                same = set(part.record_ids) == set(together[0].record_ids)
                what = "in another order" if same else "other records"
                raise UserError(f"{part.folder}: holds {what} than {together[0].folder}; predict again")

    def _require_disjoint(self) -> None:
        seen: dict[str, str] = {}
        for fold, together in zip(self.folds, self._parts):
            for record_id in together[0].record_ids:
                if record_id in seen:
                    raise UserError(
                        f"{self.name}: record {record_id} is held out in fold {seen[record_id]} and in "
                        f"fold {fold}; these sets are not of the same folds.csv, train again"
                    )
                seen[record_id] = fold

    def _require_covered(self, ids: Sequence[str] | set[str]) -> None:
        absent = [record_id for record_id in ids if record_id not in self._covered]
        if absent:
            raise UserError(
                f"{self.name}: record {min(absent)} has no {self.provenance.split} prediction "
                f"({len(absent)} of {len(ids)} have none); folds predicted: {', '.join(self.folds)}"
            )


def _mean(maps: Sequence[Maps]) -> Maps:
    """Mean of integer maps, rounded half up: the same bits in any order of the runs."""
    if len(maps) == 1:
        return maps[0]
    total = np.zeros(maps[0].shape, np.uint32)
    for one in maps:
        total += one
    return ((2 * total + len(maps)) // (2 * len(maps))).astype(DTYPE)


def _fold_key(fold: str) -> tuple[bool, int]:
    return (True, 0) if fold == "full" else (False, int(fold))

"""Rows of the leaderboard, and leaderboard.json, which keeps them.

In: scores and facts of members. Out: a `Row` for each member, a `Leaderboard` as JSON, csv or DataFrame.
Rows are kept by the digest of their predictions, with the digest of the labels. Scoring is in `pipeline.leaderboard`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from core.command import Command
from core.errors import Damaged
from core.listener import SILENT, Listener
from core.locks import locked
from core.schema import fit
from core.signing import read_signed, write_signed
from zoo.members import setting_text
from zoo.predictions.catalogue import set_folders
from zoo.predictions.splits import OOF
from zoo.runs import Store

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 2


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts of a member other than scores; None if the run or the listed member is missing."""

    size: int | None = None
    epochs: int | None = None  # planned, of all stages
    epochs_trained: float | None = None  # mean over the runs
    changed: dict[str, Any] | None = None  # keys in which the recipe differs from the listed one
    epoch_chosen_on: str | None = None  # other_folds, held_out, or last: what chose the epochs of its runs
    training_minutes: float | None = None  # of all runs together
    runs: int | None = None
    seconds_per_record: float | None = None  # of one run, the mean over the runs
    seconds_per_record_all_runs: float | None = None
    row: int | None = None  # of the experiment log
    logged_validation: float | None = None
    logged_leaderboard: float | None = None


class Behind(TypedDict):
    """Paired difference, its simultaneous interval and its z."""

    value: float
    interval: tuple[float, float] | None
    z: float | None
    effective_groups: NotRequired[float]
    among: NotRequired[str]  # what the interval is simultaneous over


class Rows(TypedDict):
    """Content of leaderboard.json."""

    rows: list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Row(Facts):
    """Member on the leaderboard: global Dice at the best threshold of the other folds, on the records it predicted."""

    name: str  # as it is shown
    member: str
    recipe: str  # hash
    tta: str
    dice: float | None  # None where the records hold no contrail pixel
    interval: tuple[float, float] | None  # 95 %, over scene groups; None if fewer than two of them hold a pixel
    kind: str  # cross_fitted | in_sample | unscored
    records: int
    groups: int
    effective_groups: float | None  # None where it was not scored, and in a row of an earlier release
    per_fold: dict[str, float | None]  # Dice of each fold
    spread: float | None  # standard deviation over the folds
    threshold: float | None  # fitted on all records, as a probability
    behind: Behind | None  # Dice of the first less this one's, paired
    digest: str  # of the predictions
    labels: str  # digest of the labels

    def as_dict(self) -> dict[str, Any]:
        """JSON object of the row, in the order of leaderboard.json."""
        document = asdict(self) | {"interval": list(self.interval) if self.interval else None}
        return {key: document[key] for key in _ORDER}

    @classmethod
    def from_document(
        cls, document: Mapping[str, Any], where: Path | str = "the row", again: Command | None = None
    ) -> Row:
        """Fit a row of the leaderboard.json `where`; keys that an earlier release lacked are None."""
        row = fit({**dict.fromkeys(_ORDER), **document}, cls, where, again)
        if not all(map(str.isdecimal, row.per_fold)):
            raise Damaged(f"{where}: names folds that are no numbers; make it again", again)
        # An earlier release wrote an interval of no width for a single group.
        return replace(row, interval=None) if row.groups == 1 else row

    @property
    def source(self) -> tuple[str, str, str]:
        """Member, recipe and views of the predictions: one row is kept for each."""
        return self.member, self.recipe, self.tta

    @property
    def changed_text(self) -> str:
        """Keys that differ from the listed recipe, as `--set` takes them; "?" if that is not known."""
        return (
            "?" if self.changed is None else " ".join(setting_text(key, value) for key, value in self.changed.items())
        )


_FACTS = tuple(field.name for field in fields(Facts))
_SCORES = tuple(field.name for field in fields(Row) if field.name not in _FACTS)
_ORDER = (*_SCORES[: _SCORES.index("digest")], *_FACTS, "digest", "labels")


@dataclass(frozen=True)
class Leaderboard:
    """Rows in descending order of Dice; after them in-sample ones, of a single fold, and those without a Dice."""

    rows: tuple[Row, ...]

    def __repr__(self) -> str:
        return f"Leaderboard({', '.join(f'{row.name}={row.dice:.4f}' for row in self.rows if row.dice is not None)})"

    def as_dict(self) -> list[dict[str, Any]]:
        """JSON document of `cli zoo leaderboard --json`."""
        return [row.as_dict() for row in self.rows]

    def to_frame(self) -> DataFrame:
        """Table as pandas.DataFrame, one row per member, with a column for each interval bound and fold."""
        from pandas import DataFrame

        return DataFrame(self._flat())

    def to_csv(self) -> str:
        """Same table as csv text."""
        flat = self._flat()
        text = io.StringIO()
        writer = csv.DictWriter(text, list(flat[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)
        return text.getvalue()

    def _flat(self) -> list[dict[str, Any]]:
        folds = sorted({fold for row in self.rows for fold in row.per_fold}, key=int)
        return [_flat_row(row, folds) for row in self.rows]


def _flat_row(row: Row, folds: Sequence[str]) -> dict[str, Any]:
    low, high = row.interval or (None, None)
    behind = row.behind or {"value": None, "interval": None, "z": None}
    behind_low, behind_high = behind["interval"] or (None, None)
    nested = ("interval", "per_fold", "behind", "changed")
    plain = {key: value for key, value in row.as_dict().items() if key not in nested}
    paired = {"behind": behind["value"], "behind_low": behind_low, "behind_high": behind_high, "behind_z": behind["z"]}
    by_fold = {f"fold_{fold}": row.per_fold.get(fold) for fold in folds}
    return plain | {"low": low, "high": high} | paired | {"changed": row.changed_text} | by_fold


def read_kept(store: Store) -> dict[str, Row]:
    """Read leaderboard.json: rows by the digest of their predictions; empty if the file does not exist.

    Raises as `read_rows`.
    """
    return read_rows(store.leaderboard) if store.leaderboard.exists() else {}


def read_rows(path: Path) -> dict[str, Row]:
    """Read the rows of a leaderboard.json; Damaged if it was changed, UserError if it cannot be read."""
    again = Command("zoo leaderboard")
    rows = read_signed(path, FORMAT, Rows, again)["rows"]
    found = [Row.from_document(row, path, again) for row in rows]
    return {row.digest: row for row in found}


def keep(store: Store, rows: Sequence[Row], listener: Listener = SILENT) -> dict[str, Row]:
    """Add rows to leaderboard.json and drop those whose predictions are gone; returns all that are kept, by digest.

    A row on fewer records than the kept one of the same predictions is dropped: it was scored on a part of the data. If
    the file is damaged, its rows are dropped with a warning.
    """
    complete = (found.place for found in set_folders(store, OOF) if found.written is not None)
    there = {(place.ref.member, place.ref.recipe, place.tta) for place in complete}
    with locked(store.leaderboard):
        try:
            before = read_kept(store)
        except Damaged as error:
            listener.warn(f"{error.fault}; only the members scored now are kept")
            before = {}
        fuller = [row for row in rows if row.records >= before.get(row.digest, row).records]
        newest = {row.source: row for row in (*before.values(), *fuller)}
        kept = {row.digest: row for source, row in newest.items() if source in there}
        write_signed(store.leaderboard, {"format": FORMAT, "rows": [row.as_dict() for row in kept.values()]})
    return kept

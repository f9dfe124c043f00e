"""Report of errors: where a member or an ensemble loses its Dice, and how far labelers agree.

In: `RecordErrors` of all records. Out: figures with intervals over scene groups, as a JSON document, csv or DataFrame.
Shares are ratios of sums over records, so they have the same intervals as a Dice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.labelers import SHARES, alike_weighted
from analysis.masks import KINDS
from analysis.record import BORDERS, RecordErrors
from analysis.strata import SIZE_LABELS, SIZES, STRATA, Records
from core.dice import Counts
from core.uncertainty import Estimate, dice_difference, dice_interval

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class ErrorReport:
    """Errors of a member or an ensemble on its records.

    name: as it was asked for, with the hash of a recipe. kind: cross_fitted, or in_sample if there is only one fold
    """

    name: str
    kind: str
    records: tuple[RecordErrors, ...]

    def __repr__(self) -> str:
        return f"ErrorReport({self.name}, dice={self.dice.value:.4f}, records={len(self.records)}, loss={self.loss})"

    @cached_property
    def dice(self) -> Estimate:
        """Global Dice."""
        return _dice(self.records)

    @property
    def counts(self) -> Counts:
        """Pixels of all records."""
        return Counts.of(_counts(self.records))

    @property
    def loss(self) -> int:
        """Wrong pixels of all records."""
        return sum(record.loss for record in self.records)

    def worst(self, number: int) -> tuple[RecordErrors, ...]:
        """Records with the most wrong pixels, at most `number`; none without any."""
        return tuple(one for one in self._ranked if one.loss)[:number]

    @property
    def _ranked(self) -> list[RecordErrors]:
        """Records with the most wrong pixels first."""
        return sorted(self.records, key=lambda one: (-one.loss, one.record_id))

    def kinds(self) -> list[dict[str, Any]]:
        """Wrong pixels of each kind, their share, and the Dice if they were right and nothing else changed."""
        rows, whole = [], self.counts
        for kind, wrong in zip(KINDS, _stack(one.wrong for one in self.records).T):
            pixels = int(wrong.sum())
            missed = 0 if kind.startswith("false") else pixels
            mended = Counts(whole.tp + missed, whole.predicted + missed - (pixels - missed), whole.truth)
            share = _share(wrong, _column(one.loss for one in self.records), self.records)
            rows.append({"kind": kind, "pixels": pixels, "share": share, "dice_without": mended.dice})
        return rows

    def tolerant(self) -> list[dict[str, Any]]:
        """Dice that forgives wrong pixels at most 1, 2 pixels away; see `tolerant_counts`."""
        counts = _stack(one.tolerant for one in self.records)
        estimates = [dice_interval(counts[:, row], _groups(self.records)) for row in range(BORDERS)]
        return [{"border": border, **_figure(estimate)} for border, estimate in enumerate(estimates, 1)]

    def detection(self) -> dict[str, Any]:
        """Precision and recall of contrails, by two rules: components that touch, and those that match."""
        contrails, components = (
            _column(len(one.sizes) for one in self.records),
            _column(one.components for one in self.records),
        )
        right, matched = _column(one.right for one in self.records), _column(one.matched for one in self.records)
        touched = _column(np.count_nonzero(one.found) for one in self.records)
        rules = {"touching": (right, touched), "matching": (matched, matched)}
        return {
            "contrails": int(contrails.sum()),
            "components": int(components.sum()),
            **{
                rule: {
                    "precision": _share(precise, components, self.records),
                    "recall": _share(recalled, contrails, self.records),
                }
                for rule, (precise, recalled) in rules.items()
            },
        }

    def contrails(self) -> list[dict[str, Any]]:
        """True contrails by size: their number, the share that is touched, the share of their pixels that is found.

        Also their missed pixels, and those of untouched ones alone, as shares of all wrong pixels.
        """
        rows = []
        for number, label in enumerate(SIZE_LABELS):
            among = [np.searchsorted(SIZES, one.sizes, side="right") == number for one in self.records]
            count = _column(chosen.sum() for chosen in among)
            touched = _column((one.found[chosen] > 0).sum() for one, chosen in zip(self.records, among))
            pixels = _column(one.sizes[chosen].sum() for one, chosen in zip(self.records, among))
            found = _column(one.found[chosen].sum() for one, chosen in zip(self.records, among))
            untouched = _column(one.sizes[chosen & (one.found == 0)].sum() for one, chosen in zip(self.records, among))
            if count.any():
                rows.append(
                    {
                        "pixels": label,
                        "contrails": int(count.sum()),
                        "records": int(np.count_nonzero(count)),
                        "touched": _share(touched, count, self.records),
                        "pixels_found": _share(found, pixels, self.records),
                        "missed_share_of_loss": self._of_loss(pixels - found),
                        "untouched_share_of_loss": self._of_loss(untouched),
                    }
                )
        return rows

    def _of_loss(self, pixels: NDArray[np.int64]) -> float:
        return float(pixels.sum() / self.loss) if self.loss else 0.0

    def strata(self) -> list[dict[str, Any]]:
        """Dice of classes of records, and their share of the wrong pixels; no Dice without a true pixel."""
        return [
            {
                "by": classes.name,
                "class": label,
                "records": len(records),
                "dice": _figure(_dice(records)) if any(one.truth for one in records) else None,
                "loss_share": sum(one.loss for one in records) / self.loss if self.loss else 0.0,
            }
            for classes in STRATA
            for label, records in classes.split(self.records)
        ]

    def labelers(self) -> dict[str, Any] | None:
        """Dice of a labeler against the majority of the others, and of the prediction against the same majorities.

        On the records whose labelers are known, each with the same weight; None if there are none. `ceiling` forgives a
        border of 0, 1, 2 pixels in turn.
        """
        records = [one for one in self.records if one.judged is not None and one.marked is not None]
        if not records:
            return None
        numbers = _column(one.labelers for one in records)
        counts, groups = alike_weighted(_stack(one.judged for one in records), numbers), _groups(records)
        marked = _stack(one.marked for one in records).sum(axis=0)
        return {
            "records": len(records),
            "with_contrails": sum(one.truth > 0 for one in records),
            "labelers": {str(number): int((numbers == number).sum()) for number in np.unique(numbers)},
            "dice": _figure(_dice(records)) if any(one.truth for one in records) else None,
            "ceiling": [
                {
                    "border": border,
                    "labeler": _figure(dice_interval(labeler, groups)),
                    "prediction": _figure(dice_interval(prediction, groups)),
                    "ahead": _figure(dice_difference(labeler, prediction, groups)),
                }
                for border, (labeler, prediction) in enumerate(np.moveaxis(counts, 0, 2).swapaxes(0, 1))
            ],
            "marked_by": [
                {"labelers": share, "pixels": int(pixels), "predicted": int(predicted)}
                for share, (pixels, predicted) in zip(SHARES, marked.tolist())
            ],
        }

    def as_dict(self, worst: int = 10) -> dict[str, Any]:
        """JSON document of `cli zoo errors --json`, with this many of the worst records."""
        return {
            "name": self.name,
            "kind": self.kind,
            "records": len(self.records),
            "groups": self.dice.groups,
            "dice": self.dice.value,
            "interval": self.dice.bounds,
            "effective_groups": self.dice.effective_groups,
            "counts": self.counts.as_dict(),
            "loss": self.loss,
            "kinds": self.kinds(),
            "tolerant": self.tolerant(),
            "detection": self.detection(),
            "contrails": self.contrails(),
            "strata": self.strata(),
            "labelers": self.labelers(),
            "worst": [one.as_row() | {"loss_share": one.loss / self.loss} for one in self.worst(worst)],
        }

    def to_frame(self) -> DataFrame:
        """Table as pandas.DataFrame, one row per record."""
        from pandas import DataFrame

        return DataFrame([record.as_row() for record in self.records])

    def to_csv(self) -> str:
        """Same table as csv text, the worst records first."""
        rows = [one.as_row() for one in self._ranked]
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()


def _counts(records: Records) -> NDArray[np.int64]:
    return _stack(one.counts for one in records)


def _groups(records: Records) -> Sequence[str]:
    return [one.group for one in records]


def _dice(records: Records) -> Estimate:
    return dice_interval(_counts(records), _groups(records))


def _share(part: NDArray[np.int64], whole: NDArray[np.int64], records: Records) -> dict[str, Any] | None:
    """Sum of the parts over the sum of the wholes, both (n,), with its interval; None for 0/0."""
    if not whole.any():
        return None
    # 2 part / (whole + whole): the ratio has the interval of a Dice.
    return _figure(dice_interval(np.stack([part, whole, whole], axis=1), _groups(records)))


def _figure(estimate: Estimate) -> dict[str, Any]:
    """JSON object of a figure; no interval where all groups agree, such as on 0: one of no width would seem certain."""
    return {
        "value": estimate.value,
        "interval": estimate.bounds if estimate.error else None,
        "groups": estimate.groups,
        "effective_groups": estimate.effective_groups,
    }


def _column(values: Iterable[Any]) -> NDArray[np.int64]:
    return np.fromiter(values, np.int64)


def _stack(arrays: Iterable[Any]) -> NDArray[np.int64]:
    return np.array(list(arrays), dtype=np.int64)

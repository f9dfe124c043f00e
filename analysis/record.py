"""Errors of one record, as numbers: all that a report needs of its masks.

In: masks of a record, and what is known of it. Out: a `RecordErrors`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.labelers import FEWEST, agreement, judged, shares_marked
from analysis.masks import KINDS, RIGHT, Compared, Mask, tolerant_counts

BORDERS = 2  # pixels: the widest border that is forgiven
COLD = 252.0  # kelvin in band 14 below which a cloud top counts as high


@dataclass(frozen=True, eq=False, kw_only=True)
class RecordErrors:
    """Counts of one record.

    tp, predicted, truth: pixels. wrong: pixels of each of `KINDS`. tolerant: (BORDERS, 3), see `tolerant_counts`
    sizes, found: (contrails,) pixels of each true contrail, and those of them that are predicted
    components, right, matched: predicted components; those that touch a true contrail; pairs that match
    t14, cold: median of band 14 in kelvin, share of pixels below `COLD`; None if the band is not known
    labelers: their number, 0 if they are not known; agreement, judged, marked: see `analysis.labelers`
    """

    record_id: str
    fold: int
    group: str
    split: str
    tp: int
    predicted: int
    truth: int
    wrong: tuple[int, ...]
    tolerant: NDArray[np.int64]
    sizes: NDArray[np.int64]
    found: NDArray[np.int64]
    components: int
    right: int
    matched: int
    t14: float | None = None
    cold: float | None = None
    labelers: int = 0
    agreement: float | None = None
    judged: NDArray[np.int64] | None = None
    marked: NDArray[np.int64] | None = None

    @property
    def counts(self) -> tuple[int, int, int]:
        """True positives, predicted, truth."""
        return self.tp, self.predicted, self.truth

    @property
    def loss(self) -> int:
        """Wrong pixels: false and missed."""
        return sum(self.wrong)

    @property
    def largest(self) -> int:
        """Pixels of the largest true contrail; 0 without any."""
        return int(self.sizes.max(initial=0))

    @property
    def dice(self) -> float:
        """Dice of this record alone; 1 if both masks are empty."""
        return 2 * self.tp / (self.predicted + self.truth) if self.predicted + self.truth else 1.0

    def as_row(self) -> dict[str, Any]:
        """Row of a table."""
        return {
            "record_id": self.record_id,
            "fold": self.fold,
            "group": self.group,
            "split": self.split,
            "dice": self.dice,
            "tp": self.tp,
            "predicted": self.predicted,
            "truth": self.truth,
            "loss": self.loss,
            **dict(zip(KINDS, self.wrong)),
            "contrails": len(self.sizes),
            "contrails_touched": int(np.count_nonzero(self.found)),
            "largest_contrail": self.largest,
            "components": self.components,
            "components_touching": self.right,
            "matched": self.matched,
            "t14_median": self.t14,
            "cold_share": self.cold,
            "labelers": self.labelers,
            "labelers_agreement": self.agreement,
        }


def examine(
    predicted: Mask,
    truth: Mask,
    *,
    record_id: str,
    fold: int = 0,
    group: str | None = None,
    split: str = "",
    labelers: NDArray[np.bool_] | None = None,
    t14: NDArray[np.float32] | None = None,
) -> RecordErrors:
    """Count what is wrong in one record.

    predicted, truth: (H, W) bool; labelers: (R, H, W) bool, if known; t14: kelvin of band 14, (H, W), if known
    group: scene group of the record, by default itself
    """
    pair = Compared(predicted, truth)
    tp, pixels, true = pair.counts
    return RecordErrors(
        record_id=record_id,
        fold=fold,
        group=record_id if group is None else group,
        split=split,
        tp=tp,
        predicted=pixels,
        truth=true,
        wrong=tuple(np.bincount(pair.kinds().ravel(), minlength=RIGHT + 1)[:RIGHT].tolist()),
        tolerant=np.stack([tolerant_counts(predicted, truth, border) for border in range(1, BORDERS + 1)]),
        sizes=pair.contrails.sizes,
        found=pair.contrails.inside(predicted),
        components=len(pair.found.sizes),
        right=int(np.count_nonzero(pair.found.inside(truth))),
        matched=pair.matched(),
        t14=None if t14 is None else float(np.median(t14)),
        cold=None if t14 is None else float((t14 < COLD).mean()),
        **_of_labelers(labelers, predicted),
    )


def _of_labelers(labelers: NDArray[np.bool_] | None, predicted: Mask) -> Mapping[str, Any]:
    if labelers is None or len(labelers) < FEWEST:
        return {}
    return {
        "labelers": len(labelers),
        "agreement": agreement(labelers),
        "judged": judged(labelers, predicted, BORDERS),
        "marked": shares_marked(labelers, predicted),
    }

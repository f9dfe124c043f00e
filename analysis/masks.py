"""Compare two masks of a record: kinds of wrong pixels, contrails found, counts that forgive a border.

In: predicted and true mask, (H, W) bool. Out: arrays and integer counts. A contrail is an 8-connected component; the
distance of two pixels is the larger of their distances in rows and in columns, so that all 8 neighbours are at 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

BORDER = 1  # pixels: a wrong pixel this close to the other mask is on a border
OVERLAP = 0.5  # intersection over union above which two components match: at most one pair of each

# Each wrong pixel is of one kind. Of two components that share a pixel, a wrong pixel is on the border or farther.
KINDS = {
    "false_scene": "false, in scenes without contrails",
    "false_contrail": "false, touches no true contrail",
    "false_border": "false, 1 px from the truth",
    "false_part": "false, farther from the truth",
    "missed_contrail": "missed, a contrail not touched",
    "missed_border": "missed, 1 px from the prediction",
    "missed_part": "missed, farther from it",
}
RIGHT = len(KINDS)


@dataclass(frozen=True, eq=False)
class Components:
    """8-connected components of a mask. marks: (H, W) int, 0 outside, else the number from 1; sizes: (n,) pixels."""

    marks: NDArray[np.int64]
    sizes: NDArray[np.int64]

    @classmethod
    def of(cls, mask: Mask) -> "Components":
        """Find the components of a mask."""
        from scipy.ndimage import label

        marks, number = label(mask, np.ones((3, 3)))
        return cls(np.asarray(marks), np.bincount(marks.ravel(), minlength=number + 1)[1:])

    def inside(self, mask: Mask) -> NDArray[np.int64]:
        """Pixels of each component that lie in a mask: (n,)."""
        return np.bincount(self.marks[mask], minlength=len(self.sizes) + 1)[1:]


@dataclass(frozen=True, eq=False)
class Compared:
    """Predicted and true mask of one record, both (H, W) bool."""

    predicted: Mask
    truth: Mask

    @cached_property
    def found(self) -> Components:
        """Components of the prediction."""
        return Components.of(self.predicted)

    @cached_property
    def contrails(self) -> Components:
        """Components of the truth."""
        return Components.of(self.truth)

    @property
    def counts(self) -> tuple[int, int, int]:
        """True positives, predicted, truth."""
        return int((self.predicted & self.truth).sum()), int(self.predicted.sum()), int(self.truth.sum())

    def kinds(self) -> NDArray[np.uint8]:
        """Kind of each wrong pixel, (H, W): its number in `KINDS`; `RIGHT` elsewhere."""
        kinds = list(KINDS)
        result = np.full(self.truth.shape, RIGHT, np.uint8)
        false, missed = self.predicted & ~self.truth, self.truth & ~self.predicted
        sides = (
            (false, self.found, self.truth, ("false_contrail", "false_border", "false_part")),
            (missed, self.contrails, self.predicted, ("missed_contrail", "missed_border", "missed_part")),
        )
        for wrong, components, other, (alone, border, part) in sides:
            close = near(other, BORDER)
            touching = np.concatenate([[False], components.inside(other) > 0])[components.marks]
            result[wrong] = kinds.index(part)
            result[wrong & close] = kinds.index(border)
            result[wrong & ~touching] = kinds.index(alone)
        if not self.truth.any():
            result[false] = kinds.index("false_scene")
        return result

    def matched(self) -> int:
        """Number of pairs of components whose intersection over union is above `OVERLAP`.

        No component is in two such pairs. Source: Kirillov et al., Panoptic Segmentation, CVPR 2019.
        """
        both = self.predicted & self.truth
        pairs, shared = np.unique(
            np.stack([self.found.marks[both], self.contrails.marks[both]]), axis=1, return_counts=True
        )
        union = self.found.sizes[pairs[0] - 1] + self.contrails.sizes[pairs[1] - 1] - shared
        return int((shared > OVERLAP * union).sum())


def near(mask: Mask, border: int) -> Mask:
    """Pixels at most `border` away from a mask, (H, W): itself for 0."""
    from scipy.ndimage import maximum_filter

    return np.asarray(maximum_filter(mask, 2 * border + 1, mode="constant")) if border else mask


def tolerant_counts(predicted: Mask, truth: Mask, border: int) -> NDArray[np.int64]:
    """Twice the counts (true positives, predicted, truth) that forgive what is at most `border` away: (3,) int64.

    A predicted pixel that near to the truth and a true pixel that near to the prediction are right. The Dice of these
    counts is (right predicted + right true pixels) / (predicted + true pixels); for a border of 0 it is the Dice.
    """
    right = (predicted & near(truth, border)).sum() + (truth & near(predicted, border)).sum()
    return np.array([right, 2 * predicted.sum(), 2 * truth.sum()], dtype=np.int64)

"""How well labelers agree with one another, and a prediction with them.

In: masks of the labelers of one record, (R, H, W) bool. Out: integer counts, shares.

A labeler is judged by the majority of the others, not by the label, which contains their own vote.
"""

from math import lcm

import numpy as np
from numpy.typing import NDArray

from analysis.masks import Mask, tolerant_counts

FEWEST = 2  # labelers of a record of which one can be judged by the others
SHARES = {"none": "no labeler", "minority": "half of them or fewer", "majority": "more than half", "all": "all of them"}


def others_majorities(labelers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """For each labeler, the pixels that more than half of the others marked: (R, H, W); a tie is not enough."""
    votes = labelers.sum(axis=0)
    return np.asarray(2 * (votes - labelers) > len(labelers) - 1)


def judged(labelers: NDArray[np.bool_], predicted: Mask, borders: int) -> NDArray[np.int64]:
    """Counts of labelers and of the prediction against the majorities of the others: (2, borders + 1, 3) int64.

    The first row sums over the labelers, the second over the same majorities with the prediction in the labeler's
    place; columns forgive a border of 0, 1, ... pixels, as `tolerant_counts`.
    """
    truths = others_majorities(labelers)
    return np.stack(
        [
            np.stack([sum_over(masks, truths, border) for border in range(borders + 1)])
            for masks in (labelers, np.broadcast_to(predicted, labelers.shape))
        ]
    )


def sum_over(masks: NDArray[np.bool_], truths: NDArray[np.bool_], border: int) -> NDArray[np.int64]:
    """Sum the tolerant counts of pairs of masks, (R, H, W) each: (3,)."""
    return np.sum([tolerant_counts(*pair, border) for pair in zip(masks, truths)], axis=0, dtype=np.int64)


def alike_weighted(counts: NDArray[np.int64], labelers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Scale counts that sum over each record's labelers, (n, ...), so that every record has the same weight.

    The Dice of the sums is then that of a labeler drawn at random for each record. labelers: (n,) of each record.
    """
    common = lcm(*labelers.tolist())
    return counts * (common // labelers).reshape(-1, *[1] * (counts.ndim - 1))


def agreement(labelers: NDArray[np.bool_]) -> float | None:
    """Dice over all pairs of labelers of one record; None if nobody marked anything.

    Of the v labelers who marked a pixel, v (v - 1) / 2 pairs agree on it.
    """
    votes = labelers.sum(axis=0).astype(np.int64)
    marked = int(votes.sum()) * (len(labelers) - 1)
    return float((votes * (votes - 1)).sum() / marked) if marked else None


def shares_marked(labelers: NDArray[np.bool_], predicted: Mask) -> NDArray[np.int64]:
    """Pixels by the share of labelers who marked them, and those of them that are predicted: (len(SHARES), 2)."""
    votes, number = labelers.sum(axis=0), len(labelers)
    share = (votes > 0).astype(np.int64) + (2 * votes > number) + (votes == number)
    return np.stack(
        [np.bincount(values.ravel(), minlength=len(SHARES)) for values in (share, share[predicted])], axis=1
    )

"""Symmetric Lovasz loss: the mean of the Lovasz hinges of contrails and of sky."""

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.losses import LOSSES
from zoo.members.keys import Rule

# Loss of a set of errors by counts: contrail pixels in all, those of them found, sky pixels taken for contrail.
MEASURES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "jaccard": lambda marked, found, false: 1 - found / (marked + false),
    "dice": lambda marked, found, false: 1 - 2 * found / (marked + found + false),
}
_MEASURE = Rule(lambda name: name in MEASURES, f"give {' or '.join(MEASURES)}")


@LOSSES.register("symmetric_lovasz", pixelwise=False)
def symmetric_lovasz(
    logits: Tensor, target: Tensor, *, measure: Annotated[str, _MEASURE] = "jaccard", elu: bool = False
) -> Tensor:
    """Mean of the Lovasz hinges (arXiv 1705.08790) of both classes over the whole batch (place 2, weight 0.01).

    It follows the Jaccard index of sets, or their Dice: a soft target counts where it is above a half. The sky's half
    keeps a gradient at every pixel of a batch without contrails. elu: errors e count by elu(e) + 1 (place 2) instead of
    max(e, 0), so that pixels on the right side of the margin keep a gradient, too.
    """
    hard = (target > 0.5).to(logits.dtype)
    value: Tensor = (_hinge(logits, hard, measure, elu) + _hinge(-logits, 1 - hard, measure, elu)) / 2
    return value


def _hinge(logits: Tensor, hard: Tensor, measure: str, elu: bool) -> Tensor:
    """Lovasz extension at the pixels' margins: each error counts by what it adds to the loss of the larger ones."""
    errors, order = (1 - logits * (2 * hard - 1)).flatten().sort(descending=True)
    truth = hard.flatten()[order]
    marked = truth.sum()
    losses = MEASURES[measure](marked, marked - truth.cumsum(0), (1 - truth).cumsum(0))
    steps = losses.diff(prepend=losses.new_zeros(1))
    return torch.dot(F.elu(errors) + 1 if elu else F.relu(errors), steps)

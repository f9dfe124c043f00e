"""Dice of a batch, corrected towards the Dice of all records."""

from typing import Annotated

import torch
from torch import Tensor

from zoo.losses import LOSSES
from zoo.members.keys import ABOVE_ZERO


@LOSSES.register("corrected_dice", pixelwise=False)
def corrected_dice(
    logits: Tensor,
    target: Tensor,
    *,
    intersection: Annotated[float, ABOVE_ZERO] = 7e5,
    total: Annotated[float, ABOVE_ZERO] = 1e6,
) -> Tensor:
    """One minus (2 I + `intersection`) / (L + P + `total`), I the overlap, L and P target and prediction (place 3).

    The constants stand for all other records, whose Dice is their ratio, 0.7: a false and a missed pixel cost the same
    in every batch, whatever it holds, as in the first order of the global Dice. The overlap is the sum of min(p, t), as
    in `dice`.
    """
    probability = logits.sigmoid()
    both = torch.minimum(probability, target).sum()
    return 1 - (2 * both + intersection) / (probability.sum() + target.sum() + total)

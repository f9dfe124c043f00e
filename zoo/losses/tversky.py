"""Tversky loss: Dice with separate weights for false positives and false negatives."""

from typing import Annotated

import torch
from torch import Tensor

from zoo.losses import LOSSES
from zoo.losses.dice import SMOOTH
from zoo.members.keys import ABOVE_ZERO


@LOSSES.register("tversky", pixelwise=False)
def tversky(
    logits: Tensor,
    target: Tensor,
    *,
    alpha: Annotated[float, ABOVE_ZERO] = 0.3,
    beta: Annotated[float, ABOVE_ZERO] = 0.7,
) -> Tensor:
    """One minus TP / (TP + alpha FP + beta FN), counted over the whole batch (Salehi et al. 2017, arXiv 1706.05721).

    Their best pair is the default; alpha = beta = 0.5 is `dice`. TP is the sum of min(p, t), FP of what p has more, FN
    of what t has more: at a hard target the paper's products, at a soft one least where p = t, which those are not.
    """
    probability = logits.sigmoid()
    both = torch.minimum(probability, target).sum()
    false, missed = probability.sum() - both, target.sum() - both
    return 1 - (both + SMOOTH / 2) / (both + alpha * false + beta * missed + SMOOTH / 2)

"""Dice as the score counts it: over all pixels of the batch."""

import torch
from torch import Tensor

from zoo.losses import LOSSES

# Keeps the ratio defined and its gradient alive on a batch without any contrail.
SMOOTH = 1.0


@LOSSES.register("dice", pixelwise=False)
def dice(logits: Tensor, target: Tensor) -> Tensor:
    """One minus soft Dice, over the whole batch.

    The intersection is the sum of min(p, t): at a hard target the usual sum of p t, at a soft one least where p = t,
    which the usual one is not (Wang et al. 2023, arXiv 2303.16296: the L1 form of the same).
    """
    probability = logits.sigmoid()
    both = torch.minimum(probability, target).sum()
    return 1 - (2 * both + SMOOTH) / (probability.sum() + target.sum() + SMOOTH)

"""Focal loss: cross-entropy with less weight on easy pixels."""

from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.losses import LOSSES
from zoo.members.keys import Rule

# Between 0 and 1 the gradient of (1 - p)^gamma is infinite at pixels that are certain.
GAMMA = Rule(lambda gamma: gamma == 0 or gamma >= 1, "give 0, the cross-entropy itself, or 1 and more")


@LOSSES.register("focal", pixelwise=True)
def focal(logits: Tensor, target: Tensor, *, gamma: Annotated[float, GAMMA] = 2.0) -> Tensor:
    """Mean of (1 - exp(-b))^gamma b, b the cross-entropy of a pixel (Lin et al. 2017, arXiv 1708.02002).

    It grows with b alone, so it is least where b is, at soft targets too. No class weights (alpha).
    """
    entropy = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((1 - torch.exp(-entropy)).pow(gamma) * entropy).mean()

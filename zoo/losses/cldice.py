"""clDice: agreement of middle lines, so that a contrail is not torn and none is added."""

from typing import Annotated

import torch
from torch import Tensor

from zoo.losses import LOSSES
from zoo.losses._skeleton import soft_skeleton
from zoo.losses.dice import SMOOTH
from zoo.members.keys import NOT_NEGATIVE


@LOSSES.register("cldice", pixelwise=False, alone=False)
def cldice(logits: Tensor, target: Tensor, *, iterations: Annotated[int, NOT_NEGATIVE] = 3) -> Tensor:
    """One minus the harmonic mean of two shares, counted over the whole batch (Shit et al. 2021, arXiv 2003.07311).

    They are the share of the prediction's skeleton that lies in the target, and of the target's in the prediction, by
    the smaller of both as in `dice`. Every length of a contrail counts the same, whatever its width.
    """
    probability = logits.sigmoid()
    precision = _share(soft_skeleton(probability, iterations), target)
    sensitivity = _share(soft_skeleton(target, iterations), probability)
    return 1 - 2 * precision * sensitivity / (precision + sensitivity)


def _share(skeleton: Tensor, maps: Tensor) -> Tensor:
    return (torch.minimum(skeleton, maps).sum() + SMOOTH) / (skeleton.sum() + SMOOTH)

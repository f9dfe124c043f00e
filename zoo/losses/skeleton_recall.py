"""Skeleton recall: the share of the contrails' length that is found."""

from typing import Annotated

import torch
from torch import Tensor

from zoo.losses import LOSSES
from zoo.losses._skeleton import dilate, soft_skeleton
from zoo.losses.dice import SMOOTH
from zoo.members.keys import NOT_NEGATIVE


@LOSSES.register("skeleton_recall", pixelwise=False, alone=False)
def skeleton_recall(logits: Tensor, target: Tensor, *, iterations: Annotated[int, NOT_NEGATIVE] = 3) -> Tensor:
    """One minus the found share of the target within a pixel of its skeleton (Kirchhoff et al. 2024, arXiv 2404.03010).

    Counted over the whole batch. Width beyond three pixels, or four, adds nothing: wide contrails weigh by their
    length. The skeleton is of the target alone and takes no gradient, which makes this cheaper than `cldice`.
    """
    middle = torch.minimum(dilate(soft_skeleton(target, iterations)), target)
    found = torch.minimum(logits.sigmoid(), middle)
    return 1 - (found.sum() + SMOOTH) / (middle.sum() + SMOOTH)

"""Symmetric Lovasz loss: the mean of the Lovasz hinges of contrails and of sky."""

from segmentation_models_pytorch.losses import LovaszLoss
from torch import Tensor

from zoo.losses import LOSSES

_HINGE = LovaszLoss("binary", per_image=False)


@LOSSES.register("symmetric_lovasz", pixelwise=False)
def symmetric_lovasz(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of the Lovasz hinges (arXiv 1705.08790) of both classes over the whole batch (place 2, weight 0.01).

    It follows the Jaccard index of sets: a soft target counts where it is above a half. The sky's half keeps a
    gradient at every pixel of a batch without contrails.
    """
    hard = (target > 0.5).to(logits.dtype)
    value: Tensor = (_HINGE(logits, hard) + _HINGE(-logits, 1 - hard)) / 2
    return value

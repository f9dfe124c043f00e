"""Cross-entropy that looks away from what is easy."""

from segmentation_models_pytorch.losses import FocalLoss
from torch import Tensor

from zoo.losses import LOSSES

_FOCAL = FocalLoss("binary", gamma=2.0)


@LOSSES.register("focal", pixelwise=True)
def focal(logits: Tensor, target: Tensor) -> Tensor:
    """(1 - exp(-b))^2 b, b the cross-entropy of a pixel; mean over pixels (Lin et al. 2017, arXiv 1708.02002).

    It grows with b alone, so it is least where b is, at soft targets too. No class weights (alpha).
    """
    value: Tensor = _FOCAL(logits, target)
    return value

"""Binary cross-entropy."""

from torch import Tensor
from torch.nn import functional as F

from zoo.losses import LOSSES


@LOSSES.register("bce", pixelwise=True)
def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Mean of the pixels' binary cross-entropy."""
    return F.binary_cross_entropy_with_logits(logits, target)

"""Log-cosh Dice: Dice with a gradient that fades near the end."""

import torch
from torch import Tensor

from zoo.losses import LOSSES
from zoo.losses.dice import dice


@LOSSES.register("log_cosh_dice", pixelwise=False)
def log_cosh_dice(logits: Tensor, target: Tensor) -> Tensor:
    """log(cosh(d)), d the Dice loss: its gradient is tanh(d) of Dice's, gentle near the end (arXiv 2006.14822)."""
    return torch.log(torch.cosh(dice(logits, target)))

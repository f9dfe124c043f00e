"""Losses: logits and targets (n, 1, H, W) -> a scalar. One function each, one registry line."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

from core.registry import Registry

LOSSES: Registry[Callable[[Tensor, Tensor], Tensor]] = Registry("loss")

# Keeps the ratio defined and its gradient alive on a batch without any contrail.
SMOOTH = 1.0


@LOSSES.register("dice")
def dice(logits: Tensor, target: Tensor) -> Tensor:
    """One less soft Dice on the counts of the whole batch, as the score counts; least at a hard target only."""
    probability = logits.sigmoid()
    both = (probability * target).sum()
    return 1 - (2 * both + SMOOTH) / (probability.sum() + target.sum() + SMOOTH)


@LOSSES.register("bce")
def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy, mean over pixels."""
    return F.binary_cross_entropy_with_logits(logits, target)


@LOSSES.register("bce_dice")
def bce_dice(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy for calm probabilities, Dice for the rare class: bce + dice."""
    return bce(logits, target) + dice(logits, target)

"""Losses: logits and targets (n, heads, H, W) -> a scalar. One file each, named as its loss.

A target is soft where labelers differ, where labels are resampled or mixed; every loss is least at the target, be it
soft or hard. (Lovasz, which knows sets only, takes what lies above a half.) In: tensors and a Recipe. Stays outside:
where targets come from (zoo.targets), resizing, the loop.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add

from torch import Tensor

from core.errors import UsageError
from core.registry import Registry
from zoo.members import Recipe
from zoo.targets import TARGETS

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class LossFacts:
    """Facts of a loss."""

    # A mean over pixels, which label smoothing may soften. The others count pixels: a little of every pixel of the sky
    # would outweigh all contrails.
    pixelwise: bool


LOSSES: Registry[Loss, LossFacts] = Registry("loss", LossFacts, package=__name__)


def recipe_loss(recipe: Recipe) -> Loss:
    """The weighted sum that `loss` names, with `label_smoothing` on its pixelwise terms, over the heads of `target`.

    UsageError where there is nothing to smooth. Smoothed: t (1 - e) + e / 2 (Szegedy et al. 2016, two classes).
    """
    terms = [(term.weight or 1.0, LOSSES.entry(term.name)) for term in recipe.loss_terms]
    smoothing = recipe.label_smoothing
    if smoothing and not any(entry.facts.pixelwise for _, entry in terms):
        raise UsageError(
            f"{recipe.name}: label_smoothing = {smoothing}: {recipe.loss} has no cross-entropy that it could soften; "
            "add bce or focal to the loss, or give 0"
        )

    heads = TARGETS.facts(recipe.target).weights

    def head_loss(logits: Tensor, target: Tensor) -> Tensor:
        soft = target * (1 - smoothing) + smoothing / 2
        return _sum(w * entry.make(logits, soft if entry.facts.pixelwise else target) for w, entry in terms)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        pairs = zip(heads, logits.split(1, dim=1), target.split(1, dim=1), strict=True)
        return _sum(weight * head_loss(seen, wanted) for weight, seen, wanted in pairs)

    return loss


def _sum(parts: Iterable[Tensor]) -> Tensor:
    return reduce(add, parts)

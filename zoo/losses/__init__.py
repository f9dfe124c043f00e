"""Losses: logits and targets (n, heads, H, W) -> a scalar. One file each, named as its loss.

A target is soft where labelers differ, where labels are resampled or mixed; every loss is least at the target, be it
soft or hard. (Lovasz, which knows sets only, takes what lies above a half.) A target is NaN where a head's map is not
known: such pixels add nothing to any loss. In: tensors and a Recipe. Stays outside: where targets come from
(zoo.targets), resizing, the loop.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial, reduce
from operator import add

from torch import Tensor

from core.errors import UsageError
from core.registry import Registry
from zoo.members import Recipe
from zoo.members.options import options_of
from zoo.members.terms import Term
from zoo.targets import TARGETS

Loss = Callable[..., Tensor]  # logits and target, and the loss's own options by name


@dataclass(frozen=True, kw_only=True)
class LossFacts:
    """Facts of a loss."""

    # A mean over pixels, which label smoothing may soften. The others count pixels: a little of every pixel of the sky
    # would outweigh all contrails.
    pixelwise: bool


# Logit of a pixel whose target is not known, beside the target 0: exp(-50) is nothing, and its logarithm is a number.
CERTAIN_SKY = -50.0

LOSSES: Registry[Loss, LossFacts] = Registry("loss", LossFacts, package=__name__)


def recipe_loss(recipe: Recipe) -> Loss:
    """Weighted sum of the recipe's losses, with `label_smoothing` on its pixelwise terms, over the heads of `target`.

    Smoothed: t (1 - e) + e / 2 (Szegedy et al. 2016, two classes). Raises UsageError for an option that does not fit,
    or where there is nothing to smooth.
    """
    terms = [_bound(term, recipe.name) for term in recipe.loss_terms]
    smoothing = recipe.label_smoothing
    if smoothing and not any(pixelwise for _, _, pixelwise in terms):
        raise UsageError(
            f"{recipe.name}: label_smoothing = {smoothing}: {recipe.loss} has no cross-entropy that it could soften; "
            "add bce or focal to the loss, or give 0"
        )

    heads = TARGETS.facts(recipe.target).weights

    def head_loss(logits: Tensor, target: Tensor) -> Tensor:
        soft = target * (1 - smoothing) + smoothing / 2
        return _sum(weight * make(logits, soft if pixelwise else target) for weight, make, pixelwise in terms)

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        pairs = zip(heads, logits.split(1, dim=1), target.split(1, dim=1), strict=True)
        return _sum(weight * head_loss(*known(seen, wanted)) for weight, seen, wanted in pairs)

    return loss


def known(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and target with certain sky in place of pixels whose target is NaN: they add nothing, and learn nothing.

    A mean over pixels still divides by all of them: a pixel weighs the same whatever else its batch holds.
    """
    unknown = target.isnan()
    return logits.masked_fill(unknown, CERTAIN_SKY), target.masked_fill(unknown, 0)


def _bound(term: Term, where: str) -> tuple[float, Loss, bool]:
    """Weight of a term, its loss with its options, and whether that is pixelwise."""
    entry = LOSSES.entry(term.name)
    return term.weight or 1.0, partial(entry.make, **options_of(term, entry.make, where)), entry.facts.pixelwise


def _sum(parts: Iterable[Tensor]) -> Tensor:
    return reduce(add, parts)

"""Losses: logits and targets (n, heads, H, W) -> a scalar. One file each, named as its loss.

A target is soft where labelers differ, where labels are resampled or mixed; every loss is least at the target, be it
soft or hard. (Lovasz, which knows sets only, takes what lies above a half.) A target is NaN where a head's map is not
known: such pixels add nothing to any loss. In: tensors and a Recipe. Stays outside: where targets come from
(zoo.targets), resizing, the loop.
"""

from collections.abc import Callable, Iterable, Sequence
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
    # Least at the target by itself. The others look at some of the pixels or at sums of them, and are added to one.
    alone: bool = True


# Logit of a pixel whose target is not known, beside the target 0: exp(-50) is nothing, and its logarithm is a number.
CERTAIN_SKY = -50.0

LOSSES: Registry[Loss, LossFacts] = Registry("loss", LossFacts, package=__name__)


def recipe_loss(recipe: Recipe) -> Loss:
    """Weighted sum of the recipe's losses, with `label_smoothing` on its pixelwise terms, over the heads of `target`.

    Smoothed: t (1 - e) + e / 2 (Szegedy et al. 2016, two classes). Logits are (n, heads * (1 + levels), H, W), the
    targets (n, heads, H, W): those of the decoder's coarser levels learn the same, with the weights of
    `deep_supervision`. Raises UsageError for an option that does not fit, for a head whose losses are only such as are
    added to others, or where there is nothing to smooth.
    """
    bound = [[_Bound.of(term, recipe.name) for term in terms] for terms in recipe.loss_terms]
    for terms, parts in zip(recipe.loss_terms, bound):
        if not any(part.facts.alone for part in parts):
            names = "+".join(term.name for term in terms)
            raise UsageError(f'{recipe.name}: loss = "{recipe.loss}": {names} cannot be the only loss; add dice or bce')
    smoothing = recipe.label_smoothing
    if smoothing and not any(part.facts.pixelwise for parts in bound for part in parts):
        raise UsageError(
            f"{recipe.name}: label_smoothing = {smoothing}: {recipe.loss} has no cross-entropy that it could soften; "
            "add bce or focal to the loss, or give 0"
        )

    def head_loss(parts: Sequence[_Bound], logits: Tensor, target: Tensor) -> Tensor:
        hard = known(logits, target)
        # Smoothed before what is unknown is replaced: else its certain sky would be smoothed, too, and cost.
        soft = known(logits, target * (1 - smoothing) + smoothing / 2) if smoothing else hard
        return _sum(part.weight * part.make(*(soft if part.facts.pixelwise else hard)) for part in parts)

    heads, levels = TARGETS.facts(recipe.target).weights, (1.0, *recipe.deep_supervision)
    outputs = [(level * head, parts) for level in levels for head, parts in zip(heads, bound, strict=True)]

    def loss(logits: Tensor, target: Tensor) -> Tensor:
        wanted = target.split(1, dim=1) * len(levels)
        each = zip(outputs, logits.split(1, dim=1), wanted, strict=True)
        return _sum(weight * head_loss(parts, seen, of_head) for (weight, parts), seen, of_head in each)

    return loss


def known(logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Logits and target with certain sky in place of pixels whose target is NaN: they add nothing, and learn nothing.

    A mean over pixels still divides by all of them: a pixel weighs the same whatever else its batch holds.
    """
    unknown = target.isnan()
    return logits.masked_fill(unknown, CERTAIN_SKY), target.masked_fill(unknown, 0)


@dataclass(frozen=True)
class _Bound:
    """Term of a sum: its weight, its loss with its options, the facts of the loss."""

    weight: float
    make: Loss
    facts: LossFacts

    @classmethod
    def of(cls, term: Term, where: str) -> "_Bound":
        entry = LOSSES.entry(term.name)
        return cls(term.weight or 1.0, partial(entry.make, **options_of(term, entry.make, where)), entry.facts)


def _sum(parts: Iterable[Tensor]) -> Tensor:
    return reduce(add, parts)

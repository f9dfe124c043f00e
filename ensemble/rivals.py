"""Rivals: choices in the tables of a fit that are reliably better than the fitted ensemble, with their commands.

In: a `Fit` that was cross-fitted. Out: rivals, the largest gain first. Single members, equal weights and named methods,
without min-pixels, are compared with the ensemble; the ensemble without a member is compared with the same weights and
that member, both without min-pixels. The intervals are simultaneous over all rivals, and not widened for few groups: a
false warning costs less than an ensemble that is worse than its own members.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from core.command import Command
from core.simultaneous import differences
from core.uncertainty import Estimate
from ensemble.ablation import counts_without, used_members
from ensemble.counts import Counts3, TrainingSet
from ensemble.fitting import Fit
from ensemble.min_pixels import NONE
from ensemble.selection import candidates
from ensemble.strategy import cross_fitted_counts
from ensemble.weights import METHODS

OWN = "the ensemble"


@dataclass(frozen=True)
class Rival:
    """Choice that is better by `gain` than `than`; do: the command that fits it."""

    name: str
    than: str
    gain: Estimate
    do: Command

    @property
    def text(self) -> str:
        """Text of the warning."""
        return f"{self.name}: better than {self.than} by {self.gain.value:+.4f} ± {self.gain.error:.4f}, paired"

    def as_dict(self) -> dict[str, Any]:
        """JSON object; `command` holds the words to type."""
        words = {"name": self.name, "than": self.than, "text": self.text, "command": self.do.words}
        return {**words, "gain": self.gain.value, "interval": self.gain.bounds}


def rivals(fit: Fit, again: Mapping[str, Any] | None = None) -> tuple[Rival, ...]:
    """Find the rivals that are better than the ensemble by a simultaneous 95 % interval; none in-sample.

    again: options of `ensemble fit` to repeat in the rivals' commands, such as the name
    """
    if fit.result.crossed is None:
        return ()
    found = [*_choices(fit), *_ablations(fit)]
    systems = [counts for *_, first, second in found for counts in (first, second)]
    pairs = [(2 * number, 2 * number + 1) for number in range(len(found))]
    gains = differences(systems, fit.counts.groups, pairs, cautious=False)
    better = [
        Rival(name, than, gain, Command("ensemble fit", **{**(again or {}), **options}))
        for (name, than, options, *_), gain in zip(found, gains)
        if gain.low > 0
    ]
    return tuple(sorted(better, key=lambda rival: -rival.gain.value))


Compared = tuple[str, str, dict[str, str], Counts3, Counts3]  # rival, baseline, options, counts of both


def _choices(fit: Fit) -> Iterator[Compared]:
    """Yield each member and each named method of `auto`, to be compared with the ensemble.

    With a budget, only the members that fit into it.
    """
    if len(fit.members) < 2:
        return
    own, budget = fit.result.counts, fit.options.budget
    for number, member in enumerate(fit.members):
        if budget is None or budget.costs[number] <= budget.seconds:
            yield f"{member.name} alone", OWN, {"members": member.name}, member.counts, own
    if budget is not None:
        return
    everything = TrainingSet(fit.counts, fit.counts.folds)
    for one in candidates(len(fit.members)):
        # What was selected is no rival of itself: selecting it costs honest Dice, and the same is fitted.
        if one.title in METHODS.names() and one != fit.strategy:
            options = {"method": one.title, "min_pixels": NONE}
            yield f"method {one.title} without min-pixels", OWN, options, cross_fitted_counts(everything, one), own


def _ablations(fit: Fit) -> Iterator[Compared]:
    """Yield the ensemble without each member, to be compared with all of it, both without min-pixels."""
    used, names = used_members(fit), fit.active.members
    if len(used) < 2:
        return
    whole = counts_without(fit, None)
    for member in used:
        others = ",".join(names[other] for other in used if other != member)
        yield f"without {names[member]}", "its weights with it", {"members": others}, counts_without(fit, member), whole

"""Strategies: `FitOptions` is what the user asks for, a `Strategy` one way to choose, without `auto`.

In: a training set. Out: a choice, and the cross-fitted counts of a strategy.
Stays outside: the choice among strategies (`ensemble.selection`), scoring, reporting, files.
"""

from dataclasses import dataclass

import numpy as np

from core.errors import UsageError
from core.uncertainty import Gain
from ensemble.blend import Blend, mixed_weights
from ensemble.counts import Choice, Counts3, TrainingSet
from ensemble.crossfit import cross_fit
from ensemble.elimination import eliminated
from ensemble.min_pixels import MIN_PIXELS, NONE
from ensemble.weights import METHODS

AUTO = "auto"
RATIOS = "ratios"
RELIABLE_Z = 1.0  # z above which a gain counts


@dataclass(frozen=True)
class Budget:
    """Time allowed for prediction: seconds in all, and the seconds that each member takes for all records."""

    seconds: float
    costs: tuple[float, ...]
    records: int = 0  # to be predicted


@dataclass(frozen=True)
class FitOptions:
    """Options of a fit.

    method: auto, ratios or a name of `METHODS`. min_pixels: auto, none or a name of `MIN_PIXELS`.
    ratios: weights of groups of members, such as "a+b=2,c*=1", for the method "ratios".
    prune: leave out members that equal weights can spare. budget: keep the members that fit into it.
    Raises UnknownName for a method or mode that does not exist, UsageError for ratios without their method.
    """

    method: str = AUTO
    min_pixels: str = AUTO
    ratios: str = ""
    prune: bool = False
    budget: Budget | None = None

    def __post_init__(self) -> None:
        METHODS.require(self.method, AUTO, RATIOS)
        if (self.method == RATIOS) != bool(self.ratios):
            raise UsageError('--method ratios and --ratios go together: --method ratios --ratios "a=2,b=1"')
        MIN_PIXELS.require(self.min_pixels, AUTO, NONE)


@dataclass(frozen=True)
class Strategy:
    """One way to choose from a training set."""

    method: str = "uniform"
    step: float = 1.0  # from equal weights to the method's
    mode: str = NONE
    keep: int | None = None  # members that elimination leaves; None: all
    members: tuple[int, ...] | None = None  # None: all
    shares: tuple[float, ...] = ()  # of all members, in place of a method

    @property
    def title(self) -> str:
        """Text of the method."""
        method = RATIOS if self.shares else self.method
        kept = "" if self.keep is None else f" of {self.keep}"
        return f"{method}{kept}" if self.step == 1 else f"{method}*{self.step:g}"

    def choose(self, training: TrainingSet) -> Choice:
        """Choose the weights, each at its best threshold without min-pixels, then the cut for these weights."""
        part = training if self.members is None else training.among(self.members)
        blend = self._blend(part)
        return Choice(blend, part.cut(blend, self.mode)[0])

    def _blend(self, part: TrainingSet) -> Blend:
        if self.shares:
            return part.blend([self.shares[member] for member in part.members])
        if self.keep is not None:
            part = part.among(eliminated(part)[self.keep])
        key = (self.method, part.folds, part.members)
        fitted = part.counts.once(key, lambda: METHODS.get(self.method)(part))
        if self.step == 1.0:
            return fitted
        equal = METHODS.get("uniform")(part)
        return Blend(mixed_weights(equal.weights, fitted.weights, self.step), fitted.table)


@dataclass(frozen=True)
class Decision:
    """Decision between `candidate` and `baseline` by their cross-fitted Dice; dice: the candidate's."""

    question: str
    candidate: str
    baseline: str
    gain: Gain
    dice: float
    taken: bool
    asked: bool = False  # the user asked for it, so it is taken whatever it gains

    @property
    def answer(self) -> str:
        """Text of the answer."""
        if self.question == "members":
            return "left out" if self.taken else "kept"
        if self.asked:
            return "as asked, earned" if self.gain.z > RELIABLE_Z else "as asked, not earned"
        if self.taken:
            return "taken"
        return "no gain" if self.gain.value <= 0 else "another gains as much or more"


def cross_fitted_counts(training: TrainingSet, strategy: Strategy) -> Counts3:
    """Count each record at cross-fitted choices of a strategy; in-sample if there is only one fold."""
    if len(training.folds) > 1:
        return cross_fit(training, strategy.choose).counts
    return training.counts.records(strategy.choose(training), training.folds)


def comparable(training: TrainingSet) -> bool:
    """True if two folds or more have positive pixels, so that each choice without a fold is made with some."""
    return bool(np.count_nonzero(training.counts.truth[list(training.folds)]) >= 2)

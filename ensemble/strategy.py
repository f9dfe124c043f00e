"""How a choice is made: a `FitOptions` is what the user asked for, a `Strategy` one way to choose, without `auto`.

In: a training set. Out: a choice, and the counts of a strategy that is chosen anew without each fold.
Stays outside: which strategy has earned its place (`decide`), scoring, reporting, files.
"""

from dataclasses import dataclass

from core.bootstrap import Gain
from core.errors import UsageError
from ensemble.blend import Blend, mixed_weights
from ensemble.counts import Choice, Counts3, TrainingSet
from ensemble.crossfit import cross_fit
from ensemble.min_pixels import check_mode
from ensemble.weights import METHODS

AUTO = "auto"
RATIOS = "ratios"
RELIABLE_Z = 1.0  # z from which a gain counts


@dataclass(frozen=True)
class Budget:
    """How long prediction may take: seconds in all, and what each member takes of them for all records."""

    seconds: float
    costs: tuple[float, ...]
    records: int = 0  # that are to be predicted


@dataclass(frozen=True)
class FitOptions:
    """What the user asked for."""

    method: str = AUTO
    min_pixels: str = AUTO
    ratios: str = ""  # of groups of members, with the method of that name
    prune: bool = False
    budget: Budget | None = None

    def __post_init__(self) -> None:
        if self.method not in (AUTO, RATIOS):
            METHODS.get(self.method)
        if (self.method == RATIOS) != bool(self.ratios):
            raise UsageError('--method ratios and --ratios go together: --method ratios --ratios "a=2,b=1"')
        if self.min_pixels != AUTO:
            check_mode(self.min_pixels)


@dataclass(frozen=True)
class Strategy:
    """A options without `auto`: how a choice is made from a training set."""

    method: str = "uniform"
    step: float = 1.0  # from equal weights to the method's
    mode: str = "none"
    members: tuple[int, ...] | None = None  # these alone
    shares: tuple[float, ...] = ()  # of all members, in place of a method

    @property
    def title(self) -> str:
        """The method in words."""
        method = RATIOS if self.shares else self.method
        return method if self.step == 1 else f"{method}*{self.step:g}"

    def choose(self, training: TrainingSet) -> Choice:
        """Weights first, at the best threshold without min-pixels; then the cut for these weights."""
        part = training if self.members is None else training.among(self.members)
        blend = self._blend(part)
        return Choice(blend, part.cut(blend, self.mode)[0])

    def _blend(self, part: TrainingSet) -> Blend:
        if self.shares:
            return part.blend([self.shares[member] for member in part.members])
        key = (self.method, part.folds, part.members)
        fitted = part.counts.once(key, lambda: METHODS.get(self.method)(part))
        if self.step == 1.0:
            return fitted
        equal = METHODS.get("uniform")(part)
        return Blend(mixed_weights(equal.weights, fitted.weights, self.step), fitted.table)


@dataclass(frozen=True)
class Decision:
    """One question that cross-fitting answered: does `candidate` gain over `baseline`?"""

    question: str
    candidate: str
    baseline: str
    gain: Gain
    taken: bool
    asked: bool = False  # the user named it, so it is taken whatever it gains

    @property
    def answer(self) -> str:
        """In words."""
        if self.question == "members":
            return "left out" if self.taken else "kept"
        if self.asked:
            return "as asked, earned" if self.gain.z > RELIABLE_Z else "as asked, not earned"
        if self.taken:
            return "taken"
        return "not earned" if self.gain.z <= RELIABLE_Z else "another gains more"


def crossed(training: TrainingSet, strategy: Strategy) -> Counts3:
    """Counts per record, cross-fitted; in-sample where there is but one fold."""
    if len(training.folds) > 1:
        return cross_fit(training, strategy.choose).counts
    return training.counts.records(strategy.choose(training), training.folds)

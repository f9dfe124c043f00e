"""Schedules: the learning rate as a function of the step alone. One function each, one registry line.

torch's schedulers keep a state of their own; here a resumed run, one of other epochs, or one that a library's update
has changed cannot have a rate that is off by a step. Their closed forms are the same, which the tests check.

In: the rates of a recipe, the number of a step. Out: a rate. Stays outside: torch, the optimizer.
"""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from typing import Protocol

from core.registry import Registry

# torch's OneCycleLR: it starts at lr / 25 and ends at a 10,000th of that.
START, END = 1 / 25, 1 / 25e4


class Rates(Protocol):
    """Keys of a recipe that schedules read."""

    @property
    def schedule(self) -> str: ...
    @property
    def lr(self) -> float: ...
    @property
    def warmup(self) -> float: ...
    @property
    def min_lr(self) -> float: ...
    @property
    def milestones(self) -> tuple[float, ...]: ...
    @property
    def gamma(self) -> float: ...


@dataclass(frozen=True)
class ScheduleFacts:
    """Facts of a schedule."""

    rises: bool = False  # it rises over `warmup` in its own way, and needs one; others rise linearly


# A schedule takes the rates, the step (from 0) and how many steps there are.
SCHEDULES: Registry[Callable[[Rates, int, int], float], ScheduleFacts] = Registry("schedule", ScheduleFacts)


def learning_rate(rates: Rates, step: int, steps: int) -> float:
    """Rate of `step` (from 0) of `steps`: a linear rise over `warmup` of them, then as `schedule` says."""
    schedule = SCHEDULES.entry(rates.schedule)
    warm = _warm_steps(rates, steps)
    if step < warm and not schedule.facts.rises:
        return rates.lr * (step + 1) / warm
    return schedule.make(rates, step, steps)


@SCHEDULES.register("constant")
def constant(rates: Rates, step: int, steps: int) -> float:
    """Constant rate `lr`."""
    return rates.lr


@SCHEDULES.register("cosine")
def cosine(rates: Rates, step: int, steps: int) -> float:
    """Half cosine wave from `lr` down to `min_lr` (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts)."""
    warm = _warm_steps(rates, steps)
    return _half_wave(rates.lr, rates.min_lr, (step - warm) / max(1, steps - warm))


@SCHEDULES.register("one_cycle", rises=True)
def one_cycle(rates: Rates, step: int, steps: int) -> float:
    """Half cosine waves from lr / 25 up to `lr` over `warmup`, and down to 0 (Smith et al. 2017, arXiv 1708.07120)."""
    peak, last = rates.warmup * steps - 1, steps - 1
    if step <= peak:
        # A rise of a single step is at its top at once.
        return _half_wave(rates.lr * START, rates.lr, step / peak if peak else 1.0)
    return _half_wave(rates.lr, rates.lr * END, (step - max(peak, 0)) / max(1.0, last - max(peak, 0)))


@SCHEDULES.register("step")
def stepwise(rates: Rates, step: int, steps: int) -> float:
    """Rate times `gamma` after each of the `milestones`, shares of all steps."""
    passed = bisect_right([round(share * steps) for share in rates.milestones], step)
    return rates.lr * rates.gamma**passed


def lower_rate(rates: Rates) -> str:
    """Setting that gives about a third of the rate."""
    return f"--set lr={float(f'{rates.lr / 3:.1g}'):g}"


def _warm_steps(rates: Rates, steps: int) -> int:
    return round(rates.warmup * steps)


def _half_wave(first: float, last: float, share: float) -> float:
    return last + (first - last) * 0.5 * (1 + cos(pi * share))

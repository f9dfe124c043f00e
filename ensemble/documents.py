"""Documents of a fit: the JSON of `ensemble fit --json`, and the frozen ensemble that keeps it.

Every Dice comes with its number of records, its kind (in-sample or cross-fitted) and its interval.
"""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any

from core.dice import Counts
from core.uncertainty import Estimate, Gain, jackknife_dice
from ensemble.ablation import contributions, error_correlation
from ensemble.blend import TOTAL, table
from ensemble.counts import Choice
from ensemble.fitting import Fit, Scored
from ensemble.model import Ensemble, MemberUse
from ensemble.rivals import Rival, rivals
from ensemble.strategy import Decision, Strategy
from ensemble.warnings import rate_shift, warnings_of


def describe(
    fit: Fit,
    missing: Sequence[str] = (),
    seconds: Sequence[float | None] = (),
    again: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe a fit.

    missing: lines on records that members lack; seconds: of each member for one record
    again: options of `ensemble fit` to repeat in the advised commands
    """
    better = rivals(fit, again)
    choice = fit.result.choice
    counts = Counts.of(fit.result.in_sample)
    crossed = fit.result.crossed
    estimate = fit.estimate(fit.result.counts)
    return {
        "dice": _dice(fit),
        "dice_jackknifed": jackknife_dice(fit.result.counts, fit.counts.groups),
        "weights": {name: weight / TOTAL for name, weight in zip(fit.active.members, choice.blend.weights)},
        "threshold": choice.threshold,
        "min_pixels": _min_pixels(choice),
        "records": len(fit.active.record_ids),
        "groups": estimate.groups,
        "effective_groups": estimate.effective_groups,
        "counts": counts.as_dict(),
        "method": fit.strategy.title,
        "asked": {"method": fit.options.method, "min_pixels": fit.options.min_pixels},
        "left_out": _left_out(fit, fit.strategy),
        "budget": _budget(fit),
        "table": choice.blend.table,
        "active_from": fit.active.eps / 255,
        "members": {
            scored.name: _scored(fit, scored) | {"seconds_per_record": cost}
            for scored, cost in zip_longest(fit.members, seconds)
        },
        "folds": [] if crossed is None else [_fold(fit, index) for index in range(len(crossed.folds))],
        "gain": {name: _estimate(gain) for name, gain in fit.gains.items()},
        "worth": {one.member: _gain(one.gain) | _bounds(one.gain) for one in contributions(fit)},
        "error_correlation": [[round(value, 4) for value in row] for row in error_correlation(fit).tolist()],
        "decisions": [_decision(decision) for decision in fit.decisions],
        "selection_cost": fit.selection_cost,
        "missing": list(missing),
        "rivals": [rival.as_dict() for rival in better],
        "warnings": [*warnings_of(fit), *_best_of_each_kind(better)],
    }


def _best_of_each_kind(better: Sequence[Rival]) -> list[str]:
    """Warnings of the best rival of the ensemble, and of the member whose removal gains most."""
    best = {rival.than: rival for rival in reversed(better)}
    return [rival.text for rival in better if rival is best[rival.than]]


def _left_out(fit: Fit, strategy: Strategy) -> list[str]:
    """Members that pruning or the budget left out."""
    kept = strategy.members
    return [] if kept is None else [name for index, name in enumerate(fit.active.members) if index not in kept]


def _budget(fit: Fit) -> dict[str, Any] | None:
    """Describe the hours that were allowed, and those that the members with a weight need."""
    budget = fit.options.budget
    if budget is None:
        return None
    needed = sum(cost for cost, weight in zip(budget.costs, fit.result.choice.blend.weights) if weight)
    return {"hours": budget.seconds / 3600, "records": budget.records, "needed_hours": needed / 3600}


def freeze(
    name: str,
    fit: Fit,
    uses: Sequence[MemberUse],
    folds_sha256: str = "",
    missing: Sequence[str] = (),
    split_of: Mapping[str, str] | None = None,
    again: Mapping[str, Any] | None = None,
) -> Ensemble:
    """Freeze the ensemble of a fit with its document and the provenance of its members' maps.

    folds_sha256: of the split that the maps were predicted on, if it is a file
    missing: lines on records that members lack; split_of: train or validation, of each record if known
    again: options of `ensemble fit` to repeat in the advised commands
    """
    choice = fit.result.choice
    document = describe(fit, missing, [use.seconds_per_record for use in uses], again)
    document["warnings"] += rate_shift(fit.active, split_of or {})
    return Ensemble(
        name=name,
        members=tuple(uses),
        table=choice.blend.table,
        level=_level(choice),
        eps=fit.active.eps,
        mode=choice.cut.mode,
        k=choice.cut.k,
        method=str(document["method"]),
        folds_sha256=folds_sha256,
        record_ids=fit.active.record_ids,
        per_record=_per_record(fit),
        fitted=document,
    )


def _per_record(fit: Fit) -> dict[str, Any]:
    """List counts (tp, predicted, truth) and group of every record, for comparisons of ensembles."""
    crossed = fit.result.crossed
    return {
        "groups": list(fit.counts.group_names),
        "in_sample": fit.result.in_sample.tolist(),
        "cross_fitted": None if crossed is None else crossed.counts.tolist(),
    }


def _dice(fit: Fit) -> dict[str, Any]:
    crossed = fit.result.crossed
    inside = fit.estimate(fit.result.in_sample)
    outside = None if crossed is None else fit.estimate(crossed.counts)
    best, uniform = fit.estimate(fit.best.counts), fit.estimate(fit.uniform.counts)
    return {
        "in_sample": inside.value,
        "cross_fitted": None if outside is None else outside.value,
        "interval": (outside or inside).bounds,
        "interval_of": "in_sample" if outside is None else "cross_fitted",
        "in_sample_interval": inside.bounds,
        "optimism": None if outside is None else inside.value - outside.value,
        "best_single": best.value,
        "best_single_interval": best.bounds,
        "uniform": uniform.value,
        "uniform_interval": uniform.bounds,
    }


def _scored(fit: Fit, scored: Scored) -> dict[str, Any]:
    crossed = scored.crossed
    return {
        "in_sample": Counts.of(scored.in_sample).dice,
        "cross_fitted": None if crossed is None else crossed.dice,
        **_bounds(fit.estimate(scored.counts)),
        "threshold": scored.choice.threshold,
    }


def _fold(fit: Fit, index: int) -> dict[str, Any]:
    """Describe the choice made without one fold, and its score on that fold."""
    crossed = fit.result.crossed
    assert crossed is not None
    first, last = fit.active.records_of(crossed.folds[index])
    choice = crossed.choices[index]
    return {
        "fold": fit.active.folds[crossed.folds[index]],
        "records": last - first,
        "method": fit.without[index].title,
        "left_out": _left_out(fit, fit.without[index]),
        "dice": Counts.of(crossed.counts[first:last]).dice,
        "table": choice.blend.table,
        "level": _level(choice),
        "threshold": choice.threshold,
        "min_pixels": _min_pixels(choice),
        "weights": {name: weight / TOTAL for name, weight in zip(fit.active.members, choice.blend.weights)},
    }


def _level(choice: Choice) -> int:
    """Level at which the blend is cut."""
    return choice.cut.bin << table(choice.blend.table).shift


def _min_pixels(choice: Choice) -> dict[str, Any]:
    return {"mode": choice.cut.mode, "k": choice.cut.k}


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "question": decision.question,
        "candidate": decision.candidate,
        "baseline": decision.baseline,
        "dice": decision.dice,
        **_gain(decision.gain),
        "taken": decision.taken,
        "answer": decision.answer,
    }


def _gain(gain: Gain | Estimate) -> dict[str, Any]:
    return {"gain": gain.value, "error": gain.error, "z": gain.z}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, **_bounds(estimate), "z": estimate.z}


def _bounds(estimate: Estimate) -> dict[str, Any]:
    return {"interval": estimate.bounds, "effective_groups": estimate.effective_groups}

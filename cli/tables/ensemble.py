"""Tables of `cli ensemble`: a fit, a comparison, and the members of an ensemble."""

from typing import TYPE_CHECKING, Any

from cli.tables.columns import EMPTY, cell
from core.thresholds import threshold_text
from core.uncertainty import FEW_EFFECTIVE, groups_text, interval_text
from core.words import counted

if TYPE_CHECKING:
    from rich.console import Console

DICE = "{:.4f}"
SECONDS = "{:.2f}"
BASELINES = {"uniform": "equal weights without min-pixels", "best": "the best single member without min-pixels"}


def print_fit(console: "Console", name: str, document: Any) -> None:
    """Print the threshold, the Dice of ensemble and members, the decisions and the gain over simpler ensembles."""
    min_pixels, crossed = document["min_pixels"], document["dice"]["cross_fitted"] is not None
    cut = "no min-pixels"
    if min_pixels["mode"] != "none":
        cut = f"{min_pixels['mode']}s of fewer than {min_pixels['k']} pixels dropped"
    threshold = f"threshold {threshold_text(document['threshold'], 4)}"
    groups = groups_text(document["groups"], document.get("effective_groups"))
    console.print(
        f"ensemble {name}: method {document['method']}, {threshold}, {cut}\n"
        f"{counted(document['records'], 'record')} in {groups}, "
        f"{counted(len(document['folds']) or 1, 'fold')}; global Dice, 95 % interval over scene groups"
    )
    console.print(_dice_table(document))
    # With fewer groups it varies more than the bias that it removes.
    if document.get("dice_jackknifed") is not None and (document.get("effective_groups") or 0) >= FEW_EFFECTIVE:
        console.print(f"ensemble without the bias of few groups (jackknife): {document['dice_jackknifed']:.4f}")
    if document.get("budget"):
        budget = document["budget"]
        took = f"{budget['records']} records take {budget['needed_hours']:.2f} h"
        console.print(f"{took} of the {budget['hours']:g} h that are allowed")
    if document.get("left_out"):
        console.print(_left_out_line(document))
    if document["decisions"]:
        console.print(_decision_table(document["decisions"]))
    if document.get("selection_cost"):
        cost, dice = document["selection_cost"], document["dice"]["cross_fitted"]
        chance = "; a negative cost is chance: it stands for none" if cost < 0 else ""
        console.print(
            f"selection cost {cost:.4f}: the cross-fitted Dice is {dice + cost:.4f} for the choice above in all folds, "
            f"and {dice:.4f} if the other folds make the choice for each fold{chance}"
        )
    if document["worth"]:
        console.print(_worth_table(document))
    for baseline, gain in document["gain"].items() if len(document["members"]) > 1 else ():
        span, kind = interval_text(gain["interval"], "+.4f"), "cross-fitted" if crossed else "in-sample"
        console.print(f"against {BASELINES[baseline]}: {gain['value']:+.4f} {span}, {kind}, paired", markup=False)


def _dice_table(document: Any) -> Any:
    from rich.table import Table

    dice = document["dice"]
    crossed = dice["cross_fitted"] is not None
    table = Table("", "weight", "threshold", "in-sample", "cross-fitted", "95 % interval", box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    inside, outside = f"{dice['in_sample']:.4f}", cell(dice["cross_fitted"], DICE)
    table.add_row(
        "ensemble",
        "",
        threshold_text(document["threshold"], 3),
        inside,
        outside,
        interval_text(dice["interval"]),
        style="bold",
    )
    for title, key in (("equal weights", "uniform"), ("best single", "best_single")):
        where = ("", cell(dice[key], DICE)) if crossed else (cell(dice[key], DICE), EMPTY)
        table.add_row(title, "", "", *where, interval_text(dice[f"{key}_interval"]))
    for name, member in document["members"].items():
        table.add_row(
            name,
            f"{document['weights'][name]:.4f}",
            threshold_text(member["threshold"], 3),
            f"{member['in_sample']:.4f}",
            cell(member["cross_fitted"], DICE),
            interval_text(member["interval"]),
        )
    return table


def _left_out_line(document: Any) -> str:
    """Members that were left out, with the number of folds in which the fit on the other folds left them out too."""
    number = len(document["folds"])
    folds = [fold.get("left_out") for fold in document["folds"]]
    if not folds or None in folds:  # in-sample, or of an earlier release
        return f"left out: {', '.join(document['left_out'])}"
    often = {name: sum(name in names for names in folds) for name in document["members"]}
    chosen = [f"{name} ({often[name]} of {number})" for name in document["left_out"]]
    others = [f"{name} ({count} of {number})" for name, count in often.items() if count]
    others = [line for line in others if line not in chosen]
    words = f"left out (folds in which the other folds left it out too): {', '.join(chosen)}"
    return words + (f"; kept, but left out by the other folds: {', '.join(others)}" if others else "")


def _decision_table(decisions: Any) -> Any:
    from rich.table import Table

    table = Table("question", "candidate", "Dice", "gain, cross-fitted", "z", "answer", box=None)
    for decision in decisions:
        table.add_row(
            decision["question"],
            f"{decision['candidate']} over {decision['baseline']}",
            cell(decision.get("dice"), DICE),
            f"{decision['gain']:+.4f} ± {decision['error']:.4f}",
            f"{decision['z']:.1f}",
            decision["answer"],
        )
    return table


def _worth_table(document: Any) -> Any:
    from rich.table import Table

    names = list(document["members"])
    table = Table(
        "without", "Dice changes by", "95 % interval", "z", "s / record, all runs", "errs most like", box=None
    )
    for name, worth in document["worth"].items():
        row = document["error_correlation"][names.index(name)]
        value, other = max((value, other) for value, other in zip(row, names) if other != name)
        bounds = worth["interval"] and [-bound for bound in reversed(worth["interval"])]
        seconds = cell(document["members"][name].get("seconds_per_record"), SECONDS)
        change = (f"{-worth['gain']:+.4f}", interval_text(bounds, "+.4f"), f"{-worth['z']:.1f}")
        table.add_row(name, *change, seconds, f"{other} (correlation {value:.2f})")
    return table


def print_comparison(console: "Console", document: Any) -> None:
    """Print the Dice of two ensembles, their difference and the verdict."""
    for name, dice in document["dice"].items():
        span = interval_text(document["dice_interval"][name])
        console.print(f"{name}: {document['kind']} Dice {dice:.4f} {span}", highlight=False, markup=False)
    console.print(
        f"difference {document['difference']:+.4f} {interval_text(document['interval'], '+.4f')}, "
        f"z {document['z']:.1f}, paired, on {counted(document['records'], 'record')} in "
        f"{groups_text(document['groups'], document['effective_groups'])}",
        markup=False,
    )
    for line in document["warnings"]:
        console.print(f"warning: {line}", markup=False)
    first, second = document["dice"]
    low, high = document["interval"] or (0, 0)
    better = first if low > 0 else second
    console.print("the difference is within chance" if low <= 0 <= high else f"{better} is better")


def print_folds(console: "Console", document: Any) -> None:
    """Print the choice made without each fold, and its weights; nothing if there is a single fold."""
    from rich.table import Table

    if not document["folds"]:
        return
    folds = document["folds"]
    table = Table("without fold", *(str(fold["fold"]) for fold in folds), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_row("Dice on it", *(f"{fold['dice']:.4f}" for fold in folds))
    table.add_row("method", *(fold.get("method", EMPTY) for fold in folds))
    table.add_row("threshold", *(threshold_text(fold["threshold"], 3) for fold in folds))
    table.add_row("min-pixels", *(_cut_text(fold["min_pixels"]) for fold in folds))
    for name in document["members"]:
        table.add_row(name, *(f"{fold['weights'][name]:.4f}" for fold in folds))
    console.print(table)


def _cut_text(min_pixels: Any) -> str:
    return "none" if min_pixels["mode"] == "none" else f"{min_pixels['mode']} {min_pixels['k']}"


def print_members(console: "Console", members: Any) -> None:
    """Print the recipe, test-time augmentation, weight and predictions of each member of an ensemble."""
    from rich.table import Table

    table = Table("member", "recipe", "TTA", "weight of 65536", "s / record, all runs", "predictions", box=None)
    for member in members:
        table.add_row(
            member["name"],
            member["recipe"],
            member["tta"],
            str(member["weight"]),
            cell(member["seconds_per_record"], SECONDS),
            member["digest"][:12],
        )
    console.print(table)

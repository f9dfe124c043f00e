"""Tables of `cli ensemble`: a fit, a comparison, and the members of an ensemble."""

from typing import TYPE_CHECKING, Any

from cli.tables.columns import EMPTY, Column, cell, column_of
from core.thresholds import threshold_text
from core.uncertainty import FEW_EFFECTIVE, groups_text, interval_text
from core.words import counted
from pipeline import columns as words

if TYPE_CHECKING:
    from cli.tables.page import Page

DICE = "{:.4f}"
SECONDS = "{:.2f}"
ANSWERS = {"another gains as much or more": "not best"}  # in short, so that the gain has room beside them
OF_LOGITS = ("stack", "logit-mean")
BASELINES = {"uniform": "equal weights without min-pixels", "best": "the best single member without min-pixels"}


def print_fit(console: "Page", name: str, document: Any) -> None:
    """Print the threshold, the Dice of ensemble and members, the decisions and the gain over simpler ensembles."""
    min_pixels, crossed = document["min_pixels"], document["dice"]["cross_fitted"] is not None
    cut = "no min-pixels"
    if min_pixels["mode"] != "none":
        cut = f"{min_pixels['mode']}s of fewer than {min_pixels['k']} pixels dropped"
    threshold = f"threshold {threshold_text(document['threshold'], 4)}"
    groups = groups_text(document["groups"], document.get("effective_groups"))
    console.say(
        f"ensemble {name}: method {document['method']}, {threshold}, {cut}\n"
        f"{counted(document['records'], 'record')} in {groups}, "
        f"{counted(len(document['folds']) or 1, 'fold')}; global Dice, 95 % interval over scene groups"
    )
    console.table(_dice_columns(document))
    if min_pixels["mode"] != "none":
        console.say("members alone and the lines above them are cut at thresholds of their own, without min-pixels")
    if document["method"] in OF_LOGITS:
        console.say("weights are of the members' logits, whose scales differ: they are no shares of the result")
    # With fewer groups it varies more than the bias that it removes.
    if document.get("dice_jackknifed") is not None and (document.get("effective_groups") or 0) >= FEW_EFFECTIVE:
        console.say(f"ensemble without the bias of few groups (jackknife): {document['dice_jackknifed']:.4f}")
    if document.get("budget"):
        budget = document["budget"]
        took = f"{budget['records']} records take {budget['needed_hours']:.2f} h"
        console.say(f"{took} of the {budget['hours']:g} h that are allowed")
    if document.get("left_out"):
        console.say(_left_out_line(document))
    if document["decisions"]:
        console.table(_decision_columns(document["decisions"]), "decisions, with the cross-fitted gain")
    if document.get("selection_cost"):
        cost, dice = document["selection_cost"], document["dice"]["cross_fitted"]
        chance = "; a negative cost is chance: it stands for none" if cost < 0 else ""
        console.say(
            f"selection cost {cost:.4f}: the cross-fitted Dice is {dice + cost:.4f} for the choice above in all folds, "
            f"and {dice:.4f} if the other folds make the choice for each fold{chance}"
        )
    if document["worth"]:
        console.table(_worth_columns(document), "what each member adds; the intervals hold for all rows together")
    for baseline, gain in document["gain"].items() if len(document["members"]) > 1 else ():
        span, kind = interval_text(gain["interval"], "+.4f"), "cross-fitted" if crossed else "in-sample"
        console.say(f"against {BASELINES[baseline]}: {gain['value']:+.4f} {span}, {kind}, paired")


def _dice_columns(document: Any) -> list[Column]:
    dice, members = document["dice"], document["members"]
    crossed = dice["cross_fitted"] is not None
    rows = [{"name": "ensemble", "threshold": document["threshold"], **dice}]
    baselines = ((words.EQUAL, "uniform"), (words.BEST, "best_single"))
    for title, key in baselines if len(members) > 1 else ():  # of one member all are the same
        own = {"cross_fitted" if crossed else "in_sample": dice[key], "interval": dice[f"{key}_interval"]}
        rows.append({"name": title, **own})
    rows += [{"name": name, "weight": document["weights"][name], **member} for name, member in members.items()]

    def figure(title: str, rank: int, key: str, form: Any) -> Column:
        return column_of(rows, title, rank, lambda row: cell(row.get(key), form))

    return [
        column_of(rows, "", 0, lambda row: row["name"], numbers=False),
        figure(words.WEIGHT, 2, "weight", DICE),
        figure(words.THRESHOLD, 4, "threshold", lambda value: threshold_text(value, 3)),
        figure(words.IN_SAMPLE, 3 if crossed else 0, "in_sample", DICE),
        figure(words.CROSSED, 0 if crossed else 3, "cross_fitted", DICE),
        column_of(rows, words.INTERVAL, 1, lambda row: interval_text(row["interval"])),
    ]


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


def _decision_columns(decisions: Any) -> list[Column]:
    return [
        column_of(decisions, words.QUESTION, 0, lambda each: each["question"], numbers=False),
        column_of(
            decisions, words.CANDIDATE, 0, lambda each: f"{each['candidate']} over {each['baseline']}", numbers=False
        ),
        column_of(decisions, words.DICE, 4, lambda each: cell(each.get("dice"), DICE)),
        column_of(decisions, words.GAIN, 2, lambda each: f"{each['gain']:+.4f} ± {each['error']:.4f}"),
        column_of(decisions, words.Z, 3, lambda each: f"{each['z']:.1f}"),
        column_of(decisions, words.ANSWER, 1, lambda each: ANSWERS.get(each["answer"], each["answer"]), numbers=False),
    ]


def _worth_columns(document: Any) -> list[Column]:
    names = list(document["members"])
    rows = list(document["worth"].items())

    def interval(row: Any) -> str:
        return interval_text(row[1]["interval"] and [-bound for bound in reversed(row[1]["interval"])], "+.4f")

    def errs_like(row: Any) -> str:
        correlations = document["error_correlation"][names.index(row[0])]
        value, other = max((value, other) for value, other in zip(correlations, names) if other != row[0])
        return f"{other} (correlation {value:.2f})"

    def seconds(row: Any) -> str:
        return cell(document["members"][row[0]].get("seconds_per_record"), SECONDS)

    return [
        column_of(rows, words.WITHOUT, 0, lambda row: row[0], numbers=False),
        column_of(rows, words.CHANGE, 0, lambda row: f"{-row[1]['gain']:+.4f}"),
        column_of(rows, words.INTERVAL, 1, interval),
        column_of(rows, words.Z, 2, lambda row: f"{-row[1]['z']:.1f}"),
        column_of(rows, words.SECONDS_OF_ALL, 3, seconds),
        column_of(rows, words.ERRS_LIKE, 4, errs_like, numbers=False),
    ]


def print_comparison(console: "Page", document: Any) -> None:
    """Print the Dice of two ensembles, their difference and the verdict."""
    for name, dice in document["dice"].items():
        span = interval_text(document["dice_interval"][name])
        console.say(f"{name}: {document['kind']} Dice {dice:.4f} {span}")
    console.say(
        f"difference {document['difference']:+.4f} {interval_text(document['interval'], '+.4f')}, "
        f"z {document['z']:.1f}, paired, on {counted(document['records'], 'record')} in "
        f"{groups_text(document['groups'], document['effective_groups'])}"
    )
    for line in document["warnings"]:
        console.say(f"warning: {line}")
    first, second = document["dice"]
    low, high = document["interval"] or (0, 0)
    better = first if low > 0 else second
    console.print("the difference is within chance" if low <= 0 <= high else f"{better} is better")


def print_folds(console: "Page", document: Any) -> None:
    """Print the choice made without each fold, and its weights; nothing if there is a single fold."""
    folds = document["folds"]
    if not folds:
        return
    heads = (words.DICE_ON_IT, "method", words.THRESHOLD, words.MIN_PIXELS, *document["members"])

    def of_fold(rank: int, fold: Any) -> Column:
        own = (
            f"{fold['dice']:.4f}",
            fold.get("method", EMPTY),
            threshold_text(fold["threshold"], 3),
            _cut_text(fold["min_pixels"]),
            *(f"{fold['weights'][name]:.4f}" for name in document["members"]),
        )
        return Column(str(fold["fold"]), own, rank)

    columns = [Column(words.WITHOUT_FOLD, heads, 0, numbers=False), *map(of_fold, range(len(folds)), folds)]
    console.table(columns, "choices of the other folds")


def _cut_text(min_pixels: Any) -> str:
    return "none" if min_pixels["mode"] == "none" else f"{min_pixels['mode']} {min_pixels['k']}"


def print_members(console: "Page", members: Any) -> None:
    """Print the recipe, test-time augmentation, weight and predictions of each member of an ensemble."""
    columns = [
        column_of(members, words.MEMBER, 0, lambda one: one["name"], numbers=False),
        column_of(members, "recipe", 1, lambda one: one["recipe"]),
        column_of(members, words.VIEWS, 3, lambda one: one["tta"]),
        column_of(members, "weight of 65536", 0, lambda one: str(one["weight"])),
        column_of(members, words.SECONDS_OF_ALL, 4, lambda one: cell(one["seconds_per_record"], SECONDS)),
        column_of(members, "predictions", 2, lambda one: one["digest"][:12]),
    ]
    console.table(columns, "members")

"""Tables of `cli zoo errors`, each within 80 columns."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from analysis.labelers import SHARES
from analysis.masks import KINDS, OVERLAP
from analysis.strata import STRATA
from cli.tables.columns import EMPTY, Column, cell
from cli.tables.marks import FEW_GROUPS, legend
from cli.tables.page import Page
from core.uncertainty import FEW_EFFECTIVE, groups_text, interval_text
from core.words import counted
from pipeline import columns as words

Titled = tuple[str, list[Column]]
TITLES = {classes.name: classes.title for classes in STRATA}


def print_errors(console: Page, document: Any) -> None:
    """Print the Dice, kinds of wrong pixels, contrails found, classes of records, labelers and the worst records."""
    counts = document["counts"]
    false, missed = counts["predicted"] - counts["tp"], counts["truth"] - counts["tp"]
    kind, groups = document["kind"].replace("_", "-"), groups_text(document["groups"], document["effective_groups"])
    console.say(
        f"{document['name']}: {kind} Dice {document['dice']:.4f} {interval_text(document['interval'])}\n"
        f"{counted(document['records'], 'record')} in {groups}\n"
        f"{document['loss']:,} wrong pixels: {false:,} false, {missed:,} missed"
    )
    tables = [_kinds, _tolerant, _detection, _contrails, _strata, _ceiling, _marked, _worst]
    for title, columns in filter(None, (make(document) for make in tables)):
        console.print()
        console.table(columns, title)
    for line in legend([FEW_GROUPS]):
        console.say(line)


def _table(title: str, names: Sequence[str], rows: Iterable[Sequence[str]]) -> Titled:
    """Table whose first column holds text and whose others hold numbers, the most important first."""
    cells = [tuple(column) for column in zip(*rows)]
    return title, [Column(name, own, rank, numbers=rank > 0) for rank, (name, own) in enumerate(zip(names, cells))]


def _kinds(document: Any) -> Titled:
    rows = (
        (
            KINDS[kind["kind"]],
            f"{kind['pixels']:,}",
            _percent(kind["share"]),
            _interval(kind["share"], _whole),
            f"{kind['dice_without']:.3f}",
        )
        for kind in document["kinds"]
    )
    return _table("wrong pixels", (words.KIND, words.PIXELS, words.SHARE, "95 %", words.DICE_WITHOUT), rows)


def _tolerant(document: Any) -> Titled:
    own = {"border": 0, "value": document["dice"], **{key: document[key] for key in ("interval", "effective_groups")}}
    rows = (
        (f"{one['border']} px", f"{one['value']:.3f}{_few(one)}", _interval(one, _third))
        for one in (own, *document["tolerant"])
    )
    return _table("Dice that forgives a border", (words.BORDER, words.DICE, "95 %"), rows)


def _detection(document: Any) -> Titled:
    found = document["detection"]
    rules = {"touching": "share a pixel", "matching": f"intersection over union above {OVERLAP:g}"}
    title = f"{found['contrails']:,} true contrails, {found['components']:,} predicted"
    rows = (
        (
            rules[rule],
            *(
                text
                for part in ("precision", "recall")
                for text in (_percent(found[rule][part]), _interval(found[rule][part], _whole))
            ),
        )
        for rule in rules
    )
    return _table(title, ("found if they", "precision", "95 %", "recall", "95 %"), rows)


def _contrails(document: Any) -> Titled | None:
    rows = [
        (
            one["pixels"],
            f"{one['contrails']:,}",
            str(one["records"]),
            _percent(one["touched"]),
            _interval(one["touched"], _whole),
            _percent(one["pixels_found"]),
            f"{one['missed_share_of_loss']:.0%}",
            f"{one['untouched_share_of_loss']:.0%}",
        )
        for one in document["contrails"]
    ]
    names = (
        words.PIXELS, words.CONTRAILS, words.RECORDS, words.TOUCHED, "95 %", words.FOUND, words.MISSED, "whole",
    )  # fmt: skip
    title = "true contrails by size (missed, whole: of all wrong pixels)"
    return _table(title, names, rows) if rows else None


def _strata(document: Any) -> Titled:
    names = (words.CLASS, words.RECORDS, words.DICE, "95 %", "eff. groups", words.OF_ALL)
    rows: list[Sequence[str]] = []
    by = ""
    for one in document["strata"]:
        if by != one["by"]:
            by = one["by"]
            rows.append((TITLES[by], *[""] * (len(names) - 1)))
        dice = one["dice"]
        rows.append(
            (
                f"  {one['class']}",
                str(one["records"]),
                cell(dice, lambda figure: f"{figure['value']:.3f}{_few(figure)}"),
                _interval(dice, _third),
                cell(dice, lambda figure: f"{figure['effective_groups']:.1f}"),
                f"{one['loss_share']:.0%}",
            )
        )
    return _table("classes of records", names, rows)


def _ceiling(document: Any) -> Titled | None:
    found = document["labelers"]
    if found is None:
        return None
    parts = ("labeler", "prediction", "ahead")
    rows = (
        (f"{one['border']} px", *(text for part in parts for text in _with_bounds(one[part])))
        for one in found["ceiling"]
    )
    few = _few(found["ceiling"][0]["labeler"])
    title = f"one labeler against the majority of the others, {counted(found['records'], 'record')}{few}"
    return _table(title, (words.BORDER, words.LABELER, "95 %", words.PREDICTION, "95 %", words.AHEAD, "95 %"), rows)


def _marked(document: Any) -> Titled | None:
    found = document["labelers"]
    if found is None:
        return None
    rows = (
        (
            SHARES[one["labelers"]],
            f"{one['pixels']:,}",
            f"{one['predicted']:,}",
            f"{one['predicted'] / one['pixels']:.1%}" if one["pixels"] else EMPTY,
        )
        for one in found["marked_by"]
    )
    return _table("pixels by who marked them", ("marked by", "pixels", "predicted", "share"), rows)


def _worst(document: Any) -> Titled | None:
    rows = [
        (
            one["record_id"],
            f"{one['loss']:,}",
            f"{one['loss_share']:.1%}",
            f"{one['dice']:.3f}",
            f"{one['predicted'] - one['tp']:,}",
            f"{one['truth'] - one['tp']:,}",
            str(one["contrails"]),
        )
        for one in document["worst"]
    ]
    names = ("record", "wrong", "of all", "Dice", "false", "missed", "contrails")
    return _table("records with the most wrong pixels", names, rows) if rows else None


def _few(figure: Any) -> str:
    """Mark of a figure whose interval cannot be trusted."""
    return FEW_GROUPS if figure["effective_groups"] < FEW_EFFECTIVE else ""


def _with_bounds(figure: Any) -> tuple[str, str]:
    return f"{figure['value']:.3f}", _interval(figure, lambda value: f"{value:.2f}")


def _percent(figure: Any) -> str:
    return cell(figure, lambda one: f"{one['value']:.0%}{_few(one)}")


def _interval(figure: Any, form: Callable[[float], str]) -> str:
    """Bounds of a figure; empty without an interval."""
    bounds = figure and figure["interval"]
    return f"{form(bounds[0])} to {form(bounds[1])}" if bounds else EMPTY


def _whole(value: float) -> str:
    return f"{value:.0%}"


def _third(value: float) -> str:
    return f"{value:.3f}"

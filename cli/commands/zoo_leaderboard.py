"""`cli zoo leaderboard`."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import TTA, Settings, common
from cli.output import next_step, require_folder, say, say_note, show
from cli.standings import Row, changes, heading, keep, legend, marked, open_labels, predicted, score_members
from cli.tables.columns import EMPTY, Column, as_table, column_of

if TYPE_CHECKING:
    from rich.console import Console


@click.command()
@click.argument("members", nargs=-1)
@click.option("--shared", is_flag=True, help="All on the records that all of them predicted, with paired differences.")
@click.option("--tta", type=TTA, help="Predictions made with this TTA. [the plainest there is]")
@click.option("--csv", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write the table there, too.")
@common
def leaderboard(settings: Settings, members: tuple[str, ...], shared: bool, tta: str | None, file: Path | None) -> None:
    """The MEMBERS that were predicted, all without any, by out-of-fold global Dice.

    Each threshold is the best of the other folds. A member's recipes stand apart, as M@hash; so is one asked for.
    s / record: of one run, the mean over its runs.
    """
    if file:
        require_folder(file)
    found = predicted(settings, members, tta)
    rows = score_members(settings, open_labels(settings, found), found, shared)
    if not shared:
        keep(settings.runs, rows)
    show(settings, rows, lambda console: _print(console, rows))
    if file:
        from core.files import write_text

        write_text(file, as_csv(rows))
        say(settings, f"wrote {file}")
    if len({row["records"] for row in rows}) > 1:
        say_note(settings, "these rows stand on different records; --shared compares on those that all predicted")
    next_step(settings, "cli ensemble fit")


def as_csv(rows: Sequence[Row]) -> str:
    """A line a row; lists and tables within are spread over columns of their own."""
    folds = sorted({fold for row in rows for fold in row["per_fold"]}, key=int)
    flat = [_flat(row, folds) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _flat(row: Row, folds: Sequence[str]) -> Row:
    low, high = row["interval"]
    behind = row["behind"] or {"value": None, "interval": [None, None], "z": None}
    behind_low, behind_high = behind["interval"]
    plain = {key: value for key, value in row.items() if key not in ("interval", "per_fold", "behind", "changed")}
    paired = {"behind": behind["value"], "behind_low": behind_low, "behind_high": behind_high, "behind_z": behind["z"]}
    by_fold = {f"fold_{fold}": row["per_fold"].get(fold) for fold in folds}
    return plain | {"low": low, "high": high} | paired | {"changed": changes(row)} | by_fold


def _print(console: Console, rows: Sequence[Row]) -> None:
    console.print(heading(rows))
    console.print(as_table(_columns(rows), console.width))
    for line in legend(rows):
        console.print(line)


def _columns(rows: Sequence[Row]) -> list[Column]:
    column = partial(column_of, rows)
    compared = all(row["behind"] for row in rows)  # as --shared does: then the paired difference says most
    return [
        column("member", 0, lambda row: row["name"], numbers=False),
        column("Dice", 1, marked, numbers=False),
        column("95 % interval", 3, _interval),
        column("behind", 2 if compared else 6, _behind),
        column("folds ±", 7, _spread),
        column("records", 4, lambda row: str(row["records"])),
        column("TTA", 9, lambda row: EMPTY if row["tta"] == "none" else row["tta"], numbers=False),
        column("size", 10, lambda row: _text(row["size"])),
        column("epochs", 11, _epochs),
        column("s / record", 8, lambda row: _text(row["seconds_per_record"], "{:.2f}")),
        column("train min", 12, lambda row: _text(row["training_minutes"], "{:.0f}")),
        column("log's val", 5, lambda row: _text(row["logged_validation"], "{:.3f}")),
        column("changed", 13, lambda row: changes(row) or EMPTY, numbers=False),
    ]


def _interval(row: Row) -> str:
    low, high = row["interval"]
    return f"{low:.3f} to {high:.3f}"


def _behind(row: Row) -> str:
    paired = row["behind"]
    if paired is None or not paired["value"]:
        return EMPTY
    return f"{paired['value']:.3f} ({paired['interval'][0]:+.3f} to {paired['interval'][1]:+.3f})"


def _spread(row: Row) -> str:
    return EMPTY if row["spread"] is None else f"{row['spread']:.3f} ({len(row['per_fold'])})"


def _epochs(row: Row) -> str:
    """Those trained, and of how many where a run ended sooner."""
    trained, planned = row["epochs_trained"], row["epochs"]
    if trained is None:
        return EMPTY
    return f"{trained:g}" if trained == planned else f"{trained:g} of {planned}"


def _text(value: object, form: str = "{}") -> str:
    return EMPTY if value is None else form.format(value)

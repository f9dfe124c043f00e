"""Tables of `cli zoo tune`: the best trials, and the member that was written."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from cli.tables.columns import Column, column_of
from cli.tables.page import Page
from zoo.members.space import value_text

BEST = 10  # trials that are shown


def print_tuned(console: "Page", document: dict[str, Any]) -> None:
    """Print the best trials, the member as it is, and the member that was written."""
    ranked = sorted(document["trials"], key=lambda row: -(row["dice"] or 0.0))
    shown = ranked[:BEST] + [row for row in ranked[BEST:] if row["as_it_is"]]
    best = document["best"]
    console.table(_columns(shown, best))
    pruned = sum(row["pruned"] for row in ranked)
    number = f"{len(ranked)} {'trial' if len(ranked) == 1 else 'trials'} ({pruned} pruned)"
    console.say(f"Dice: global, on the held-out records of fold {document['fold']}; {number}.")
    if document["best"]["chosen_on_own_fold"]:
        corrected = best["dice_corrected"]
        without = "" if corrected is None else f", {corrected:.4f} without the gain of that choice"
        console.say(f"* chosen as the highest on this very fold{without}; the other folds judge the member")
    own = document["dice_as_it_is"]
    if document["path"] is None:
        line = f"No trial was better than the member as it is (Dice {own:.4f}): no member is written."
    elif own is None:
        line = f"{document['path']}: Dice {document['best']['dice']:.4f}; the member as it is has none"
    else:
        better = document["best"]["dice"] - own
        line = f"{document['path']}: Dice {document['best']['dice']:.4f}, {better:.4f} above the member as it is"
    console.say(line)


def _columns(rows: Sequence[dict[str, Any]], best: dict[str, Any]) -> list[Column]:
    """Columns of trials; of the keys that are searched, the first ones get their room first."""
    column = partial(column_of, rows)
    keys = [
        Column(key, tuple(value_text(row["values"][key]) for row in rows), rank, _is_number(rows, key))
        for rank, key in enumerate(rows[0]["values"], start=1)
    ]
    return [
        column("trial", 0, lambda row: f"{row['trial']} as it is" if row["as_it_is"] else str(row["trial"]), False),
        column("Dice", 0, lambda row: _dice(row, best)),
        column("trained", len(keys) + 1, lambda row: str(row["epochs"])),
        *keys,
    ]


def _dice(row: dict[str, Any], best: dict[str, Any]) -> str:
    """Dice of a trial, marked if the trial was chosen for being the highest."""
    if row["pruned"]:
        return "pruned"
    chosen = best["chosen_on_own_fold"] and row["trial"] == best["trial"]
    return f"{row['dice']:.4f}" + ("*" if chosen else "")


def _is_number(rows: Sequence[dict[str, Any]], key: str) -> bool:
    return all(isinstance(row["values"][key], int | float | None) for row in rows)

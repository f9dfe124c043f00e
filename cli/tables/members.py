"""List of members as a table, on the terminal and for the docs."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cli.tables.columns import EMPTY, Column, cell, column_of
from cli.tables.leaderboard import heading
from cli.tables.marks import legend, marked_dice
from cli.tables.page import Page
from pipeline import columns as words
from pipeline.leaderboard_rows import Row as Scores
from pipeline.members import MemberList
from zoo.lineups import DEFAULT
from zoo.members.table import MemberTable

Row = dict[str, Any]
OWN = " +"  # behind the name of a member that is not listed
MARKDOWN = ("row", "logged val / LB", "M", "GMACs", "GPU GB", "GPU h")


def print_members(console: Page, found: MemberList, own_first: bool = False) -> None:
    """Print the members with the scores of those that were trained; the columns are the same for any filter.

    own_first: those with scores before all others.
    """
    table, scores = found.table, found.scores
    everyone = found.everyone or table
    rows = sorted(table.rows, key=lambda row: own_first and row["name"] not in scores)
    console.table(_columns(rows, scores), like=_columns(everyone.rows, scores))
    scored = [scores[row["name"]] for row in table.rows if row["name"] in scores]
    if scored:
        console.say(f"own {heading(scored)}")
    for line in legend([marked_dice(score) for score in scored]):
        console.say(line)
    if any(row["encoder"] is None for row in table.rows):
        console.say("+ trained from a file or imported here; cli zoo show describes it")
    if len(table.rows) == len(everyone.rows):
        console.say(f"without network: {', '.join(DEFAULT)} (the default line-up), whose weights come with the install")


def as_markdown(table: MemberTable) -> str:
    """Table of the docs: one line per member, in the order given."""
    columns = {column.title: column for column in _columns(table.rows, {})}
    names = [f"`{name}`" for name in columns["member"].cells]
    lines = zip(names, *(columns[title].cells for title in MARKDOWN))
    head = [("member", *MARKDOWN), ("---",) * (1 + len(MARKDOWN))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (*head, *lines))


def _columns(rows: Sequence[Row], scores: Mapping[str, Scores]) -> list[Column]:
    marks = max((len(marked_dice(scores[row["name"]])) for row in rows if row["name"] in scores), default=0)

    def own(row: Row, words: Any) -> str:
        return words(scores[row["name"]]) if row["name"] in scores else EMPTY

    column = partial(column_of, rows)
    return [
        column(words.MEMBER, 0, lambda row: row["name"] + OWN * (row["encoder"] is None), numbers=False),
        column("row", 3, lambda row: cell(row["row"])),
        column("encoder", 11, lambda row: cell(row["encoder"]), numbers=False),
        column("input", 10, lambda row: cell(row["input"]), numbers=False),
        column("frames", 8, lambda row: cell(row["frames"], _frames), numbers=False),
        column(words.SIZE, 7, lambda row: cell(row["size"])),
        column("M", 4, lambda row: cell(row["parameters"] and row["parameters"] / 1e6, "{:.1f}")),
        column("GMACs", 5, lambda row: cell(row["gmacs"], "{:.1f}")),
        column("GPU GB", 12, lambda row: cell(row["gpu_gb"])),
        column("GPU h", 13, lambda row: cell(row["gpu_hours"])),
        column("logged val / LB", 2, _logged),
        column("own Dice", 1, lambda row: own(row, partial(_dice, width=marks)), numbers=False),
        column("on records", 6, lambda row: own(row, _records)),
        column(words.SECONDS_OF_RUN, 9, lambda row: own(row, lambda score: cell(score.seconds_per_record, "{:.2f}"))),
        column(words.CHANGED, 14, lambda row: own(row, lambda score: score.changed_text or EMPTY), numbers=False),
    ]


def _frames(frames: Sequence[int]) -> str:
    return "".join(map(str, frames))


def _logged(row: Row) -> str:
    validation, leaderboard = row["logged_validation"], row["logged_leaderboard"]
    return EMPTY if validation is None else f"{validation:.3f} / {cell(leaderboard, '{:.3f}')}"


def _dice(score: Scores, width: int) -> str:
    if score.interval is None:
        return marked_dice(score)
    low, high = score.interval
    return f"{marked_dice(score):{width}} ({low:.2f}-{high:.2f})"


def _records(score: Scores) -> str:
    folds = len(score.per_fold)
    return f"{score.records} ({folds} {'fold' if folds == 1 else 'folds'})"

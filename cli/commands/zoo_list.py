"""`cli zoo list`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, say, show
from cli.standings import changes, heading, legend, marked, own_rows
from cli.tables.columns import EMPTY, Column, as_table, column_of
from core.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from rich.console import Console


Row = dict[str, Any]
MARKDOWN = ("row", "logged val / LB", "M", "GMACs", "GPU GB", "GPU h")
# What the list takes of a member's row on the leaderboard, under the same names.
OWN = (
    "dice",
    "interval",
    "kind",
    "records",
    "recipe",
    "changed",
    "tta",
    "epochs_trained",
    "runs",
    "seconds_per_record",
)


@click.command("list")
@click.option(
    "--filter", "wanted", metavar="TEXT", default="", help="Members in which each word is found; t5: of frame 5 alone."
)
@click.option("--sort", "key", metavar="KEY", default="name", show_default=True, help="A key of --json; -KEY: falling.")
@click.option("--markdown", is_flag=True, help="The table of the docs.")
@common
def list_members(settings: Settings, wanted: str, key: str, markdown: bool) -> None:
    """The members: what each is made of and costs, what the log says of it, what it scores here.

    M: millions of weights. GMACs: thousand million multiply-adds a scene. s / record: of one run, the mean
    over its runs. The narrower the terminal, the fewer columns.
    """
    from cli.members import check_own, readable_members, say_own_instead_of_shipped
    from zoo.members.table import MemberTable

    if markdown and settings.json:
        raise UsageError("--markdown and --json differ; give one of them")
    if "--data" in settings.typed and not all(path.is_dir() for path in settings.data):
        settings.scenes()  # says which is not there
    members = readable_members(settings, lambda recipe: check_own(recipe, settings.runs, "cpu"))
    say_own_instead_of_shipped(settings)
    own = {} if markdown else own_rows(settings)
    listed = [row | _own(own.get(row["name"])) for row in MemberTable.of(members).rows]
    rows = ordered([row for row in listed if found_in(row, wanted)], key)
    if not rows and not settings.json:
        say(settings, f'no member has "{wanted}" in it')
        return
    if markdown:
        click.echo(as_markdown(rows))
        return
    show(settings, rows, lambda console: _print(console, rows))
    next_step(settings, "cli zoo show MEMBER")


def _own(row: Row | None) -> Row:
    """What a member scored here, by its newest recipe; nothing where it was not trained."""
    return {key: row and row[key] for key in OWN} | {"folds": row and len(row["per_fold"])}


def found_in(row: Row, wanted: str) -> bool:
    """Whether each word of `wanted` is in the member's name or one of its texts or numbers: "resnest 512".

    A word such as t456 names all of its frames.
    """
    texts = [str(row[key]).lower() for key in ("name", "encoder", "decoder", "input", "size", "loss")]

    def has(word: str) -> bool:
        if re.fullmatch("t[1-8]+", word):
            return word == f"t{_frames(row)}"
        return any(word in text for text in texts)

    return all(map(has, wanted.lower().split()))


def ordered(rows: Sequence[Row], key: str) -> list[Row]:
    """Rising by `key`, falling by `-key`; rows without a value last. UnknownName for a key that no row has."""
    falling, name = key.startswith("-"), key.removeprefix("-")
    if rows and name not in rows[0]:
        raise UnknownName("key", name, rows[0], "--sort")
    known = sorted((row for row in rows if row[name] is not None), key=lambda row: _natural(row[name]), reverse=falling)
    return known + [row for row in rows if row[name] is None]


def _natural(value: Any) -> Any:
    """lite2 before lite10, resnet34 before resnet101; a table by the number of its entries."""
    if isinstance(value, dict):
        return len(value)
    if not isinstance(value, str):
        return value
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", value)]


def _print(console: Console, rows: Sequence[Row]) -> None:
    console.print(as_table(_columns(rows), console.width))
    scored = [row for row in rows if row["dice"] is not None]
    if scored:
        console.print(f"own {heading(scored)}")
    for line in legend(scored):
        console.print(line)


def _columns(rows: Sequence[Row]) -> list[Column]:
    marks = max((len(marked(row)) for row in rows if row["dice"] is not None), default=0)

    column = partial(column_of, rows)
    return [
        column("member", 0, lambda row: row["name"], numbers=False),
        column("row", 3, lambda row: _text(row["row"])),
        column("encoder", 11, lambda row: row["encoder"], numbers=False),
        column("input", 10, lambda row: row["input"], numbers=False),
        column("frames", 8, _frames, numbers=False),
        column("size", 7, lambda row: str(row["size"])),
        column("M", 4, _millions),
        column("GMACs", 5, lambda row: _text(row["gmacs"], "{:.1f}")),
        column("GPU GB", 12, lambda row: _text(row["gpu_gb"])),
        column("GPU h", 13, lambda row: _text(row["gpu_hours"])),
        column("logged val / LB", 2, _logged),
        column("own Dice", 1, lambda row: _own_dice(row, marks), numbers=False),
        column("on records", 6, _own_records),
        column("s / record", 9, lambda row: _text(row["seconds_per_record"], "{:.2f}")),
        column("changed", 14, lambda row: (row["dice"] and changes(row)) or EMPTY, numbers=False),
    ]


def as_markdown(rows: Sequence[Row]) -> str:
    """The table of the docs: a line a member, in the order given."""
    columns = {column.title: column for column in _columns(rows)}
    names = [f"`{name}`" for name in columns["member"].cells]
    lines = zip(names, *(columns[title].cells for title in MARKDOWN))
    head = [("member", *MARKDOWN), ("---",) * (1 + len(MARKDOWN))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (*head, *lines))


def _frames(row: Row) -> str:
    return "".join(map(str, row["frames"]))


def _millions(row: Row) -> str:
    return _text(row["parameters"] and row["parameters"] / 1e6, "{:.1f}")


def _logged(row: Row) -> str:
    validation, leaderboard = row["logged_validation"], row["logged_leaderboard"]
    if validation is None:
        return EMPTY
    return f"{validation:.3f} / {_text(leaderboard, '{:.3f}')}"


def _own_dice(row: Row, width: int) -> str:
    if row["dice"] is None:
        return EMPTY
    low, high = row["interval"]
    return f"{marked(row):{width}} ({low:.2f}-{high:.2f})"


def _own_records(row: Row) -> str:
    if row["dice"] is None:
        return EMPTY
    return f"{row['records']} ({row['folds']} {'fold' if row['folds'] == 1 else 'folds'})"


def _text(value: Any, form: str = "{}") -> str:
    return EMPTY if value is None else form.format(value)

"""Tables of `cli zoo weights`: the encoders' weights, and a folder that was packed."""

from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console

from cli.tables.columns import EMPTY, Column, as_table, column_of

if TYPE_CHECKING:
    from zoo.models.packing import PackedFolder, WeightsRow


def print_weights(console: "Console", rows: "list[WeightsRow]") -> None:
    """Print where each encoder's weights are from, and if they are here."""
    console.print(as_table(_columns(rows), console.width))
    if any("-nc" in row.licence for row in rows):
        console.print("cc-by-nc: not for commercial use.")


def _columns(rows: "list[WeightsRow]") -> list[Column]:
    column = partial(column_of, rows)
    return [
        column("encoder", 0, lambda row: row.encoder),
        column("here", 1, lambda row: ("faulty" if row.fault else "yes") if row.path else "missing"),
        column("MB", 2, lambda row: f"{row.bytes / 1e6:.1f}" if row.bytes else EMPTY, numbers=True),
        column("licence", 3, lambda row: row.licence),
        column("members", 5, _members),
        column("from", 4, lambda row: row.source),
        column("sha256", 6, lambda row: row.sha256[:8] if row.sha256 else EMPTY),
    ]


def _members(row: "WeightsRow") -> str:
    more = len(row.members) - 1
    return row.members[0] + (f" and {more} more" if more else "")


def print_packed(console: "Console", packed: "PackedFolder") -> None:
    """Print the files that lie in the folder now."""
    for row in packed.packed:
        line = f"{packed.folder / row.file}: {row.bytes / 1e6:.1f} MB, {row.licence}"
        console.print(line, markup=False, soft_wrap=True)

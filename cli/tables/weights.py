"""Tables of `cli zoo weights`: the encoders' weights, and a folder that was packed."""

from functools import partial
from typing import TYPE_CHECKING

from cli.tables.columns import EMPTY, Column, column_of
from cli.tables.page import Page

if TYPE_CHECKING:
    from zoo.models.packing import PackedFolder, WeightsRow


def print_weights(console: "Page", rows: "list[WeightsRow]") -> None:
    """Print where each encoder's weights are from, and if they are here."""
    console.table(_columns(rows))
    if any("-nc" in row.licence for row in rows):
        console.print("cc-by-nc: not for commercial use.")


def _columns(rows: "list[WeightsRow]") -> list[Column]:
    column = partial(column_of, rows)
    return [
        column("encoder", 0, lambda row: row.encoder, numbers=False),
        column("here", 0, lambda row: ("faulty" if row.fault else "yes") if row.path else "missing", numbers=False),
        column("MB", 2, lambda row: f"{row.bytes / 1e6:.1f}" if row.bytes else EMPTY),
        column("licence", 3, lambda row: row.licence, numbers=False),
        column("members", 5, _members, numbers=False),
        column("from", 4, lambda row: row.source, numbers=False),
        column("sha256", 6, lambda row: row.sha256[:8] if row.sha256 else EMPTY, numbers=False),
    ]


def _members(row: "WeightsRow") -> str:
    more = len(row.members) - 1
    return row.members[0] + (f" and {more} more" if more else "")


def print_packed(console: "Page", packed: "PackedFolder") -> None:
    """Print the files that lie in the folder now."""
    for row in packed.packed:
        line = f"{packed.folder / row.file}: {row.bytes / 1e6:.1f} MB, {row.licence}"
        console.print(line, soft_wrap=True)

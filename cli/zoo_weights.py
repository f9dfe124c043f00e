"""`cli zoo weights`: the encoders' pretrained weights, listed, checked, packed."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Settings, common
from cli.output import next_step, progress, show

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.members import Recipe
    from zoo.models.packing import Row
    from zoo.models.weights import Packed


@click.command("weights")
@click.argument("members", nargs=-1)
@click.option("--folder", type=click.Path(path_type=Path), help="Look in FOLDER, as --set weights=FOLDER would.")
@click.option("--pack", type=click.Path(path_type=Path), help="Bring them into FOLDER for a machine without network.")
@common
def weights(settings: Settings, members: tuple[str, ...], folder: Path | None, pack: Path | None) -> None:
    """The pretrained weights of the MEMBERS' encoders: where from, here or missing, whole, under which licence.

    Without MEMBERS, those of all. --pack fetches what is missing and writes one file an encoder and a list of their
    hashes; give that folder with --set weights=FOLDER.
    """
    from core.errors import UsageError
    from zoo.members import load_member, member_names

    if folder and pack:
        raise UsageError("--folder looks into a folder, --pack fills one; give one of them")
    names = settings.line_up(members) if members else tuple(member_names(settings.members))
    recipes = [load_member(name, settings.members) for name in names]
    if pack:
        _pack(settings, recipes, pack)
    else:
        _survey(settings, recipes, folder)


def _survey(settings: Settings, recipes: list[Recipe], folder: Path | None) -> None:
    from zoo.models.packing import raise_if_faulty, survey, wanted

    with progress(settings, "weights", len(wanted(recipes, folder))) as advance:
        rows = survey(recipes, folder, advance)
    show(settings, [asdict(row) for row in rows], lambda console: _print_rows(console, rows))
    raise_if_faulty(rows)
    next_step(settings, "cli zoo train" if all(row.path for row in rows) else "cli zoo weights --pack FOLDER")


def _pack(settings: Settings, recipes: list[Recipe], folder: Path) -> None:
    from core.errors import UserError
    from zoo.models.packing import pack, wanted

    with progress(settings, "weights", len(wanted(recipes))) as advance:
        packed, missing = pack(recipes, folder, advance)
    document = {"folder": str(folder), "packed": [asdict(row) for row in packed], "missing": missing}
    show(settings, document, lambda console: _print_packed(console, folder, packed))
    if missing:
        raise UserError(f"{len(missing)} could not be packed, the first: {missing[0]}")
    next_step(settings, f"cli zoo weights --folder {folder}")


def _print_rows(console: Console, rows: list[Row]) -> None:
    from rich.table import Table

    table = Table("encoder", "members", "from", "here", "MB", "sha256", "licence")
    for row in rows:
        here = "faulty" if row.fault else "yes" if row.path else "missing"
        size = f"{row.bytes / 1e6:.1f}" if row.bytes else "-"
        table.add_row(row.encoder, *_short(row), here, size, (row.sha256 or "-")[:8], row.licence)
    console.print(table)
    if any("-nc" in row.licence for row in rows):
        console.print("cc-by-nc: not for commercial use.")


def _short(row: Row) -> tuple[str, str]:
    more = len(row.members) - 1
    return row.members[0] + (f" and {more} more" if more else ""), row.source


def _print_packed(console: Console, folder: Path, packed: list[Packed]) -> None:
    for row in packed:
        console.print(f"{folder / row.file}: {row.bytes / 1e6:.1f} MB, {row.licence}", markup=False, soft_wrap=True)

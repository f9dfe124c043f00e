"""`cli zoo weights`: the encoders' pretrained weights, listed, checked, packed."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Settings, common
from cli.output import next_step, show
from cli.tables.columns import EMPTY, Column, as_table, column_of
from core.command import Command
from core.errors import UsageError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.members import Recipe
    from zoo.models.packing import WeightsRow
    from zoo.models.weights import PackedWeights


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
    from zoo.members import load_member
    from zoo.members.table import readable_members

    if folder and pack:
        raise UsageError("--folder looks into a folder, --pack fills one; give one of them")
    if folder and not folder.exists():
        raise UserError(f"{folder}: no such file or folder", Command("zoo weights", *members, pack=folder))
    named = [load_member(name, settings.members) for name in settings.line_up(members)] if members else []
    recipes = named or readable_members(settings.members, listener=settings.listener)
    if pack:
        _pack(settings, recipes, pack)
        next_step(settings, f"{_typed(members)} --folder {_quoted(pack)}")
    elif _survey(settings, recipes, folder):
        chosen = f" --set weights={_quoted(folder)}" if folder else ""
        next_step(settings, " ".join(("cli zoo train", *map(shlex.quote, members))) + chosen)
    else:
        next_step(settings, f"{_typed(members)} --pack {_quoted(folder) if folder else 'FOLDER'}")


def _typed(members: tuple[str, ...]) -> str:
    """This command for the same members."""
    return " ".join(("cli zoo weights", *map(shlex.quote, members)))


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _survey(settings: Settings, recipes: list[Recipe], folder: Path | None) -> bool:
    """Show the weights that are here; True if all are."""
    from zoo.models.packing import raise_if_faulty, survey

    rows = survey(recipes, folder, settings.listener)
    show(settings, [asdict(row) for row in rows], lambda console: _print_rows(console, rows))
    raise_if_faulty(rows)
    return all(row.path for row in rows)


def _pack(settings: Settings, recipes: list[Recipe], folder: Path) -> None:
    from zoo.models.packing import pack

    packed, missing = pack(recipes, folder, settings.listener)
    document = {"folder": str(folder), "packed": [asdict(row) for row in packed], "missing": missing}
    show(settings, document, lambda console: _print_packed(console, folder, packed))
    if missing:
        raise UserError(f"{len(missing)} could not be packed, the first: {missing[0]}")


def _print_rows(console: Console, rows: list[WeightsRow]) -> None:
    console.print(as_table(_columns(rows), console.width))
    if any("-nc" in row.licence for row in rows):
        console.print("cc-by-nc: not for commercial use.")


def _columns(rows: list[WeightsRow]) -> list[Column]:
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


def _members(row: WeightsRow) -> str:
    more = len(row.members) - 1
    return row.members[0] + (f" and {more} more" if more else "")


def _print_packed(console: Console, folder: Path, packed: list[PackedWeights]) -> None:
    for row in packed:
        console.print(f"{folder / row.file}: {row.bytes / 1e6:.1f} MB, {row.licence}", markup=False, soft_wrap=True)

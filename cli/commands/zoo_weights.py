"""`cli zoo weights`: list, check and pack the encoders' pretrained weights."""

from dataclasses import asdict
from pathlib import Path

import click

from cli.completing import complete_members
from cli.options import Settings, common, tables
from cli.output import next_step, show
from core.command import Command
from core.errors import UsageError, UserError


@click.command("weights")
@click.argument("members", nargs=-1, shell_complete=complete_members)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Check the weights in FOLDER, as for --set weights=FOLDER."
)
@click.option("--pack", type=click.Path(path_type=Path), help="Collect them in FOLDER for a machine without network.")
@tables
@common
def weights(settings: Settings, members: tuple[str, ...], folder: Path | None, pack: Path | None) -> None:
    """List the pretrained weights of the MEMBERS' encoders: source, availability, integrity, licence.

    Without MEMBERS, those of all. --pack fetches what is missing and writes one file an encoder and a list of their
    hashes; give that folder with --set weights=FOLDER.
    """
    from cli.tables.weights import print_packed, print_weights
    from zoo.members import load_members
    from zoo.members.table import readable_members

    if folder and pack:
        raise UsageError("--folder and --pack cannot be combined; give one of them")
    if folder and not folder.exists():
        raise UserError(f"{folder}: no such file or folder", Command("zoo weights", *members, pack=folder))
    named = load_members(settings.line_up(members), settings.members) if members else []
    recipes = named or readable_members(settings.members, listener=settings.listener)

    from zoo.models.packing import pack_weights, raise_if_faulty, survey

    if pack:
        packed = pack_weights(recipes, pack, settings.listener)
        show(settings, packed.as_dict(), lambda console: print_packed(console, packed))
        packed.raise_if_missing()
        next_step(settings, Command("zoo weights", *members, folder=pack))
        return
    rows = survey(recipes, folder, settings.listener)
    show(settings, [asdict(row) for row in rows], lambda console: print_weights(console, rows))
    raise_if_faulty(rows)
    if all(row.path for row in rows):
        next_step(settings, Command("zoo train", *members, set=f"weights={folder}" if folder else None))
    else:
        next_step(settings, Command("zoo weights", *members, pack=folder or "FOLDER"))

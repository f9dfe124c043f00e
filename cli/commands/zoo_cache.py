"""`cli zoo verify` and `cli zoo import`: the prediction cache from the command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import Settings, common
from cli.output import next_step, say, show
from zoo.runs import Ref

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.predictions.importer import Imported
    from zoo.predictions.verify import Verified


@click.command("verify")
@common
def verify(settings: Settings) -> None:
    """Check every prediction set under the runs folder: shards, hashes, counts, folds."""
    from zoo.predictions.verify import verify_runs

    found = verify_runs(settings.runs, settings.listener)
    document = asdict(found) | {"unfinished": [str(path) for path in found.unfinished]}
    show(settings, document, lambda console: _print_verified(console, found))
    found.raise_if_faulty()


@click.command("import")
@click.argument("name")
@click.option("--oof", type=click.Path(path_type=Path), required=True, help="Folder of <record_id>.npy.")
@click.option("--test", type=click.Path(path_type=Path), help="The same for the test records.")
@click.option("--folds", type=click.Path(path_type=Path), help="Which fold held each record out. [runs/folds.csv]")
@common
def import_predictions(settings: Settings, name: str, oof: Path, test: Path | None, folds: Path | None) -> None:
    """Bring predictions made elsewhere into the cache as member NAME.

    One npy a record, (256, 256): probabilities as floats, or uint8 (probability * 255).
    """
    from core.errors import UsageError
    from zoo.members import member_names
    from zoo.predictions.importer import import_member

    if name in member_names(settings.members):
        raise UsageError(f'"{name}" is a member of the zoo; choose another name')
    found = import_member(settings.runs, name, oof, test, folds, settings.listener)
    if found.missing:
        say(settings, f"{len(found.missing)} records of folds.csv have no map, {found.missing[0]} first")
    show(
        settings,
        asdict(found) | {"folds": dict(found.folds)},
        lambda console: _print_imported(console, found),
    )
    next_step(settings, "cli ensemble fit")


def _print_verified(console: Console, found: Verified) -> None:
    for fault in found.faults:
        console.print(fault, markup=False, soft_wrap=True)
    for path in found.unfinished:
        console.print(f"{path}: unfinished; the next run goes on with it", markup=False, soft_wrap=True)
    console.print(
        f"{found.sets} prediction sets, {found.records} maps in {found.shards} shards, "
        f"{found.bytes / 1e6:.1f} MB: {len(found.faults)} faults"
    )


def _print_imported(console: Console, found: Imported) -> None:
    folds = ", ".join(f"fold {fold}: {records}" for fold, records in found.folds.items())
    ref = Ref(found.name, found.recipe)
    console.print(f"{ref}: {sum(found.folds.values())} records out of fold ({folds})")
    if found.test:
        console.print(f"{ref}: {found.test} test records")

"""`cli zoo verify` and `cli zoo import`: check a runs folder, import predictions."""

from pathlib import Path

import click

from cli.options import Settings, common, reads_runs
from cli.output import next_step, show
from core.command import Command


@click.command("verify")
@common
@reads_runs
def verify(settings: Settings) -> None:
    """Check every file under the runs folder: its digest, shards, weights, counts, folds.

    Files that older versions wrote without a digest, and files of other programs, are counted and named.
    """
    from cli.tables.cache import print_verified
    from pipeline.verify import verify as verify_runs

    found = verify_runs(settings.runs, settings.listener)
    show(settings, found.as_dict(), lambda console: print_verified(console, found))
    found.raise_if_faulty()


@click.command("import")
@click.argument("name")
@click.option(
    "--oof", type=click.Path(path_type=Path), required=True, help="Folder of <record_id>.npy or of an nnU-Net trainer."
)
@click.option("--test", type=click.Path(path_type=Path), help="The same for test records.")
@click.option("--folds", type=click.Path(path_type=Path), help="Fold that held out each record. [runs/folds.csv]")
@common
def import_predictions(settings: Settings, name: str, oof: Path, test: Path | None, folds: Path | None) -> None:
    """Import predictions made elsewhere as member NAME.

    One npy a record, (256, 256): probabilities as floats, or uint8 (probability * 255); or the npz of nnU-Net v2.
    """
    from cli.tables.cache import print_imported
    from zoo.members import member_names
    from zoo.predictions.importer import import_member

    taken = member_names(settings.members)
    found = import_member(settings.runs, name, oof, test, folds, taken, settings.listener)
    show(settings, found.as_dict(), lambda console: print_imported(console, found))
    next_step(settings, Command("ensemble fit"))

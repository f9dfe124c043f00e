"""`cli data`: make, verify, describe and split scenes."""

from pathlib import Path

import click

from cli.options import Settings, common, tables
from cli.output import next_step, show, submit_step
from core.command import Command
from core.errors import UsageError
from core.files import require_new_file


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--train", type=click.IntRange(0), default=64, show_default=True, help="Train records.")
@click.option("--validation", type=click.IntRange(0), default=16, show_default=True, help="Validation records.")
@click.option("--test", type=click.IntRange(0), default=8, show_default=True, help="Test records.")
@click.option("--force", is_flag=True, help="Continue in a folder that holds other files, too.")
@common
def synth(settings: Settings, folder: Path, train: int, validation: int, test: int, force: bool) -> None:
    """Make synthetic scenes in DIR, in the competition's layout."""
    from zoo.data.synth import make_scenes, require_unmixed

    counts = {"train": train, "validation": validation, "test": test}
    if not sum(counts.values()):
        raise UsageError("no records requested; give --train, --validation or --test a number")
    if not force:
        require_unmixed(folder, **counts, seed=settings.seed)
    make_scenes(folder, **counts, seed=settings.seed, jobs=settings.jobs, listener=settings.listener)
    line = f"{folder}: {', '.join(f'{count} {split}' for split, count in counts.items())} records"
    document = {"folder": str(folder), "seed": settings.seed, **counts}
    show(settings, document, lambda console: console.print(line, soft_wrap=True))
    next_step(settings, Command("data check", data=folder))


@click.command()
@tables
@common
def check(settings: Settings) -> None:
    """Verify every file of the data; exit code 1 if any is invalid."""
    from cli.tables.data import print_check
    from pipeline.checked import keep_check
    from zoo.data.check import check_scenes

    scenes = settings.scenes()
    report = check_scenes(scenes, settings.jobs, settings.listener)
    keep_check(settings.runs, scenes, report, settings.listener)
    show(settings, report.as_dict(), lambda console: print_check(console, report))
    report.raise_if_faulty()
    if not scenes.labelled:
        next_step(settings, submit_step())
    else:
        next_step(settings, Command("zoo train", fold="all") if settings.runs.folds.exists() else Command("data folds"))


@click.command()
@tables
@common
def stats(settings: Settings) -> None:
    """Band statistics, positive share and contrail pixels, by source and split."""
    from cli.tables.data import print_stats
    from zoo.data.stats import describe

    summaries = describe(settings.scenes(), settings.jobs, settings.listener)
    document = {"summaries": [summary.as_dict() for summary in summaries]}
    show(settings, document, lambda console: print_stats(console, summaries))


@click.command()
@click.option("--folds", "count", type=click.IntRange(2), default=5, show_default=True, help="Number of folds.")
@click.option("--out", type=click.Path(path_type=Path), help="[folds.csv under --runs]")
@click.option("--force", is_flag=True, help="Replace existing folds; runs trained on them no longer count.")
@tables
@common
def folds(settings: Settings, count: int, out: Path | None, force: bool) -> None:
    """Split the labelled records into folds grouped by scene, balanced in contrail pixels."""
    from cli.tables.data import print_folds
    from zoo.data import make_folds, save_folds

    if out:
        require_new_file(out, force=True)
    used = settings.runs.folds
    path = out or used
    made = make_folds(settings.scenes(), count, settings.seed, settings.jobs, settings.listener)
    save_folds(path, made, force, settings.listener)
    document = {"path": str(path), **made.as_dict()}
    show(settings, document, lambda console: print_folds(console, document))
    if path != used:
        settings.listener.info(f"copy {path} to {used} to train on these folds")
    next_step(settings, Command("zoo train", fold="all"))

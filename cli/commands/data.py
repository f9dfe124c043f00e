"""`cli data`: make, verify, describe and split scenes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, progress, require_folder, say_note, show
from core.errors import UsageError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.data import Folds
    from zoo.data.synth import Row


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--train", type=click.IntRange(0), default=64, show_default=True, help="Train records.")
@click.option("--validation", type=click.IntRange(0), default=16, show_default=True, help="Validation records.")
@click.option("--test", type=click.IntRange(0), default=8, show_default=True, help="Test records.")
@click.option("--force", is_flag=True, help="Go on in a folder that holds files already.")
@click.option("--compare", is_flag=True, help="Set the figures of the train scenes beside those of real ones.")
@common
def synth(settings: Settings, folder: Path, train: int, validation: int, test: int, force: bool, compare: bool) -> None:
    """Make synthetic scenes in DIR, in the competition's layout."""
    from zoo.data.synth import make_scenes

    counts = {"train": train, "validation": validation, "test": test}
    if not sum(counts.values()):
        raise UsageError("no records asked for; give --train, --validation or --test a number")
    if not force:
        _refuse_full(folder)
    with progress(settings, "scenes", sum(counts.values())) as advance:
        make_scenes(folder, **counts, seed=settings.seed, jobs=settings.jobs, advance=advance)
    document: dict[str, Any] = {"folder": str(folder), "seed": settings.seed, **counts}
    lines = ", ".join(f"{count} {split}" for split, count in counts.items())
    rows = _likeness(folder) if compare else []
    if compare:
        document["comparison"] = [row.as_dict() for row in rows]

    def render(console: Console) -> None:
        console.print(f"{folder}: {lines} records", soft_wrap=True)
        if rows:
            from cli.tables.data import print_comparison

            print_comparison(console, rows)

    show(settings, document, render)
    next_step(settings, f"cli data check --data {folder}")


@click.command()
@common
def check(settings: Settings) -> None:
    """Verify every file of the data; exit 1 where anything is at fault."""
    from cli.tables.data import print_check
    from zoo.data.check import check_scenes

    scenes = settings.scenes()
    with progress(settings, "check", len(scenes.records)) as advance:
        report = check_scenes(scenes, settings.jobs, advance)
    show(settings, report.as_dict(), lambda console: print_check(console, report))
    report.raise_if_faulty()
    next_step(settings, "cli data folds")


@click.command()
@common
def stats(settings: Settings) -> None:
    """Band statistics, positive share and contrail pixels, by source and split."""
    from cli.tables.data import print_stats
    from zoo.data.stats import describe

    scenes = settings.scenes()
    with progress(settings, "stats", len(scenes.records)) as advance:
        summaries = describe(scenes, settings.jobs, advance)
    document = {"summaries": [summary.as_dict() for summary in summaries]}
    show(settings, document, lambda console: print_stats(console, summaries))


@click.command()
@click.option("--folds", "count", type=click.IntRange(2), default=5, show_default=True, help="How many.")
@click.option("--out", type=click.Path(path_type=Path), help="[folds.csv under --runs]")
@click.option("--force", is_flag=True, help="Replace other folds; runs of those then count no more.")
@common
def folds(settings: Settings, count: int, out: Path | None, force: bool) -> None:
    """Split the labelled records into folds grouped by scene, alike in contrail pixels."""
    from cli.tables.data import folds_document, print_folds
    from zoo.data import make_folds, write_folds

    if out:
        require_folder(out)
    path = out or settings.runs.folds
    scenes = settings.scenes()
    with progress(settings, "folds", len(scenes.labelled)) as advance:
        made = make_folds(scenes, count, settings.seed, settings.jobs, advance)
    if force:
        _set_aside(settings, path, made)
    else:
        _refuse_other_folds(path, made)
    write_folds(path, made)
    placed = sum(scenes.is_placed(record) for record in scenes.labelled)
    document = folds_document(path, made, placed)
    show(settings, document, lambda console: print_folds(console, document))
    used = settings.runs.folds
    then = "cli zoo train --fold all"
    next_step(settings, then if path == used else f"cp {path} {used} && {then}")


def _likeness(folder: Path) -> list[Row]:
    from zoo.data.synth import compare

    return compare(folder)


def _refuse_full(folder: Path) -> None:
    try:
        full = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: is no folder to write into ({error.strerror}); choose another") from error
    if full:
        raise UserError(f"{folder}: holds files already; choose another folder, or go on in it with --force")


def _set_aside(settings: Settings, path: Path, made: Folds) -> None:
    """Keep the split that is replaced: what was trained on it counts again once it is back."""
    from core.files import write_text
    from zoo.data import read_folds

    try:
        old = read_folds(path)
    except UserError:  # none, or no split
        return
    if old.sha256 != made.sha256:
        kept = path.with_name(f"{path.stem}-{old.sha256[:12]}{path.suffix}")
        write_text(kept, path.read_text())
        say_note(settings, f"the old split is kept as {kept}; what was trained on it counts no more until that is back")


def _refuse_other_folds(path: Path, made: Folds) -> None:
    from zoo.data import read_folds

    if not path.exists():
        return
    advice = "choose another --out or --runs, or replace it with --force"
    try:
        same = read_folds(path).sha256 == made.sha256
    except UserError as error:
        raise UserError(f"{path}: is there already and holds no folds; {advice}") from error
    if not same:
        raise UserError(f"{path}: holds other folds, and what was trained on them would count no more; {advice}")

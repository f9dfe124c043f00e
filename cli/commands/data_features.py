"""`cli data features`: rank channels by how well they separate contrails, and suggest an input."""

import click

from cli.options import Settings, common, tables
from cli.output import next_step, show
from core.command import Command
from core.errors import UsageError


@click.command("features")
@click.option("--folds", "which", metavar="K,...", help="Folds to use. [all but fold 0]")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Number of channels to show.")
@click.option(
    "--records",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Maximum number of records with contrails.",
)
@tables
@common
def features(settings: Settings, which: str | None, top: int, records: int) -> None:
    """Rank candidate channels by how well they separate contrails from a ring around them.

    Bands, their differences, change in time, ridges. What is left out of --folds can judge what you build of it.
    """
    from cli.tables.features import print_ranking
    from zoo.data import find_folds, keep_folds
    from zoo.data.feature_ranking import rank_features
    from zoo.inputs.channels import registered_channels

    scenes, path, listener = settings.scenes(), settings.runs.folds, settings.listener
    split = find_folds(path, scenes, settings.seed, settings.jobs, listener)
    numbers = _numbers(which, split.count)
    keep_folds(path, split, listener)
    ranking = rank_features(
        scenes, split, registered_channels(), numbers=numbers, most=records, jobs=settings.jobs, listener=listener
    )
    document = ranking.as_dict()
    show(settings, document, lambda console: print_ranking(console, document, top))
    if ranking.clipped:
        counts = f"{ranking.clipped} of {len(ranking.scenes)}"
        listener.info(f"{counts} scenes are ash-colour images: where they are clipped, a channel separates less")
    left_out = sorted(set(range(split.count)) - set(numbers))
    if document["suggested"] and left_out:
        next_step(settings, Command("zoo train", fold=left_out[0], set=f"input={document['suggested']}"))


def _numbers(which: str | None, count: int) -> list[int]:
    if which is None:
        return list(range(1, count))
    numbers = which.split(",")
    if not all(number.strip().isdigit() and int(number) < count for number in numbers):
        raise UsageError(f"--folds {which}: give numbers from 0 to {count - 1}, as 1,2")
    return sorted({int(number) for number in numbers})

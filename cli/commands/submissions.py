"""`cli submissions check` and `score`: any submission file, also one written by others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import say, show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from rich.console import Console

    from submissions import Difference, Report, Score
    from zoo.data import Record, Scenes

SPLITS = click.Choice(["train", "validation", "test", "labelled"])
LABELLED = click.Choice(["train", "validation", "labelled"])
FILE = click.Path(path_type=Path)


@click.command("check")
@click.argument("file", type=FILE)
@click.option("--split", type=SPLITS, help="Whose ids are expected. [test where there is one, else labelled]")
@common
def check(settings: Settings, file: Path, split: str | None) -> None:
    """Say whether FILE would be accepted and, if not, why.

    With --data the ids must be those of its test records (or of --split), in the order of
    sample_submission.csv where that lists them all; without it only the form is checked.
    """
    from submissions import check as check_file
    from submissions import find_sample

    expected = sample = elsewhere = None
    if settings.data:
        scenes = settings.scenes()
        expected = _expected(scenes, split)
        elsewhere = _places(scenes)
        sample = find_sample(source.root for source in scenes.sources)
        tested = {record.id for record in scenes.test}
        if sample and set(expected) == tested != set(sample):
            say(settings, "sample_submission.csv lists other ids than test/ holds: its order does not count")
    else:
        say(settings, "no --data: the ids are not checked against any records")
    report = check_file(file, expected, sample, elsewhere)
    show(settings, report.as_dict(), lambda console: _print_report(console, report))
    report.raise_if_rejected()


@click.command("score")
@click.argument("file", type=FILE)
@click.option("--split", type=LABELLED, help="Demand all labelled records of this split, and score them alone.")
@click.option("--against", type=FILE, help="Another file: the paired difference of the two.")
@click.option("--worst", type=click.IntRange(0), default=5, help="How many of the worst records. [5]")
@common
def score(settings: Settings, file: Path, split: str | None, against: Path | None, worst: int) -> None:
    """Global Dice of FILE over the labelled records that it lists."""
    from submissions import compare

    scenes = settings.scenes()
    labelled = {record.id: record for record in _labelled(scenes, None)}
    wanted = None if split is None else {record.id for record in _labelled(scenes, split)}
    first = _score(settings, scenes, labelled, wanted, file)
    document = first.as_dict() | {"missing": len((wanted or labelled.keys()) - set(first.ids))}
    document["worst"] = [{"record": name, **counts.as_dict()} for name, counts in first.worst(worst)]
    document["warnings"] = list(first.warnings)
    for line in first.warnings:
        say(settings, f"warning: {line}")
    difference = None
    if against:
        second = _score(settings, scenes, labelled, wanted, against)
        difference = compare(first, second, settings.seed)
        document["against"] = difference.as_dict()
    show(settings, document, lambda console: _print_score(console, first, worst, difference))


def score_file(settings: Settings, file: Path) -> Score:
    """Score a file over the labelled records that it lists."""
    scenes = settings.scenes()
    labelled = {record.id: record for record in _labelled(scenes, None)}
    return _score(settings, scenes, labelled, None, file)


def _expected(scenes: Scenes, split: str | None) -> list[str]:
    if split == "test" or (split is None and scenes.test):
        records = scenes.test
    else:
        records = _labelled(scenes, split)
    if not records:
        _none_there(scenes, split or "labelled")
    return [record.id for record in records]


def _places(scenes: Scenes) -> dict[str, str]:
    """The splits that hold each id, in words: one id may lie in several."""
    places: dict[str, str] = {}
    for record in scenes.records:
        before = places.get(record.id)
        places[record.id] = f"{before} and {record.split}" if before else record.split
    return places


def _labelled(scenes: Scenes, split: str | None) -> tuple[Record, ...]:
    every = split in (None, "labelled")
    records = tuple(record for record in scenes.labelled if every or record.split == split)
    if not records:
        _none_there(scenes, split or "labelled")
    return records


def _none_there(scenes: Scenes, split: str) -> None:
    from core.errors import UserError

    where = ", ".join(str(source.root) for source in scenes.sources)
    raise UserError(f"{where}: holds no {split} records; choose another --split or --data")


def _score(
    settings: Settings, scenes: Scenes, labelled: dict[str, Record], wanted: set[str] | None, file: Path
) -> Score:
    """Read, hold against the labelled records, and score."""
    from submissions import read_submission
    from submissions import score as score_submission

    found = read_submission(file)
    _refuse_unlabelled(file, [each for each in found.ids if each not in labelled])
    missing = sorted((labelled.keys() if wanted is None else wanted) - set(found.ids))
    if wanted is None:
        if missing:
            say(settings, f"warning: {file} lacks {len(missing)} of {len(labelled)} labelled records")
    else:
        _refuse_missing(file, missing)
        if len(found.ids) > len(wanted):
            say(settings, f"{len(found.ids) - len(wanted)} rows of other splits are left out")
        found = found.only(wanted)
    return score_submission(found, _truth(scenes, labelled), _groups(settings), settings.seed, settings.listener)


def _refuse_unlabelled(file: Path, ids: list[str]) -> None:
    from core.errors import UserError

    if ids:
        others = f" and {len(ids) - 1} more have" if len(ids) > 1 else " has"
        raise UserError(f"{file}: record {ids[0]}{others} no label in --data; name the data that holds it")


def _refuse_missing(file: Path, ids: list[str]) -> None:
    from core.errors import UserError

    if ids:
        others = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
        raise UserError(f"{file}: record {ids[0]}{others} of --split missing; write a row for each")


def _truth(scenes: Scenes, labelled: dict[str, Record]) -> Callable[[str], NDArray[np.bool_]]:
    return lambda record_id: scenes.mask(labelled[record_id])


def _groups(settings: Settings) -> dict[str, str] | None:
    """Scene groups from folds.csv; without one each record stands for itself."""
    from zoo.data import read_folds

    path = settings.runs.folds
    return dict(read_folds(path).group_of) if path.is_file() else None


def _print_report(console: Console, report: Report) -> None:
    if report.faults:
        console.print("\n".join(map(str, report.faults)), markup=False, soft_wrap=True)
    if report.more:
        console.print(f"... and {report.more:,} more faults", markup=False)
    for note in report.notes:
        console.print(f"note: {note}", markup=False)
    if report.accepted:
        filled = f"{report.filled:,} with contrails, {report.share:.3%} of the pixels"
        console.print(f"well-formed: {report.rows:,} rows, {filled}", markup=False)


def _print_score(console: Console, first: Score, worst: int, difference: Difference | None) -> None:
    dice, counts = first.dice, first.counts
    value = f"Dice {dice.value:.5f}  [{dice.low:.4f}, {dice.high:.4f}]" if counts.truth else "no Dice"
    console.print(
        f"{value}  on {first.records:,} records "
        f"(tp {counts.tp:,}, predicted {counts.predicted:,}, truth {counts.truth:,})",
        markup=False,
    )
    if difference:
        console.print(_difference_line(difference), markup=False)
    rows = first.worst(worst)
    if rows:
        _print_worst(console, rows)


def _difference_line(difference: Difference) -> str:
    change = difference.dice
    stands = "stands" if change.low > 0 or change.high < 0 else "is within chance"
    return (
        f"less the other's {difference.second.dice:.5f}: {change.value:+.5f}  "
        f"[{change.low:+.4f}, {change.high:+.4f}]  on {difference.records:,} shared records; it {stands}"
    )


def _print_worst(console: Console, rows: list[tuple[str, Any]]) -> None:
    from rich.table import Table

    table = Table("record", title="most wrong pixels", title_justify="left")
    for name in ("wrong", "true positive", "predicted", "truth", "Dice"):
        table.add_column(name, justify="right")
    for record_id, counts in rows:
        wrong = counts.predicted + counts.truth - 2 * counts.tp
        figures = (wrong, counts.tp, counts.predicted, counts.truth)
        table.add_row(record_id, *(f"{value:,}" for value in figures), f"{counts.dice:.3f}")
    console.print(table)

"""`cli zoo tune`: search a member's recipe on one fold, and write what is found as a member."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.folds import find_folds, keep_folds
from cli.options import Settings, common
from cli.output import next_step, progress, require_folder, say, say_note, show
from core.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.data import Scenes
    from zoo.training import Epoch, Run
    from zoo.training.tuning import Tuning

BEST = 10  # trials that are shown


@click.command("tune")
@click.argument("member")
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="In all, earlier calls' too.")
@click.option("--fold", default="0", show_default=True, metavar="K", help="Whose Dice chooses.")
@click.option("--epochs", type=click.IntRange(1), help="Of a trial; the schedule follows.")
@click.option("--with-val", is_flag=True, help="Train on validation records outside the fold too.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change any key of the recipe beforehand.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="[tuning/MEMBER-tuned.toml under --runs]")
@common
def tune(
    settings: Settings,
    member: str,
    trials: int,
    fold: str,
    epochs: int | None,
    with_val: bool,
    sets: tuple[str, ...],
    out: Path | None,
) -> None:
    """Search MEMBER's recipe (a name, or the path of a TOML) over its [tune] table, by the Dice of one fold.

    Killed and typed again, it goes on; with more --trials it goes further. Writes a member where a trial is better than
    MEMBER as it is.
    """
    from core.files import write_text
    from zoo.members import load_member, parse_setting, with_settings
    from zoo.members.space import default_space

    shipped = load_member(member, settings.members)
    changes = dict(parse_setting(text) for text in sets) | ({} if epochs is None else {"epochs": epochs})
    recipe = with_settings(shipped, changes)
    if out:
        require_folder(out)
    path = out or settings.runs / "tuning" / f"{recipe.name}-tuned.toml"
    if path.suffix != ".toml" or path.stem == recipe.name:
        raise UsageError(f"{path}: a member's file ends in .toml and has a name of its own; give another --out")

    from zoo.training import pin_start, set_threads
    from zoo.training.tuning import Tuning, is_as_it_is, tuned_member

    scenes = settings.scenes()
    folds = find_folds(settings, scenes)
    recipe = pin_start(recipe, settings.runs, [fold], folds, partial(say_note, settings))
    tuning = Tuning(
        recipe=recipe, space=recipe.tune or default_space(recipe), fold=fold, folds=folds,
        runs=settings.runs, seed=settings.seed, with_val=with_val,
    )  # fmt: skip
    tuning.check(scenes, settings.device)
    keep_folds(settings, folds)
    set_threads(settings.jobs)
    say(settings, f"{recipe.name}: {len(tuning.over)} of {trials} trials are over; {tuning.path}")
    _search(settings, tuning, scenes, trials)
    is_file = member.endswith(".toml")
    if not is_as_it_is(tuning.best):
        write_text(path, tuned_member(tuning, str(Path(member).resolve()) if is_file else member, shipped))
    document = _document(tuning, path)
    show(settings, document, lambda console: _print(console, document))
    found = f"--member {path}" if document["path"] else f"--member {member}" if is_file else member
    next_step(settings, f"cli zoo train {found} --fold all")


def _search(settings: Settings, tuning: Tuning, scenes: Scenes, trials: int) -> None:
    """Train trials until so many are over, and say what each of them came to."""
    from zoo.training.tuning import is_as_it_is

    with progress(settings, f"tune {tuning.recipe.name}", trials) as advance:
        advance(len(tuning.over))
        while len(tuning.over) < trials:
            trial = tuning.next_trial(
                scenes,
                settings.device,
                lambda number, run, epoch: _say_epoch(settings, number, run, epoch),
                lambda n=1, note="": advance(0, note),
            )
            score = "pruned" if trial.state.name == "PRUNED" else f"Dice {trial.value:.4f}"
            words = "the member as it is" if is_as_it_is(trial) else _words(tuning.values_of(trial))
            say(settings, f"trial {trial.number}: {score}  {words}")
            advance(1)


def _document(tuning: Tuning, path: Path) -> dict[str, Any]:
    from zoo.training.tuning import is_as_it_is

    best, itself = tuning.best, tuning.as_it_is
    rows = [
        {
            "trial": trial.number,
            "dice": trial.value if trial.state.name == "COMPLETE" else None,
            "pruned": trial.state.name == "PRUNED",
            "epochs": max(trial.intermediate_values, default=0),
            "as_it_is": is_as_it_is(trial),
            "values": tuning.values_of(trial),
        }
        for trial in tuning.over
    ]
    return {
        "member": tuning.recipe.name,
        "fold": tuning.fold,
        "storage": str(tuning.path),
        "path": None if is_as_it_is(best) else str(path),
        "dice_as_it_is": itself.value if itself and itself.state.name == "COMPLETE" else None,
        "best": {"trial": best.number, "dice": best.value, "values": tuning.values_of(best)},
        "trials": rows,
    }


def _print(console: Console, document: dict[str, Any]) -> None:
    from rich.table import Table

    ranked = sorted(document["trials"], key=lambda row: -(row["dice"] or 0.0))
    table = Table("trial", "Dice", "epochs", *ranked[0]["values"])
    shown = ranked[:BEST] + [row for row in ranked[BEST:] if row["as_it_is"]]
    for row in shown:
        score = "pruned" if row["pruned"] else f"{row['dice']:.4f}"
        number = f"{row['trial']} as it is" if row["as_it_is"] else str(row["trial"])
        table.add_row(number, score, str(row["epochs"]), *map(_text, row["values"].values()))
    console.print(table)
    pruned = sum(row["pruned"] for row in ranked)
    console.print(
        f"Dice: global, on the held-out records of fold {document['fold']}, which chose among {len(ranked)} trials "
        f"({pruned} pruned): it is optimistic."
    )
    own = document["dice_as_it_is"]
    if document["path"] is None:
        line = f"No trial was better than the member as it is (Dice {own:.4f}): no member is written."
    elif own is None:
        line = f"{document['path']}: Dice {document['best']['dice']:.4f}; the member as it is has none"
    else:
        better = document["best"]["dice"] - own
        line = f"{document['path']}: Dice {document['best']['dice']:.4f}, {better:.4f} above the member as it is"
    console.print(line, markup=False, soft_wrap=True)


def _say_epoch(settings: Settings, number: int, run: Run, epoch: Epoch) -> None:
    of = f"{epoch.epoch}/{run.recipe.staged[epoch.stage - 1].epochs}"
    stage = f" stage {epoch.stage}" if epoch.stage else ""
    say(settings, f"trial {number}{stage}: epoch {of}  Dice {epoch.dice or 0.0:.4f}  {epoch.seconds:.0f} s")


def _words(values: dict[str, Any]) -> str:
    return "  ".join(f"{key}={_text(value)}" for key, value in values.items())


def _text(value: Any) -> str:
    """None: the stages of the member as it is differ there."""
    if value is None:
        return "by stage"
    return f"{value:.4g}" if isinstance(value, float) else str(value)

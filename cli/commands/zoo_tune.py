"""`cli zoo tune`: search a member's recipe on one fold, and write what is found as a member."""

from __future__ import annotations

import shlex
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, say, show
from cli.tables.columns import Column, as_table, column_of
from core.errors import UsageError
from core.files import require_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from zoo.data import Scenes
    from zoo.runs.run import Run
    from zoo.training import Epoch
    from zoo.training.tuning import Tuning

BEST = 10  # trials that are shown


@click.command("tune")
@click.argument("member")
@click.option("--trials", type=click.IntRange(1), default=20, show_default=True, help="In all, earlier calls' too.")
@click.option("--fold", default="0", show_default=True, metavar="K", help="Whose Dice chooses.")
@click.option("--epochs", type=click.IntRange(1), help="Of a trial; the schedule follows.")
@click.option("--with-val", is_flag=True, help="Train on validation records outside the fold too.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Fix any key of the recipe beforehand.")
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

    shipped = load_member(member, settings.members)
    changes = dict(parse_setting(text) for text in sets)
    if epochs is not None and changes.setdefault("epochs", epochs) != epochs:
        raise UsageError(f"--epochs {epochs} and --set epochs={changes['epochs']} differ; give one of them")
    recipe = with_settings(shipped, changes)
    if out:
        require_folder(out)
    path = out or settings.runs.tuned(recipe.name)
    if path.suffix != ".toml" or path.stem == recipe.name:
        raise UsageError(f"{path}: a member's file ends in .toml and has a name of its own; give another --out")

    from zoo.data import find_folds, keep_folds
    from zoo.training import pin_warm_start, set_threads
    from zoo.training.tuning import Tuning, default_space, is_baseline, remaining_space, tuned_member

    whole = recipe.tune or default_space(recipe)
    space = remaining_space(whole, changes)
    fixed = [key for key, _ in whole if key not in dict(space)]
    if not space:
        raise UsageError(
            f"{recipe.name}: nothing is left to search, for --set or --epochs fix {', '.join(fixed)}; give fewer of "
            "them, or more keys in its [tune] table"
        )
    scenes = settings.scenes()
    folds = find_folds(settings.runs.folds, scenes, settings.seed, settings.jobs, settings.listener)
    recipe = pin_warm_start(recipe, settings.runs, [fold], folds, settings.listener, settings.members)
    tuning = Tuning(
        recipe=recipe, space=space, fold=fold, folds=folds, store=settings.runs, seed=settings.seed, with_val=with_val
    )
    tuning.check(scenes, settings.device)
    keep_folds(settings.runs.folds, folds, settings.listener)
    set_threads(settings.jobs)
    say(settings, f"{recipe.name}: searches {', '.join(dict(space))}{_as_fixed(fixed)}; {_how_far(tuning, trials)}")
    _search(settings, tuning, scenes, trials)
    is_file = member.endswith(".toml")
    if not is_baseline(tuning.best):
        write_text(path, tuned_member(tuning, str(Path(member).resolve()) if is_file else member, shipped))
    document = _document(tuning, path)
    show(settings, document, lambda console: _print(console, document))
    words = ["--member", str(path)] if document["path"] else ["--member"] * is_file + [member]
    given = [] if document["path"] else [word for text in sets for word in ("--set", text)]
    next_step(settings, f"cli zoo train {shlex.join([*words, '--fold', 'all', *given, *['--with-val'] * with_val])}")


def _search(settings: Settings, tuning: Tuning, scenes: Scenes, trials: int) -> None:
    """Train trials until so many are over, and say what each of them came to."""
    from zoo.training.tuning import is_baseline

    listener = settings.listener
    with listener.task(f"tune {tuning.recipe.name}", trials):
        listener.advance(len(tuning.over))
        while (number := len(tuning.over)) < trials:
            trial = tuning.next_trial(scenes, settings.device, partial(_say_epoch, settings, number), listener)
            score = "pruned" if trial.state.name == "PRUNED" else f"Dice {trial.value:.4f}"
            words = "the member as it is" if is_baseline(trial) else _words(tuning.values_of(trial))
            say(settings, f"trial {number}: {score}  {words}")
            listener.advance()


def _as_fixed(keys: Sequence[str]) -> str:
    """What the member's table would search, were it not given."""
    return f" ({', '.join(keys)} {'is' if len(keys) == 1 else 'are'} given and fixed)" if keys else ""


def _how_far(tuning: Tuning, trials: int) -> str:
    over = len(tuning.over)
    words = f"{over} of {trials} trials are over" if over <= trials else f"{over} trials are over, {trials} asked for"
    return f"{words}; {tuning.path}"


def _document(tuning: Tuning, path: Path) -> dict[str, Any]:
    from zoo.training.tuning import is_baseline

    best, itself = tuning.best, tuning.as_it_is
    rows = [
        {
            "trial": number,
            "dice": trial.value if trial.state.name == "COMPLETE" else None,
            "pruned": trial.state.name == "PRUNED",
            "epochs": max(trial.intermediate_values, default=0),
            "as_it_is": is_baseline(trial),
            "values": tuning.values_of(trial),
        }
        for number, trial in enumerate(tuning.over)
    ]
    return {
        "member": tuning.recipe.name,
        "fold": tuning.fold,
        "storage": str(tuning.path),
        "path": None if is_baseline(best) else str(path),
        "dice_as_it_is": itself.value if itself and itself.state.name == "COMPLETE" else None,
        "best": {"trial": tuning.over.index(best), "dice": best.value, "values": tuning.values_of(best)},
        "trials": rows,
    }


def _print(console: Console, document: dict[str, Any]) -> None:
    ranked = sorted(document["trials"], key=lambda row: -(row["dice"] or 0.0))
    shown = ranked[:BEST] + [row for row in ranked[BEST:] if row["as_it_is"]]
    console.print(as_table(_columns(shown), console.width))
    pruned = sum(row["pruned"] for row in ranked)
    console.print(
        f"Dice: global, on the held-out records of fold {document['fold']}, which chose among {len(ranked)} "
        f"{'trial' if len(ranked) == 1 else 'trials'} ({pruned} pruned): it is optimistic."
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


def _columns(rows: Sequence[dict[str, Any]]) -> list[Column]:
    """Of the keys that are searched, the first ones find room first."""
    column = partial(column_of, rows)
    keys = [
        Column(key, tuple(_text(row["values"][key]) for row in rows), rank, _is_number(rows, key))
        for rank, key in enumerate(rows[0]["values"], start=1)
    ]
    return [
        column("trial", 0, lambda row: f"{row['trial']} as it is" if row["as_it_is"] else str(row["trial"]), False),
        column("Dice", 0, lambda row: "pruned" if row["pruned"] else f"{row['dice']:.4f}"),
        column("trained", len(keys) + 1, lambda row: str(row["epochs"])),
        *keys,
    ]


def _is_number(rows: Sequence[dict[str, Any]], key: str) -> bool:
    return all(isinstance(row["values"][key], int | float | None) for row in rows)


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

"""`cli zoo train`: train members on folds, ending with held-out predictions."""

from typing import Any

import click

from cli.completing import complete_folds, complete_keys, complete_logs, complete_members
from cli.listener import completed
from cli.options import ON, TTA, VIEWS, Settings, common, memory_limit, tables
from cli.output import next_step, show
from core.ranks import is_follower


@click.command("train")
@click.argument("members", nargs=-1, shell_complete=complete_members)
@click.option("--member", "files", multiple=True, hidden=True)
@click.option(
    "--fold",
    default="all",
    show_default=True,
    metavar="K|K-L|all|full",
    shell_complete=complete_folds,
    help="Fold that is held out.",
)
@click.option("--epochs", type=click.IntRange(1), help="Number of epochs; the schedule scales with it.")
@click.option(
    "--from",
    "start",
    metavar="MEMBER[@HASH]",
    shell_complete=complete_members,
    help="Start from this member's runs of the same folds.",
)
@click.option(
    "--seeds", type=click.IntRange(1), default=1, help="Number of runs of each fold, with seeds from --seed on."
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_keys,
    help="Change any key of the recipe.",
)
@click.option("--with-val", is_flag=True, help="Also train on validation records outside the fold.")
@click.option("--tta", type=TTA, default="none", show_default=True, help=VIEWS)
@click.option("--allow-ungrouped", is_flag=True, help="Train although the scene group of some records is unknown.")
@memory_limit("Memory limit; fewer records are kept between epochs.")
@ON
@click.option(
    "--log",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_logs,
    help="Also log to tensorboard or mlflow, below logs/ of the runs folder; may be repeated.",
)
@click.option("--plan", is_flag=True, help="Train nothing; print a command for each run that is not complete.")
@tables
@common
def train(
    settings: Settings,
    members: tuple[str, ...],
    files: tuple[str, ...],
    fold: str,
    epochs: int | None,
    start: str | None,
    seeds: int,
    sets: tuple[str, ...],
    with_val: bool,
    tta: str,
    allow_ungrouped: bool,
    max_ram: float | None,
    on: str | None,
    log: tuple[str, ...],
    plan: bool,
) -> None:
    """Train MEMBERS on folds, names or TOML files; complete runs are reused, interrupted ones resumed.

    Ends with the held-out predictions of each fold in the cache.
    """
    if is_follower():  # of torchrun's processes; the first alone writes and speaks
        from zoo.training.follow import follow

        follow(settings.scenes, settings.device, settings.asked_jobs)
        return

    from cli.tables.zoo import after_training, print_trained
    from zoo.members import load_members, parse_setting

    named = (*(settings.line_up(members) if members or not files else ()), *files)
    # before torch is imported: a typo is answered at once
    changes = dict(map(parse_setting, sets))
    recipes = load_members(named, settings.members, changes, epochs=epochs, start_from=start)
    scenes = settings.scenes()
    how = {"fold": fold, "seeds": seeds, "seed": settings.seed, "with_val": with_val, "tta": tta, **settings.how()}
    how |= {
        "allow_ungrouped": allow_ungrouped,
        "jobs": settings.asked_jobs,
        "max_ram": max_ram,
        "log": log or settings.log,
    }
    if plan:
        _print_plan(settings, named, scenes, {**how, "sets": changes, "epochs": epochs, "start": start})
        return

    from zoo.workflows.reuse import train_or_reuse

    trained = train_or_reuse(recipes, scenes, settings.runs, **how, on=on)
    show(settings, [each.as_dict() for each in trained], lambda console: print_trained(console, trained))
    next_step(settings, after_training(trained, bool(scenes.test), settings.members))


def _print_plan(settings: Settings, named: tuple[str, ...], scenes: Any, how: dict[str, Any]) -> None:
    """Print the commands on stdout, one a line, and the table of their costs on stderr."""
    from cli.tables.zoo import print_plan
    from zoo.workflows.plan import plan

    planned = plan(named, scenes, settings.runs, **how)
    commands = [completed(each.command, settings.typed) for each in planned]
    rows = [each.as_dict() | {"command": command} for each, command in zip(planned, commands)]
    show(settings, rows, lambda console: console.out("\n".join(map(str, commands)), end="\n" if commands else ""))
    if not settings.json and settings.verbosity >= 0:
        print_plan(rows)

"""`cli zoo train`: train members on folds, ending with held-out predictions."""

import click

from cli.options import TTA, VIEWS, Settings, common
from cli.output import next_step, show
from cli.tables.zoo import after_training, print_trained


@click.command("train")
@click.argument("members", nargs=-1)
@click.option("--member", "files", multiple=True, metavar="FILE", help="A member's TOML of your own.")
@click.option("--fold", default="all", show_default=True, metavar="K|K-L|all|full", help="Which fold is held out.")
@click.option("--epochs", type=click.IntRange(1), help="Epochs; the schedule follows.")
@click.option("--from", "start", metavar="MEMBER[@HASH]", help="Start from its runs of the same folds.")
@click.option("--seeds", type=click.IntRange(1), default=1, help="Runs of each fold, from --seed on.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Change any key of the recipe.")
@click.option("--with-val", is_flag=True, help="Train on validation records outside the fold too.")
@click.option("--tta", type=TTA, default="none", show_default=True, help=VIEWS)
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
) -> None:
    """Train MEMBERS on folds; what is complete is reused, what was cut off is resumed.

    Ends with the held-out predictions of each fold in the cache.
    """
    from zoo.members import load_members, parse_setting

    named = (*(settings.line_up(members) if members or not files else ()), *files)
    # before torch is imported: a typo is answered at once
    recipes = load_members(named, settings.members, dict(map(parse_setting, sets)), epochs=epochs, start_from=start)
    scenes = settings.scenes()

    from zoo.workflows.train import train

    how = settings.how()
    trained = train(
        recipes, scenes, settings.runs, fold=fold, seeds=seeds, seed=settings.seed, with_val=with_val, tta=tta, **how
    )
    show(settings, [each.as_dict() for each in trained], lambda console: print_trained(console, trained))
    next_step(settings, after_training(trained[0].run, bool(scenes.test)))

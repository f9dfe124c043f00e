"""`cli zoo predict`: what is trained predicts again, and needs nothing of what training needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from cli.commands.zoo_train import predict_run
from cli.options import TTA, VIEWS, Settings, common
from cli.output import next_step, require_test, say_note, show
from cli.runs import export_command, full_name, lacking_folds, say_others, say_stopped
from core.errors import UsageError
from zoo.runs import Ref

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo.data import Folds
    from zoo.runs.run import EndedRun


@click.command("predict")
@click.argument("members", nargs=-1)
@click.option("--fold", default="all", show_default=True, metavar="K|K-L|all|full", help="Whose runs predict.")
@click.option("--split", default="oof", show_default=True, type=click.Choice(["oof", "test"]))
@click.option("--tta", type=TTA, default="none", show_default=True, help=VIEWS)
@common
def predict(settings: Settings, members: tuple[str, ...], fold: str, split: str, tta: str) -> None:
    """Predict again with the trained MEMBERS: held-out records or the test records.

    M is its newest recipe that has most of the folds, M@HASH any other. Folds without a complete run are left out.
    """
    if split == "oof" and fold == "full":
        raise UsageError("--fold full holds no records out; predict the test records with it: --split test")

    from zoo.data import read_folds
    from zoo.runs.run import fold_names, run_records
    from zoo.training import check_prediction, check_views, set_threads

    scenes = settings.scenes()
    if split == "test":
        require_test(settings, scenes)
    folds = read_folds(settings.runs.folds)
    names = fold_names(fold, folds)
    asked = dict.fromkeys(settings.line_up(members, "trained"))
    found = [ended for name in asked for ended in _trained(settings, Ref.parse(name), names, folds)]
    trained = list({ended.run.folder: ended for ended in found}.values())
    runs = [ended.run for ended in trained]
    records = [scenes.test if split == "test" else run_records(run, scenes, folds)[1] for run in runs]
    for run, ours in zip(runs, records):
        check_prediction(run, scenes, ours, settings.device)
        check_views(run.recipe.final, tta)
    set_threads(settings.jobs)
    rows = []
    for ended, ours in zip(trained, records):
        made, run = predict_run(settings, ended, scenes, ours, split, tta), ended.run
        named = {"member": run.recipe.name, "recipe": run.hash, "fold": run.fold, "seed": run.seed}
        rows.append(named | {"records": len(made.record_ids)})
    lines = [f"{full_name(run)}: {row['records']} records" for run, row in zip(runs, rows)]
    show(settings, rows, lambda console: console.print("\n".join(lines)))
    if fold == "full":
        say_note(settings, "cli submit takes the folds' runs, and not these: no held-out record told how to weigh them")
        next_step(settings, export_command(runs[0]))
    else:
        next_step(settings, "cli ensemble fit" if split == "oof" else "cli submit --out submission.csv")


def _trained(settings: Settings, asked: Ref, fold_names: Sequence[str], folds: Folds) -> list[EndedRun]:
    """Find the runs that predict; folds without a complete one are named, with the command that trains them."""
    from zoo.runs.find import most_trained

    runs = most_trained(settings.runs, asked, fold_names, folds.sha256, settings.listener, settings.members)
    say_others(settings, asked, runs)
    say_stopped(settings, runs)
    if lacking := lacking_folds(settings, fold_names, runs):
        settings.listener.warn(f"{lacking.what}; the others predict", lacking.do)
    return runs

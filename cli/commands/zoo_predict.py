"""`cli zoo predict`: predict again with trained runs."""

import click

from cli.completing import complete_folds, complete_trained
from cli.options import ON, TTA, VIEWS, Settings, common, reads_runs
from cli.output import next_step, show, submit_step


@click.command("predict")
@click.argument("members", nargs=-1, shell_complete=complete_trained)
@click.option(
    "--fold",
    default="all",
    show_default=True,
    metavar="K|K-L|all|full",
    shell_complete=complete_folds,
    help="Fold whose runs predict.",
)
@click.option(
    "--split",
    default="oof",
    show_default=True,
    type=click.Choice(["oof", "test"]),
    help="Records that each run held out (oof: out of fold), or the test records.",
)
@click.option("--tta", type=TTA, default="none", show_default=True, help=VIEWS)
@ON
@common
@reads_runs
def predict(settings: Settings, members: tuple[str, ...], fold: str, split: str, tta: str, on: str | None) -> None:
    """Predict again with the trained MEMBERS: held-out records or the test records.

    M is its newest recipe that has most of the folds, M@HASH any other. Folds without a complete run are left out.
    """
    chosen = settings.line_up(members, "trained")  # a mistyped name is answered before torch loads
    from cli.tables.zoo import export_command, predicted_lines
    from ensemble.job import fit_with
    from zoo.workflows.predict import predict

    how = {"fold": fold, "split": split, "tta": tta, **settings.how(), "jobs": settings.asked_jobs}
    predicted = predict(chosen, settings.scenes(), settings.runs, **how, on=on)
    rows = [each.as_dict() for each in predicted]
    show(settings, rows, lambda console: console.print("\n".join(predicted_lines(predicted))))
    if fold == "full":
        settings.listener.note(
            "cli submit uses the runs of folds only: weights cannot be fitted without held-out records"
        )
        next_step(settings, export_command(predicted[0].run))
    elif split == "oof":
        next_step(settings, fit_with(settings.runs, [each.run.ref for each in predicted], tta))
    else:
        next_step(settings, submit_step())

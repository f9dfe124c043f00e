"""`cli zoo pseudo`: label frames and records by trained members or an ensemble."""

import click

from cli.completing import complete_ensembles, complete_trained
from cli.options import TTA, VIEWS, Settings, common, parse_frames, reads_runs
from cli.output import next_step, show
from core.errors import UsageError


@click.command("pseudo")
@click.argument("members", nargs=-1, shell_complete=complete_trained)
@click.option(
    "--ensemble",
    "name",
    metavar="NAME",
    shell_complete=complete_ensembles,
    help="Label with this fitted ensemble instead.",
)
@click.option("--frames", metavar="4,6", help="Frames to label. [all but 5; of records without a mask: 5]")
@click.option("--unlabelled", is_flag=True, help="Label test records and others without a mask instead.")
@click.option("--tta", type=TTA, default="none", show_default=True, help=VIEWS)
@common
@reads_runs
def pseudo(
    settings: Settings, members: tuple[str, ...], name: str | None, frames: str | None, unlabelled: bool, tta: str
) -> None:
    """Label further frames with the trained MEMBERS, for others to train on.

    A labelled record is labelled by the runs that held it out, a record without a mask by every run. Records that lack
    a frame are skipped and counted.
    """
    if name and (members or tta != "none"):
        raise UsageError("--ensemble labels with its own members and their views; give neither MEMBERS nor --tta")
    asked = parse_frames(frames)
    from cli.tables.zoo import after_labels, labelled_lines

    how = {"frames": asked, "unlabelled": unlabelled, **settings.how()}
    if name:
        from ensemble import Ensemble
        from pipeline.pseudo import pseudo_label_ensemble

        fitted = Ensemble.load(settings.runs.ensemble(name))
        labelled = pseudo_label_ensemble(settings.runs, fitted, settings.scenes(), **how)
    else:
        chosen = settings.line_up(members, "trained")
        from zoo.workflows.pseudo import pseudo_label

        labelled = pseudo_label(chosen, settings.scenes(), settings.runs, tta=tta, **how)
    show(
        settings,
        [each.as_dict() for each in labelled],
        lambda console: console.print("\n".join(labelled_lines(labelled))),
    )
    next_step(settings, after_labels(labelled, settings.runs, settings.members))

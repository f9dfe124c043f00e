"""`cli zoo export`: write a trained member as one file that other programs run."""

from pathlib import Path

import click

from cli.completing import complete_trained
from cli.options import Settings, common, reads_runs
from cli.output import show
from zoo.export_formats import FORMATS


@click.command("export")
@click.argument("member", metavar="MEMBER[@HASH]", shell_complete=complete_trained)
@click.option("--format", "form", type=click.Choice(FORMATS.names()), required=True, help="Format of FILE.")
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE", help="File to write.")
@click.option(
    "--fold",
    default="all",
    show_default=True,
    metavar="K|K-L|all|full",
    help="Fold whose runs are exported; several runs are averaged.",
)
@click.option(
    "--records", type=click.IntRange(1), default=256, show_default=True, help="Maximum number of records to compare on."
)
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@common
@reads_runs
def export(settings: Settings, member: str, form: str, out: Path, fold: str, records: int, force: bool) -> None:
    """Export a trained MEMBER to FILE, from kelvin bands to probability, with a description in FILE.json.

    Before FILE takes its name it is run on held-out records, and refused if it differs from eager.
    """
    (member,) = settings.line_up(
        (settings.one_member(member),), "trained"
    )  # a mistyped name is answered before torch loads
    from cli.tables.zoo import exported_lines
    from zoo.workflows.export import export

    how = {key: value for key, value in settings.how().items() if key != "device"}
    exported = export(
        member, settings.scenes(), settings.runs, out, form=form, fold=fold, records=records, force=force, **how
    )
    document = exported.as_dict()
    lines = "\n".join(exported_lines(out, document))
    show(settings, document, lambda console: console.print(lines, soft_wrap=True))

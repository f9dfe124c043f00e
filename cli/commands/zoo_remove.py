"""`cli zoo remove`: take a member, a recipe of it or an ensemble out of the runs folder."""

import sys

import click

from cli.completing import complete_removable
from cli.options import Settings, common, reads_runs
from cli.output import show
from core.errors import UsageError


@click.command("remove")
@click.argument("name", metavar="MEMBER[@HASH]|ENSEMBLE", shell_complete=complete_removable)
@click.option("--yes", is_flag=True, help="Remove without asking.")
@common
@reads_runs
def remove(settings: Settings, name: str, yes: bool) -> None:
    """Remove runs and predictions of a member, or of one recipe of it, or an ensemble.

    Shows what goes, and asks before it takes it. Files of members are not touched.
    """
    from pipeline.removal import plan_removal

    removal = plan_removal(settings.runs, name)
    for path in removal.paths:
        settings.listener.info(f"{path}")
    settings.listener.info(f"{removal.kind} {removal.name}: {removal.bytes / 1e6:.1f} MB")
    if removal.used_by:
        settings.listener.warn(
            f"used by ensemble {', '.join(removal.used_by)}, which cannot be fitted again without it"
        )
    if not yes and (settings.json or not sys.stdin.isatty()):
        raise UsageError(f"{name}: is removed only if you agree; give --yes")
    if not yes:
        click.confirm("remove?", abort=True, err=True)
    removal.take()
    line = f"removed {removal.kind} {removal.name}"
    show(settings, removal.as_dict(), lambda page: page.say(line))

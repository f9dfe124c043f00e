"""`cli zoo tta`: which test-time views pay."""

import click

from cli.completing import complete_trained
from cli.options import Settings, common, reads_runs, tables
from cli.output import next_step, show
from core.command import Command


@click.command("tta")
@click.argument("member", metavar="MEMBER[@HASH]", shell_complete=complete_trained)
@tables
@common
@reads_runs
def tta(settings: Settings, member: str) -> None:
    """Out-of-fold Dice and cost of test-time views and sets of them, for a trained MEMBER.

    Each view is computed once for each held-out record. Proposes the set with the fewest views among those that the
    best one does not reliably beat (z up to 1).
    """
    from cli.tables.view_audit import print_audit
    from pipeline.view_audit import audit_views
    from zoo.runs import Ref

    audit = audit_views(settings.runs, settings.scenes(), Ref.parse(settings.one_member(member)), **settings.how())
    show(settings, audit.as_dict(), lambda console: print_audit(console, audit))
    if audit.proposed.name != "none":
        next_step(settings, Command("zoo predict", str(audit.member), tta=audit.proposed.name))

"""Tables of `cli zoo tta`: views alone, and sets of them."""

from collections.abc import Sequence

from cli.tables.columns import EMPTY, Column, column_of
from cli.tables.page import Page
from core.uncertainty import interval_text
from pipeline.view_audit import AuditedSet, ViewAudit


def print_audit(console: Page, audit: ViewAudit) -> None:
    """Print the views alone, the sets, and the set that is proposed."""
    dice = audit.sets[0].dice
    kept = f"keep the label's offset of {audit.label_offset:g} px" if audit.registered else "mirror labels as they are"
    console.say(
        f"{audit.member}: {audit.records} held-out records; views {kept}; one view takes {audit.seconds:.3f} s of the "
        "processor for a record"
    )
    alone = "Views alone, and the shift of their maps against the plain ones', pixels"
    console.table(_columns(audit.views, alone=True), alone)
    console.table(_columns(audit.sets, alone=False), "Sets of views, merged by their mean")
    if dice.caution:
        console.say(dice.caution)
    best = max(audit.sets, key=lambda each: each.dice.value)
    console.say(
        f"proposed: {audit.proposed.name}; the fewest views that {best.name}, the best set, does not reliably beat"
    )


def _columns(rows: Sequence[AuditedSet], alone: bool) -> list[Column]:
    columns = [
        column_of(rows, "view" if alone else "set", 0, lambda row: row.name, numbers=False),
        column_of(rows, "Dice", 0, lambda row: f"{row.dice.value:.4f}"),
        column_of(rows, "over one view", 2, lambda row: f"{row.gain.value:+.4f}"),
        column_of(rows, "95 % interval", 3, lambda row: interval_text(row.gain.interval, "+.4f")),
        column_of(rows, "cost", 4, lambda row: f"{row.cost:.1f}"),
        column_of(rows, "threshold", 6, lambda row: f"{row.threshold:.3f}"),
    ]
    if alone:
        columns.append(column_of(rows, "dy, dx", 5, _shift))
    return columns


def _shift(row: AuditedSet) -> str:
    return f"{row.shift.dy.value:+.2f}, {row.shift.dx.value:+.2f}" if row.shift else EMPTY

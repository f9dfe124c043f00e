"""Table of `cli doctor`."""

from cli.listener import completed
from cli.tables.columns import Column, column_of
from cli.tables.page import Page
from core.errors import advised
from pipeline.doctor import OK, Diagnosis


def print_diagnosis(console: Page, diagnosis: Diagnosis, typed: str) -> None:
    """Print the findings with the commands that mend them; `typed`: the user's common options."""
    rows = diagnosis.findings
    found = tuple(advised(row.what, completed(row.do, typed)) for row in rows)
    console.table(
        [
            column_of(rows, "", 0, lambda row: row.level, numbers=False),
            column_of(rows, "area", 0, lambda row: row.area, numbers=False),
            Column("found", found, 0, numbers=False, folds=True),
        ]
    )
    if all(row.level == OK for row in rows):
        console.say("all is well")

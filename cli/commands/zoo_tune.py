"""`cli zoo tune`: search a member's recipe on one fold, and write the result as a member."""

from pathlib import Path
from typing import Any

import click

from cli.completing import complete_members
from cli.options import Settings, common, tables
from cli.output import next_step, show
from core.command import Command
from core.files import require_new_file


@click.command("tune")
@click.argument("member", shell_complete=complete_members)
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Total number of trials, including earlier calls.",
)
@click.option("--fold", default="0", show_default=True, metavar="K", help="Fold whose Dice is optimized.")
@click.option("--epochs", type=click.IntRange(1), help="Epochs of each trial; the schedule scales with them.")
@click.option("--with-val", is_flag=True, help="Also train on validation records outside the fold.")
@click.option("--set", "sets", multiple=True, metavar="KEY=VALUE", help="Fix a key of the recipe.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="[tuning/MEMBER-tuned.toml under --runs]")
@tables
@common
def tune(settings: Settings, member: str, with_val: bool, sets: tuple[str, ...], **which: Any) -> None:
    """Search MEMBER's recipe (a name, or the path of a TOML) over its [tune] table, by the Dice of one fold.

    A search that was cut off is resumed; with more --trials it goes further. Writes a member if a trial is better than
    MEMBER as it is.
    """
    from cli.tables.tuning import print_tuned
    from zoo.members import load_members, parse_setting

    member = settings.one_member(member)
    if which["out"]:
        require_new_file(which["out"], force=True)
    changes = dict(map(parse_setting, sets))
    load_members(member, settings.members, changes)  # before torch is imported: a typo is answered at once

    from zoo.workflows.tune import tune

    which |= {"with_val": with_val, "sets": changes, "seed": settings.seed}
    document = tune(member, settings.scenes(), settings.runs, **which, **settings.how()).as_dict()
    show(settings, document, lambda console: print_tuned(console, document))
    given: dict[str, Any] = {"fold": "all", "with_val": with_val}
    if document["path"]:
        next_step(settings, Command("zoo train", document["path"], **given))
    else:
        next_step(settings, Command("zoo train", member, **given, set=sets))

"""`cli zoo show`."""

from pathlib import Path

import click

from cli.completing import complete_members
from cli.options import Settings, common, tables
from cli.output import next_step, show
from core.command import Command
from core.errors import UsageError
from core.files import require_new_file


@click.command("show")
@click.argument("member", metavar="MEMBER[@HASH]", shell_complete=complete_members)
@click.option(
    "--augmented", metavar="FILE.png", type=click.Path(path_type=Path), help="Draw each augmentation on a few scenes."
)
@click.option("--diff", is_flag=True, help="Only keys that differ from the member's base, or from the listed member.")
@tables
@common
def show_member(settings: Settings, member: str, augmented: Path | None, diff: bool) -> None:
    """Show every key of MEMBER's recipe, its origin (log or zoo), and the cost of training.

    M@HASH is the recipe that was trained, with its difference from the listed member. Of a member that was
    imported, its predictions are shown.
    """
    from cli.tables.member import print_member, print_predicted
    from pipeline.members import PredictedMember, describe_member

    if augmented:
        require_new_file(augmented, force=True)
    member = settings.one_member(member)
    found = describe_member(
        settings.runs, member, own_members=settings.members, device=settings.device, listener=settings.listener
    )
    if isinstance(found, PredictedMember):
        if augmented:
            raise UsageError(f"--augmented: the recipe of {found.ref} is not known")
        show(settings, found.as_dict(), lambda console: print_predicted(console, found))
        next_step(settings, Command("zoo errors", found.ref))
        return
    if augmented:
        from zoo.augment import draw_augmentations

        listener, scenes = settings.listener, settings.scenes() if settings.data else None
        draw_augmentations(found.recipe, augmented, scenes, seed=settings.seed, jobs=settings.jobs, listener=listener)
    show(settings, found.as_dict(), lambda console: print_member(console, found, diff))
    next_step(settings, Command("zoo predict", found.ref) if found.trained else Command("zoo train", member))

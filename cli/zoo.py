"""`cli zoo list` and `cli zoo show`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, show

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.members import Recipe


@click.command("list")
@common
def list_members(settings: Settings) -> None:
    """The members: what each is made of, what the log says of it."""
    from zoo.members import load_member, member_names

    rows = [_row(load_member(name, settings.members)) for name in member_names(settings.members)]
    show(settings, rows, lambda console: _print_list(console, rows))
    next_step(settings, "cli zoo show MEMBER")


@click.command("show")
@click.argument("member")
@click.option(
    "--augmented", metavar="FILE.png", type=click.Path(path_type=Path), help="Draw each augmentation on a few scenes."
)
@common
def show_member(settings: Settings, member: str, augmented: Path | None) -> None:
    """Every key of MEMBER's recipe, and whether the log gave it or the zoo chose it."""
    from zoo.members import load_member

    recipe = load_member(member, settings.members)
    if augmented:
        from cli.augmented import draw_augmented

        draw_augmented(settings, recipe, augmented)
    document = {"name": recipe.name, **recipe.resolved, "log": _log(recipe)}
    show(settings, document, lambda console: _print_recipe(console, recipe))
    next_step(settings, f"cli zoo train {member}")


def _row(recipe: Recipe) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "encoder": recipe.encoder,
        "decoder": recipe.decoder,
        "input": recipe.input,
        "frames": list(recipe.frames),
        "size": recipe.size,
        "loss": recipe.loss,
        "epochs": recipe.epochs,
        **_log(recipe),
    }


def _log(recipe: Recipe) -> dict[str, Any]:
    log = recipe.log
    return {"row": log.row, "logged_validation": log.validation, "logged_leaderboard": log.leaderboard}


def _print_list(console: Console, rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table()
    for name in ("member", "encoder", "input", "frames", "size", "loss", "epochs", "row", "logged val / LB"):
        table.add_column(name, no_wrap=name == "member")
    for row in rows:
        logged = [row["logged_validation"], row["logged_leaderboard"]]
        cells = [row["name"], row["encoder"], row["input"], ",".join(map(str, row["frames"])), row["size"]]
        cells += [
            row["loss"],
            row["epochs"],
            row["row"] or "-",
            " / ".join(str(v) if v else "-" for v in logged),
        ]
        table.add_row(*map(str, cells))
    console.print(table)


def _print_recipe(console: Console, recipe: Recipe) -> None:
    from rich.table import Table

    table = Table("key", "value", "from", title=recipe.name)
    for key, value in recipe.resolved.items():
        table.add_row(key, str(value), "the log" if key in recipe.log.gave else "the zoo")
    console.print(table)
    if recipe.log.row:
        console.print(f"row {recipe.log.row} of the log: {recipe.log.validation} / {recipe.log.leaderboard or '-'}")

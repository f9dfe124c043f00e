"""`cli zoo show`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, say, show

if TYPE_CHECKING:
    from rich.console import Console

    from zoo.members import Recipe
    from zoo.members.costs import Cost, Estimate


@click.command("show")
@click.argument("member")
@click.option(
    "--augmented", metavar="FILE.png", type=click.Path(path_type=Path), help="Draw each augmentation on a few scenes."
)
@common
def show_member(settings: Settings, member: str, augmented: Path | None) -> None:
    """Every key of MEMBER's recipe, whether the log gave it or the zoo chose it, and what training it takes."""
    from zoo.members import load_member

    recipe = load_member(member, settings.members)
    if augmented:
        from cli.augmented import draw_augmented

        draw_augmented(settings, recipe, augmented)
    cost, takes = _cost(settings, recipe)
    document = {
        "name": recipe.name,
        **recipe.resolved,
        "log": asdict(recipe.log),
        "cost": asdict(cost),
        "estimate": asdict(takes),
    }
    show(settings, document, lambda console: _print_recipe(console, recipe, cost, takes))
    next_step(settings, f"cli zoo train {member}")


def _cost(settings: Settings, recipe: Recipe) -> tuple[Cost, Estimate]:
    """From the table; counted where a network is the user's own."""
    from zoo.members.costs import cost_of, estimate

    cost, takes = cost_of(recipe), estimate(recipe)
    if cost is None or takes is None:
        say(settings, "this network is in no table; counting what it costs")
        from zoo.models.costs import count

        cost, takes = count(recipe), estimate(recipe, count)
    assert takes is not None
    return cost, takes


def _print_recipe(console: Console, recipe: Recipe, cost: Cost, takes: Estimate) -> None:
    from rich.table import Table

    table = Table("key", "value", "from", title=recipe.name, title_justify="left", box=None)
    for key, value in recipe.resolved.items():
        given = "the log" if key in recipe.log.gave else "the zoo"
        for line in _lines(value):
            table.add_row(key, line, given)
            key = given = ""
    console.print(table)
    for line in (_logged(recipe), _costs(recipe, cost), _takes(recipe, takes)):
        if line:
            console.print(line, soft_wrap=True)


def _lines(value: Any) -> list[str]:
    """A stage a line."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [", ".join(f"{key} = {entry}" for key, entry in stage.items()) for stage in value]
    return [str(value)]


def _logged(recipe: Recipe) -> str:
    log = recipe.log
    if log.row is None:
        return "no row of the log"
    scores = f"{log.validation or '-'} / {log.leaderboard or '-'}"
    stages = f", after each stage {', '.join(map(str, log.stages))}" if log.stages else ""
    return f"row {log.row} of the log: validation / leaderboard {scores}{stages}" + (
        f" ({log.note})" if log.note else ""
    )


def _costs(recipe: Recipe, cost: Cost) -> str:
    weights = f"{cost.parameters / 1e6:.1f} M weights, {cost.gmacs:.1f} GMACs a scene"
    return weights + (f"; ImageNet weights: {cost.licence}" if recipe.weights == "imagenet" else "")


def _takes(recipe: Recipe, takes: Estimate) -> str:
    return (
        f"about {takes.gpu_gb:.0f} GB and {takes.gpu_hours:g} h of a GPU like an A100 for one fold of the "
        "competition's records, within a factor of two, if files are read as fast"
    )

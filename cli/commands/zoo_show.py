"""`cli zoo show`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, say, show
from cli.tables.columns import EMPTY
from core.errors import UnknownName, UsageError
from zoo.runs import Ref

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from zoo.members import Recipe
    from zoo.members.costs import Cost, Estimate

A100_GB = 80


@click.command("show")
@click.argument("member", metavar="MEMBER[@HASH]")
@click.option(
    "--augmented", metavar="FILE.png", type=click.Path(path_type=Path), help="Draw each augmentation on a few scenes."
)
@common
def show_member(settings: Settings, member: str, augmented: Path | None) -> None:
    """Every key of MEMBER's recipe, whether the log gave it or the zoo chose it, and what training it takes.

    M@HASH is the recipe that was trained, with what differs from the listed member.
    """
    from cli.members import check_own, say_own_instead_of_shipped

    trained = _find_trained(settings, member)
    say_own_instead_of_shipped(settings, Ref.parse(member).member)
    recipe = trained.recipe if trained else _listed(settings, member)
    if not trained:
        check_own(recipe, settings.runs, settings.device)
    if augmented:
        from zoo.augment import draw_augmentations

        scenes = settings.scenes() if settings.data else None
        listener = settings.listener
        draw_augmentations(recipe, augmented, scenes, seed=settings.seed, jobs=settings.jobs, listener=listener)
    cost, takes = _cost(settings, recipe)
    document = {
        "name": recipe.name,
        **({"recipe": trained.hash, "changed": trained.changed} if trained else {}),
        **recipe.resolved,
        "log": asdict(recipe.log),
        "cost": asdict(cost),
        "estimate": asdict(takes),
    }
    show(settings, document, lambda console: _print_recipe(console, recipe, cost, takes, trained))
    next_step(settings, f"cli zoo predict {trained.name}" if trained else f"cli zoo train {member}")


@dataclass(frozen=True, kw_only=True)
class _TrainedRecipe:
    """A recipe as its runs wrote it down."""

    recipe: Recipe  # with what the log says of the listed member
    hash: str
    changed: dict[str, Any] | None  # from the listed member; None where no such member is listed

    @property
    def name(self) -> str:
        return str(Ref(self.recipe.name, self.hash))


def _find_trained(settings: Settings, asked: str) -> _TrainedRecipe | None:
    """The trained recipe that is asked for by its hash; None where a plain member is."""
    from zoo.members import load_member
    from zoo.runs.find import changed_keys, read_trained_recipe

    ref = Ref.parse(asked)
    if ref.recipe is None or asked.endswith(".toml"):
        return None
    recipe_hash, recipe = read_trained_recipe(settings.runs, ref)
    try:
        listed = load_member(ref.member, settings.members)
    except UnknownName:
        return _TrainedRecipe(recipe=recipe, hash=recipe_hash, changed=None)
    changed = changed_keys(recipe, listed)
    return _TrainedRecipe(
        recipe=replace(recipe, log=listed.log, given_by=listed.given_by), hash=recipe_hash, changed=changed
    )


def _listed(settings: Settings, member: str) -> Recipe:
    """The member as its file has it; where none does, its trained recipes are named."""
    from zoo.members import load_member
    from zoo.runs.find import trained_recipes

    try:
        return load_member(member, settings.members)
    except UnknownName as error:
        trained = list(trained_recipes(settings.runs, member))
        if not trained:
            raise
        names = Ref(member).listed(trained)
        raise UsageError(f'no member "{member}" is listed; name one of its trained recipes: {names}') from error


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


def _print_recipe(
    console: Console, recipe: Recipe, cost: Cost, takes: Estimate, trained: _TrainedRecipe | None
) -> None:
    from rich.table import Table

    title = trained.name if trained else recipe.name
    table = Table("key", "value", "from", box=None)
    given = {key: _given(recipe, key, trained) for key in recipe.resolved}
    for key, value, giver in _same_in_all_stages(recipe):
        table.add_row(key, _value(key, value), given[giver])
    console.print(title, markup=False, soft_wrap=True)
    console.print(table)
    if recipe.stages:
        lead = f"stages, from {given['stages']}; each goes on with the keys and best weights of the one before"
        console.print(lead, soft_wrap=True)
        console.print(_stages_table(recipe))
    for line in (_differs(trained), _logged(recipe), _costs(recipe, cost), _takes(takes)):
        if line:
            console.print(line, soft_wrap=True)


def _given(recipe: Recipe, key: str, trained: _TrainedRecipe | None) -> str:
    """Who chose the value of a key."""
    from zoo.members.files import SHIPPED

    own = recipe.resolved if trained and trained.changed is None else (trained and trained.changed) or {}
    if key in own or key in recipe.log.gave:
        return "its training" if key in own else "the log"
    file = recipe.given_by.get(key)
    return file.name if file and file.parent != SHIPPED else "the zoo"


def _same_in_all_stages(recipe: Recipe) -> Iterator[tuple[str, Any, str]]:
    """Key, value, and the key that gave it: `stages` where all of them change it alike."""
    from zoo.members.recipe import KEYS

    apart = {*recipe.changing_keys, *(["stages"] if recipe.stages else [])}
    trained_with = recipe.final.resolved
    for key, value in recipe.resolved.items():
        if key not in apart:
            alike = KEYS[key].fixed or trained_with[key] == value
            yield key, value if alike else trained_with[key], key if alike else "stages"


def _stages_table(recipe: Recipe) -> Table:
    """The first stage with all that others change, those behind it with what they change themselves."""
    from rich.table import Table

    apart, first = recipe.changing_keys, recipe.staged[0].resolved
    tables = [{key: first[key] for key in apart}, *map(dict, recipe.stages[1:])]
    table = Table("stage", "trains with", *(["logged Dice"] if recipe.log.stages else []), box=None)
    for number, keys in enumerate(tables):
        words = ", ".join(f"{key} = {_value(key, value)}" for key, value in keys.items() if key in apart)
        logged = dict(enumerate(recipe.log.stages)).get(number)
        scores = [EMPTY if logged is None else str(logged)] if recipe.log.stages else []
        table.add_row(str(number + 1), words or "the same again", *scores)
    return table


def _value(key: str, value: Any) -> str:
    """As `--set` takes it."""
    from zoo.members import setting_text

    return setting_text(key, value).partition("=")[2]


def _differs(trained: _TrainedRecipe | None) -> str:
    """In what a trained recipe differs from its member."""
    from cli.members import as_settings

    if trained is None:
        return ""
    name = trained.recipe.name
    if trained.changed is None:
        return f"no member {name} is listed to compare it with"
    words = as_settings(trained.changed)
    return f"differs from {name}: {words}" if words else f"trained as {name} is listed"


def _logged(recipe: Recipe) -> str:
    log = recipe.log
    if log.row is None:
        return "no row of the log"
    scores = [f"{board} {score}" for board, score in (("validation", log.validation), ("LB", log.leaderboard)) if score]
    apart = log.stages and len(log.stages) != len(recipe.stages)
    stages = f", after each stage {', '.join(map(str, log.stages))}" if apart else ""
    return f"row {log.row} of the log: {', '.join(scores) or 'no score'}{stages}" + (
        f" ({log.note})" if log.note else ""
    )


def _costs(recipe: Recipe, cost: Cost) -> str:
    weights = f"{cost.parameters / 1e6:.1f} M weights, {cost.gmacs:.1f} GMACs a scene"
    return weights + (f"; ImageNet weights: {cost.licence}" if recipe.weights == "imagenet" else "")


def _takes(takes: Estimate) -> str:
    hours = f"{takes.gpu_hours:g} h" if takes.gpu_hours else "minutes"
    much = (
        f"; more than its {A100_GB} GB: give a smaller batch and as many times more accumulate, or checkpointing=true"
    )
    return (
        f"about {takes.gpu_gb:.0f} GB and {hours} of a GPU like an A100 for one fold of the competition's records, "
        f"within a factor of two, if files are read as fast{much if takes.gpu_gb > A100_GB else ''}"
    )

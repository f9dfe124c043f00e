"""What is said of members: which files are at fault or stand for others, what a recipe changes."""

from collections.abc import Callable, Mapping
from typing import Any

from cli.options import Settings
from cli.output import say_left_out, say_note
from core.errors import UserError
from zoo.members import Recipe, load_member, member_names, setting_text
from zoo.members.files import SHIPPED, own_instead_of_shipped
from zoo.members.recipe import KEYS
from zoo.runs import Store


def check_own(recipe: Recipe, runs: Store, device: str) -> None:
    """What `cli zoo train` would refuse of a file of the user's own, as far as it needs no scenes.

    Torch is loaded only where a file of the user's own gives what it knows, or makes a network that is in no table.
    """
    from zoo.members.costs import cost_of

    if any(path and path.parent != SHIPPED for key, path in recipe.given_by.items() if KEYS[key].asks_torch):
        from zoo.training import check_recipe, pin_weights

        check_recipe(recipe, device)
        pin_weights(recipe, runs)
    for stage in recipe.staged:
        if cost_of(stage) is None:
            from zoo.models import sketch

            sketch(stage)


def readable_members(settings: Settings, check: Callable[[Recipe], None] = lambda recipe: None) -> list[Recipe]:
    """All members but those at fault, which a note names each; `check` raises for a fault of its own."""
    members = []
    for name in member_names(settings.members):
        try:
            recipe = load_member(name, settings.members)
            check(recipe)
            members.append(recipe)
        except UserError as error:
            say_left_out(settings, error)
    return members


def say_own_instead_of_shipped(settings: Settings, member: str | None = None) -> None:
    """Which files of the user's own stand for shipped members; that of one member, where it is named."""
    for path in own_instead_of_shipped(settings.members):
        if member in (None, path.stem):
            say_note(settings, f"{path} stands for the shipped {path.stem}")


def as_settings(changed: Mapping[str, Any]) -> str:
    """Keys and values as `--set` takes them, one after the other."""
    return " ".join(setting_text(key, value) for key, value in changed.items())

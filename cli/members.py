"""Checks and notes about members: files at fault, files that replace shipped ones, changes of a recipe."""

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
    """Raise the error that `cli zoo train` would raise for a file of the user's own, as far as it needs no scenes.

    Torch is loaded only if such a file gives a key that needs it, or makes a network that the table of costs lacks.
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
    """Name the files of the user's own that replace shipped members, or the one that replaces `member`."""
    for path in own_instead_of_shipped(settings.members):
        if member in (None, path.stem):
            say_note(settings, f"{path} stands for the shipped {path.stem}")


def as_settings(changed: Mapping[str, Any]) -> str:
    """Keys and values as `--set` takes them, one after the other."""
    return " ".join(setting_text(key, value) for key, value in changed.items())

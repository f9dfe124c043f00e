"""What is said of members: which files are at fault or stand for others, what a recipe changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cli.options import Settings
from cli.output import say_left_out, say_note
from core.errors import UserError
from zoo.members import Recipe, load_member, member_names, setting_text
from zoo.members.files import own_instead_of_shipped


def readable_members(settings: Settings) -> list[Recipe]:
    """All members but those at fault, which a note names each."""
    members = []
    for name in member_names(settings.members):
        try:
            members.append(load_member(name, settings.members))
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

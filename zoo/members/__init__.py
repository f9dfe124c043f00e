"""The members of the zoo: one TOML each, and the Recipe that it is parsed into and checked by.

A member is a value: its variants differ by a line. Stays outside: torch; what a name in a recipe stands for is
the business of the registry that holds it.
"""

from zoo.members.files import fault_of, is_path, load_member, load_members, member_names, read_recipe
from zoo.members.recipe import Recipe
from zoo.members.settings import merge_settings, parse_setting, setting_text, with_settings

__all__ = [
    "Recipe",
    "fault_of",
    "is_path",
    "load_member",
    "load_members",
    "member_names",
    "merge_settings",
    "parse_setting",
    "read_recipe",
    "setting_text",
    "with_settings",
]

"""The members of the zoo: one TOML each, and the Recipe that it is parsed into and checked by.

A member is a value: its variants differ by a line. Stays outside: torch; what a name in a recipe stands for is
the business of the registry that holds it.
"""

from zoo.members.files import fault_of, is_path, load_member, load_members, member_names, read_recipe
from zoo.members.recipe import Recipe
from zoo.members.registration import pin_label_offset, require_label_offset
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
    "pin_label_offset",
    "read_recipe",
    "require_label_offset",
    "setting_text",
    "with_settings",
]

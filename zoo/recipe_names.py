"""How a recipe is asked for: "MEMBER@HASH", or the beginning of its hash where no other begins so.

In: a member, what was typed, the hashes that there are. Out: the one that is meant. The same rule for runs and for
predictions. Stays outside: files.
"""

from collections.abc import Collection

from core.errors import UserError


def split_name(asked: str) -> tuple[str, str | None]:
    """MEMBER and what of its hash was typed; None where nothing was, not even the "@"."""
    member, at, recipe = asked.partition("@")
    return member, recipe if at else None


def meant_recipe(member: str, asked: str, known: Collection[str]) -> str | None:
    """The hash that is `asked`, or that alone begins so; None where none does. UserError where several do."""
    begun = sorted(recipe for recipe in known if recipe.startswith(asked))
    if asked in begun or not begun:
        return asked if begun else None
    if len(begun) > 1:
        raise UserError(f"{member}@{asked}: is the beginning of several recipes; there are: {_names(member, begun)}")
    return begun[0]


def no_recipe(member: str, asked: str, known: Collection[str], where: object) -> UserError:
    """That none of the known hashes begins as asked; `where` they lie."""
    there = f"there are: {_names(member, known)}" if known else "there is no run of it"
    return UserError(f"{member}@{asked}: was not trained in {where}; {there}")


def _names(member: str, recipes: Collection[str]) -> str:
    return ", ".join(f"{member}@{recipe}" for recipe in sorted(recipes))

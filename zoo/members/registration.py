"""Offset of the labels in a recipe: found in the sources that it trains on.

In: a Recipe, Scenes. Out: the Recipe with their offset, which then counts as a key of what is trained.
"""

from dataclasses import replace

from core.errors import UserError
from zoo.data import Scenes
from zoo.data.label_offset import FILE
from zoo.members.recipe import Recipe


def pin_label_offset(recipe: Recipe, scenes: Scenes) -> Recipe:
    """Recipe with the offset of these labels; as it is if it states one, or if the sources have several."""
    if "label_offset" in recipe.given_by or len(scenes.label_offsets) > 1:
        return recipe
    return replace(recipe, label_offset=scenes.label_offset)


def require_label_offset(recipe: Recipe, scenes: Scenes) -> None:
    """UserError if views are registered to another offset than these labels have, or if the sources have several."""
    if any(stage.registered for stage in recipe.staged) and recipe.label_offset != scenes.label_offset:
        raise UserError(
            f"{recipe.name}: label_offset = {recipe.label_offset:g}, and labels of {scenes.where} lie "
            f"{scenes.label_offset:g} px off; leave it out, or state the right one in their {FILE}"
        )

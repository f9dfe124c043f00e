"""Time reversal: the frames from last to first (place 6)."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.data import LABELLED
from zoo.members import Recipe


def _misfit(recipe: Recipe) -> str:
    numbers = recipe.frames
    mirrored = tuple(2 * LABELLED - number for number in reversed(numbers))
    if len(numbers) > 1 and mirrored == numbers:
        return ""
    return "needs several frames in order, as many before 5 as after it; give frames=[4,5,6] or [3,4,5,6,7]"


@AUGMENTATIONS.register("time_reversal", share=0.5, moves=False, misfit=_misfit)
def time_reversal(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Reverse the order of the frames; the labelled one, in the middle, stays."""
    return images.flip(1), labels

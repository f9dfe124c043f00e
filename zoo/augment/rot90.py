"""Quarter turns, without mirroring (places 1, 3 and 6)."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_in
from zoo.geometry import QUARTER_TURNS


@AUGMENTATIONS.register("rot90", share=1.0, moves=True)
def rot90(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Rotate each scene by 0, 90, 180 or 270 degrees."""
    return seen_in(QUARTER_TURNS, images, labels, offset, generator)

"""D4: flips, quarter turns and transposes, the square's whole group."""

from torch import Generator, Tensor

from zoo.augment import AUGMENTATIONS
from zoo.augment._steps import seen_in
from zoo.geometry import VIEWS


@AUGMENTATIONS.register("d4", share=1.0, moves=True)
def d4(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Turn each scene into one of the eight views of the square."""
    return seen_in(VIEWS["d4"], images, labels, offset, generator)

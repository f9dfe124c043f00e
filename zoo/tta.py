"""Test-time augmentation: sets of views (zoo.views) as ttach's composition and merging, over transforms of our own.

ttach's flips and scales take images (n, channels, H, W) alone: on a batch with frames they would flip rows for columns
and channels for rows, and its scaled maps come back at another size. Ours take any (..., H, W), keep the label's
offset (zoo.geometry), and give maps of 256 x 256.
"""

from collections.abc import Iterable, Sequence

from torch import Tensor
from ttach.base import Compose, DualTransform, Merger
from ttach.transforms import Multiply

from zoo.data import SIZE
from zoo.geometry import QUARTER_TURNS, View, resize
from zoo.views import ViewSet

ROTATIONS = dict(zip((0, 90, 180, 270), QUARTER_TURNS))
MULTIPLE = 32  # of pixels: sides that every network takes


class Turn(DualTransform):
    """Image seen in each of `views`; offset: pixels down and right at which the network predicts, in every view."""

    identity_param = View()

    def __init__(self, views: Sequence[View], offset: float) -> None:
        super().__init__("view", views)
        self.offset = offset

    def apply_aug_image(self, image: Tensor, view: View) -> Tensor:
        """Image (..., H, W) in the view."""
        return view.apply(image)

    def apply_deaug_mask(self, mask: Tensor, view: View) -> Tensor:
        """Map (..., H, W) predicted in the view, brought back to the label's grid."""
        return view.undo(mask, self.offset)


class Scale(DualTransform):
    """Image resized to each of the factors of `side`, rounded to a multiple of 32; maps return to 256 exactly."""

    identity_param = 1.0

    def __init__(self, factors: Sequence[float], side: int) -> None:
        super().__init__("factor", factors)
        self.side = side

    def apply_aug_image(self, image: Tensor, factor: float) -> Tensor:
        """Image (..., channels, 256, 256), at least four axes, at the scaled side."""
        return resize(image.flatten(0, -4), scaled_side(self.side, factor)).unflatten(0, image.shape[:-3])

    def apply_deaug_mask(self, mask: Tensor, factor: float) -> Tensor:
        """Map (n, 1, H, W) at 256."""
        return resize(mask, SIZE)


def compose(views: ViewSet, side: int, offset: float) -> Compose:
    """ttach's composition of the views, the steps' values combined with the last step's changing first.

    side: of the network's own input, pixels, which `scale` multiplies. offset: pixels down and right of the image at
    which the network predicts, in every view.
    """
    return Compose([_transform(name, values, side, offset) for name, values in views.steps])


def merged(views: ViewSet, maps: Iterable[Tensor]) -> Tensor:
    """ttach's merge of the probability maps of the views, float32.

    The geometric mean is taken in float64: in float32 the product of dozens of small probabilities is zero.
    """
    merger = Merger(views.merge, n=views.count)
    for probability in maps:
        merger.append(probability.double() if views.merge == "gmean" else probability)
    result: Tensor = merger.result.float()
    return result


def scaled_side(side: int, factor: float) -> int:
    """Side that a network of `side` pixels sees at this factor: the nearest multiple of 32."""
    return MULTIPLE * max(1, round(side * factor / MULTIPLE))


def scaled_sides(views: ViewSet, side: int) -> list[int]:
    """Sides at which a network of `side` pixels sees images in these views; none without a `scale` step."""
    return [scaled_side(side, factor) for factor in dict(views.steps).get("scale", ())]


def _transform(name: str, values: Sequence[float], side: int, offset: float) -> DualTransform:
    if name == "scale":
        return Scale(values, side)
    if name == "multiply":
        return Multiply(values)
    turns = [ROTATIONS[int(value)] for value in values] if name == "rot90" else [View(), View(**{name: True})]
    return Turn(turns, offset)

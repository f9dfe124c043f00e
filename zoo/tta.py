"""Test-time augmentation: sets of views (zoo.views) as ttach's composition and merging, over transforms of our own.

ttach's flips and scales take images (n, channels, H, W) alone: on a batch with frames they would flip rows for columns
and channels for rows, and its scaled maps come back at another size. Ours take any (..., H, W), keep the label's
offset (zoo.geometry), and give maps of 256 x 256.
"""

from collections.abc import Iterable, Sequence

from torch import Tensor
from ttach.base import Chain, Compose, DualTransform, Merger
from ttach.transforms import Multiply

from zoo.data import SIZE
from zoo.geometry import QUARTER_TURNS, View, align, resize
from zoo.views import STEPS, SingleView, Steps, ViewSet, product_views

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
    """Image resized to each of the factors of `side`, rounded to a multiple of 32; maps return to 256 exactly.

    A network predicts at `offset` of the pixels that it learned with: at a factor f, at offset / f of the label's.
    """

    identity_param = 1.0

    def __init__(self, factors: Sequence[float], side: int, offset: float) -> None:
        super().__init__("factor", factors)
        self.side, self.offset = side, offset

    def apply_aug_image(self, image: Tensor, factor: float) -> Tensor:
        """Image (..., channels, 256, 256), at least four axes, at the scaled side."""
        return resize(image.flatten(0, -4), scaled_side(self.side, factor)).unflatten(0, image.shape[:-3])

    def apply_deaug_mask(self, mask: Tensor, factor: float) -> Tensor:
        """Map (n, 1, H, W) at 256, moved to the offset of the plain view."""
        off = self.offset * (self.side / scaled_side(self.side, factor) - 1)
        return align(resize(mask, SIZE), SIZE, off)


def compose(views: ViewSet, side: int, offset: float) -> list[Chain]:
    """ttach's transforms of each view, in the order of `single_views`.

    side: of the network's own input, pixels, which `scale` multiplies. offset: pixels down and right of the image at
    which the network predicts, in every view.
    """
    found: dict[SingleView, Chain] = {}
    for steps in views.products:
        if views.scales and "scale" not in dict(steps):  # beside scaled images, plain ones come resized
            steps = tuple(sorted((*steps, ("scale", (1.0,))), key=lambda step: list(STEPS).index(step[0])))
        for view, chain in zip(product_views(steps), _chains(steps, side, offset)):
            found.setdefault(view, chain)
    return list(found.values())


def _chains(steps: Steps, side: int, offset: float) -> Compose:
    """ttach's composition of the steps, their values combined with the last step's changing first."""
    return Compose([_transform(name, values, side, offset) for name, values in steps])


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
    return [scaled_side(side, factor) for factor in views.scales]


def _transform(name: str, values: Sequence[float], side: int, offset: float) -> DualTransform:
    if name == "scale":
        return Scale(values, side, offset)
    if name == "multiply":
        return Multiply(values)
    turns = [ROTATIONS[int(value)] for value in values] if name == "rot90" else [View(), View(**{name: True})]
    return Turn(turns, offset)

"""Head of the decoders, and the adapter of smp's decoders to our pyramids."""

from torch import Tensor, nn

from zoo.geometry import resize
from zoo.models.decoders import Plan

RARE = -4.6  # logit of 1 %


def logit_head(inside: int, heads: int) -> nn.Conv2d:
    """Convolution to a logit for each pixel and head."""
    # Contrails are rare: the first guess is 1 %, not a half, so the first steps are not spent on that.
    head = nn.Conv2d(inside, heads, kernel_size=1)
    nn.init.constant_(head.bias, RARE)  # type: ignore
    return head


class Smp(nn.Module):
    """A decoder of segmentation-models-pytorch, its logits resized to the input's side.

    Its own heads enlarge with align_corners=True, which moves pixel centres; ours does not.
    """

    def __init__(self, decoder: nn.Module, inside: int, plan: Plan) -> None:
        super().__init__()
        from segmentation_models_pytorch.base.initialization import initialize_decoder

        initialize_decoder(decoder)
        self.decoder = decoder
        self.head = logit_head(inside, plan.heads)
        self.strides = plan.strides

    def forward(self, features: list[Tensor]) -> Tensor:
        side = features[0].shape[-1] * self.strides[0]
        # smp expects a level at strides 1 and 2 too; there it is empty.
        sides = [side // stride for stride in _above(self.strides)]
        above = [features[0].new_empty((features[0].shape[0], 0, each, each)) for each in sides]
        return resize(self.head(self.decoder([*above, *features])), side)


def smp_channels(plan: Plan) -> list[int]:
    """Channels of the pyramid as smp counts them: from stride 1 on, 0 at strides without features."""
    return [0] * len(_above(plan.strides)) + plan.channels


def _above(strides: list[int]) -> list[int]:
    return [stride for stride in (1, 2) if stride < strides[0]]

"""LSTM (place 2's best): at strides 16 and 32, one over the frames at each position, read at the labelled one.

The labelled frame comes last, so that what it gives has seen all others; for frames up to the labelled one that is
their order in time.
"""

from torch import Tensor, nn

from zoo.models.time_mixing import TIME_MIXING, Frames, TimeMixing
from zoo.models.time_mixing._coarse import Coarse


class Recurrent(nn.Module):
    """LSTM of one layer, as wide as the features."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        n, _, _, h, w = x.shape
        steps = x.permute(0, 3, 4, 1, 2).flatten(0, 2)  # (n * h * w, frames, c)
        last = self.lstm(steps)[0][:, -1]
        return last.unflatten(0, (n, h, w)).permute(0, 3, 1, 2).contiguous()


@TIME_MIXING.register("lstm", least=2)
def lstm(frames: Frames) -> TimeMixing:
    """Make an LSTM for each coarse level."""
    return Coarse(frames, Recurrent)

"""Label head: logits on the image's grid -> logits of the labels, which may lie off what they mark (place 1).

A strided convolution, 1 + 2 m pixels wide, with as many hidden channels as it sees pixels, and a 1 x 1 convolution: for
logits at m = 2 times the labels' 256 pixels 5 x 5 and 25, 676 weights; at m = 1, 3 x 3 and 9. It learns whatever shift
the labels have, half pixels included, and how they are resampled.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LabelHead(nn.Module):
    """Convolution of each map on its own, all by the same weights.

    It starts as the mean of the pixels that a label pixel covers, without any shift. multiple: m, side of the logits in
    sides of the labels.
    """

    def __init__(self, multiple: int) -> None:
        super().__init__()
        kernel = 2 * multiple + 1
        self.hidden = nn.Conv2d(1, kernel**2, kernel, multiple, padding=multiple, padding_mode="replicate")
        self.logit = nn.Conv2d(kernel**2, 1, kernel_size=1)
        covered = slice(multiple, 2 * multiple)
        with torch.no_grad():
            # max(x, 0) - max(-x, 0) = x: two channels pass the mean through, the others wait with random filters.
            for channel, sign in enumerate((1.0, -1.0)):
                self.hidden.weight[channel] = 0
                self.hidden.weight[channel, 0, covered, covered] = sign / multiple**2
                self.hidden.bias[channel] = 0  # type: ignore
            self.logit.weight.zero_()
            self.logit.weight[0, :2, 0, 0] = torch.tensor([1.0, -1.0])
            nn.init.zeros_(self.logit.bias)  # type: ignore

    def forward(self, logits: Tensor) -> Tensor:
        """Logits (n, heads, m * side, m * side) -> (n, heads, side, side)."""
        maps: Tensor = self.logit(F.relu(self.hidden(logits.flatten(0, 1)[:, None])))
        return maps.unflatten(0, logits.shape[:2])[:, :, 0]

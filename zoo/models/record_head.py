"""Record head: whether an image has any contrail. It is taught beside the map and gates it.

Place 6 trained a classifier of its own and kept a record whose score was above a threshold of its own; here it shares
the encoder, and the map is multiplied by its probability, so that a prediction set holds all that a threshold needs.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST = 1e-6  # of 1 - p: the logit of a probability that float32 rounds to 1 is finite


class RecordHead(nn.Module):
    """A logit for each position of the coarsest features; the highest one is the image's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.logit = nn.Conv2d(channels, 1, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (n, channels, h, w) -> logits (n,)."""
        logits: Tensor = self.logit(features).flatten(1).amax(dim=1)
        return logits


def gate(logits: Tensor, record: Tensor) -> Tensor:
    """Logits (n, 1, H, W) of the product of each map's probability and its record's, of logits (n,)."""
    both = F.logsigmoid(logits) + F.logsigmoid(record)[:, None, None, None]
    return both - torch.log(-torch.expm1(both.clamp(max=-LEAST)))

"""The whole network of a recipe, from channels to logits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from core.errors import UsageError
from zoo.data import SIZE
from zoo.inputs import INPUTS
from zoo.members import Recipe
from zoo.models.decoders import DECODERS, make_decoder
from zoo.models.encoders import channels_behind, check_sides, holds_stride, make_encoder, normalisation, pyramid
from zoo.registration import resize


class Segmenter(nn.Module):
    """Shared encoder over the frames, features of the frames concatenated per level, decoder."""

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, weights: str) -> None:
        super().__init__()
        facts = INPUTS.entry(recipe.input).facts
        channels = facts["channels"]
        self.size = recipe.size
        stride = DECODERS.entry(recipe.decoder).facts.get("output_stride")
        check_sides(recipe.encoder, recipe.size, {recipe.size, recipe.seen})
        if stride and not holds_stride(recipe.encoder, recipe.size, stride):
            raise UsageError(
                f"{recipe.name}: decoder {recipe.decoder} needs features that end at stride {stride}, and encoder "
                f"{recipe.encoder} cannot be held there; choose another of them (unet takes any pyramid)"
            )
        self.encoder = make_encoder(recipe.encoder, weights, channels, recipe.size, stride)
        mean, std = normalisation(recipe.encoder)
        if facts["scaled"] == "mean_std":  # standardised already
            mean, std = torch.zeros(channels), torch.ones(channels)
        elif channels != len(mean):
            mean, std = mean.mean().expand(channels), std.mean().expand(channels)
        self.register_buffer("mean", mean.clone().view(-1, 1, 1))
        self.register_buffer("std", std.clone().view(-1, 1, 1))
        widths, self.strides = pyramid(self.encoder)
        self.channels_behind = channels_behind(self.encoder)
        widths = [width * len(recipe.frames) for width in widths]
        self.decoder = make_decoder(recipe, widths, self.strides)

    def forward(self, images: Tensor) -> Tensor:
        """images: (n, frames, channels, 256, 256) on the input's scale; logits (n, 1, size, size).

        While it learns there are as many logits as the target has heads; the first one predicts.
        A crop (side c instead of 256) is seen at the same scale: logits of side c * size / 256.
        """
        n, frames = images.shape[:2]
        flat = resize(images.flatten(0, 1), images.shape[-1] * self.size // SIZE)
        features = self.encoder((flat - self.mean) / self.std)
        if self.channels_behind:
            features = [f.permute(0, 3, 1, 2).contiguous() for f in features]
        joined = [f.reshape(n, frames * f.shape[1], *f.shape[2:]) if frames > 1 else f for f in features]
        logits: Tensor = self.decoder(joined)
        return logits if self.training else logits[:, :1]


def build(recipe: Recipe, weights: str | None = None) -> Segmenter:
    """The network of `recipe`; `weights` overrides its key (none: for a checkpoint that brings them all)."""
    return Segmenter(recipe, recipe.weights if weights is None else weights)

"""Segmenter: the whole network of a recipe, from images to logits."""

import torch
from torch import Tensor, nn

from core.errors import UsageError
from zoo.data import SIZE
from zoo.geometry import resize
from zoo.inputs import INPUTS, InputFacts, mean_std
from zoo.members import Recipe, fault_of
from zoo.members.recipe import keys_of
from zoo.models.decoders import DECODERS, make_decoder
from zoo.models.encoders import (
    check_encoder,
    check_sides,
    make_encoder,
    normalisation,
    pyramid,
    refine_stem,
    supports_stride,
)
from zoo.models.label_head import LabelHead
from zoo.models.record_head import RecordHead, gate
from zoo.models.time_mixing import TIME_MIXING, make_time_mixing


class Segmenter(nn.Module):
    """Encoder that all frames share, time mixing of their features, decoder."""

    mean: Tensor
    std: Tensor

    def __init__(self, recipe: Recipe, weights: str) -> None:
        super().__init__()
        facts = INPUTS.facts(recipe.input)
        channels = facts.channels
        self.size, self.enlarge = recipe.size, recipe.enlarge
        self.encoder = _make_encoder(recipe, weights, facts)
        mean, std = normalisation(recipe.encoder)
        if facts.scaled is mean_std:  # standardised already
            mean, std = torch.zeros(channels), torch.ones(channels)
        elif facts.colour:  # any further channels are 0.5 where they say nothing
            more = channels - len(mean)
            mean, std = torch.cat([mean, torch.full((more,), 0.5)]), torch.cat([std, std.mean().expand(more)])
        elif channels != len(mean):
            mean, std = mean.mean().expand(channels), std.mean().expand(channels)
        self.register_buffer("mean", mean.clone().view(-1, 1, 1))
        self.register_buffer("std", std.clone().view(-1, 1, 1))
        widths, strides = pyramid(self.encoder)
        self.nhwc = getattr(self.encoder, "output_fmt", None) == "NHWC"  # of Swin and MambaOut
        self.time = make_time_mixing(recipe, widths, strides)
        self.decoder = make_decoder(recipe, self.time.channels, strides)
        self.record_head = RecordHead(self.time.channels[-1]) if recipe.record_head else None
        self.label_head = _make_label_head(recipe, self.decoder) if recipe.label_head else None

    def forward(self, images: Tensor, side: int | None = None) -> Tensor:
        """Logits (n, 1, side, side) of images (n, frames, channels, 256, 256) on the input's scale.

        In training there are as many logits as the target has heads, and as many again for each level of
        `deep_supervision`; the first one predicts. With a `label_head`, these lie on the image's grid, and what
        predicts is its output, that of the labels. With a `record_head`, a last channel repeats the record's logit in
        every pixel; what predicts is multiplied by its probability.
        side: at which the network sees the images; by default the recipe's `size`, and for a crop (side c instead of
        256) the same scale, c * size / 256.
        """
        side = side or images.shape[-1] * self.size // SIZE
        frames = resize(images.flatten(0, 1), side, self.enlarge).unflatten(0, images.shape[:2])
        features = self.encoder(self.time.arrange((frames - self.mean) / self.std))
        if self.nhwc:
            features = [f.permute(0, 3, 1, 2).contiguous() for f in features]
        mixed = self.time(features)
        logits: Tensor = self.decoder(mixed)
        record = self.record_head(mixed[-1]) if self.record_head else None
        if self.training:
            if record is None:
                return logits
            return torch.cat([logits, record[:, None, None, None].expand_as(logits[:, :1])], dim=1)
        logits = self.label_head(logits[:, :1]) if self.label_head else logits[:, :1]
        return logits if record is None else gate(logits.float(), record.float())


def build(recipe: Recipe, weights: str | None = None) -> Segmenter:
    """Build the network of a recipe; `weights` overrides its key ("none" if a checkpoint brings them all).

    UsageError if its parts do not fit together; UserError, with the path, if a member file says so.
    """
    with fault_of(recipe, "encoder"):
        check_encoder(recipe.encoder)
    with fault_of(recipe, *keys_of("network", "reading"), "crop", "batch", "drop_path"):
        return Segmenter(recipe, recipe.weights if weights is None else weights)


def sketch(recipe: Recipe) -> Segmenter:
    """Build the network on the meta device, without memory, to check that its parts fit and to count its weights."""
    with torch.device("meta"):
        return build(recipe, "none").eval()


def _make_label_head(recipe: Recipe, decoder: nn.Module) -> LabelHead:
    """Label head for the decoder's logits; UsageError if these have no multiple of the labels' pixels."""
    side = recipe.size // getattr(decoder, "stride", 1)
    if side % SIZE:
        raise UsageError(
            f"{recipe.name}: label_head needs logits at a multiple of {SIZE} pixels, these have {side}; "
            f"give size {SIZE}, {2 * SIZE} or {4 * SIZE}, or label_head = false"
        )
    return LabelHead(side // SIZE)


def _make_encoder(recipe: Recipe, weights: str, facts: InputFacts) -> nn.Module:
    """Encoder of a recipe; UsageError if it cannot take the sides of its images or hold the decoder's stride."""
    sides = TIME_MIXING.facts(recipe.time_term.name).side
    side = sides * recipe.size
    check_sides(recipe.encoder, side, {side, sides * recipe.seen})
    decoder = recipe.decoder_term.name
    finer = recipe.stem_stride == 1
    stride = DECODERS.facts(decoder).output_stride
    if stride and not supports_stride(recipe.encoder, side, stride):
        raise UsageError(
            f"{recipe.name}: decoder {decoder} needs features that end at stride {stride}, and encoder "
            f"{recipe.encoder} cannot hold it; choose another of the two (unet takes any pyramid)"
        )
    if stride and finer:
        raise UsageError(f"{recipe.name}: decoder {decoder} limits the encoder's stride; give stem_stride = 2")
    encoder = make_encoder(recipe.encoder, weights, facts.channels, side, stride, recipe.drop_path, facts.colour)
    if finer:
        refine_stem(recipe.encoder, encoder)
    return encoder

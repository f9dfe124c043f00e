"""Decoders: from an encoder's pyramid to logits. One file each, named after it.

A decoder takes features finest first, (n, channels[i], H / strides[i], W / strides[i]), and gives logits
(n, heads, H, W) at the size of the network's input, or at its `stride`: the U-Nets end early where `decoder_channels`
does, `unet_fpn` at 2. In training,
those with `deep` add the enlarged logits of `plan.coarser` levels: (n, heads * (1 + coarser), H, W), finest first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from core.errors import UsageError
from core.registry import Registry
from zoo.members.options import options_of

if TYPE_CHECKING:
    from zoo.members import Recipe


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Shapes that a decoder is built for."""

    channels: list[int]  # of the pyramid's levels, finest first
    strides: list[int]
    widths: tuple[int, ...]  # of its own levels, coarsest first
    heads: int = 1
    coarser: int = 0  # levels below the finest that have logits of their own in training
    form: int = 2  # the log's, of its own U-Net alone


@dataclass(frozen=True, kw_only=True)
class DecoderFacts:
    """Facts of a decoder."""

    widths: tuple[int, ...]  # its own `decoder_channels`
    early: bool = False  # takes fewer of them, and ends early
    deep: bool = False  # a level for each width, whose logits may be taught: deep supervision
    needs: tuple[int, ...] = ()  # last strides of a pyramid that fits; empty: any
    output_stride: int | None = None  # the stride that the encoder is asked to end at
    least: int = 0  # the smallest side of its images, pixels
    pools: bool = False  # normalises over single pixels: refuses a batch of one image


DECODERS: Registry[Callable[..., nn.Module], DecoderFacts] = Registry("decoder", DecoderFacts, package=__name__)


def make_decoder(recipe: Recipe, channels: list[int], strides: list[int]) -> nn.Module:
    """Decoder of a recipe for a pyramid; UsageError if the two, its widths or its options do not fit."""
    term = recipe.decoder_term
    entry = DECODERS.entry(term.name)
    _check(recipe, entry.facts, strides)
    plan = Plan(
        channels=channels,
        strides=strides,
        widths=recipe.decoder_channels or entry.facts.widths,
        heads=recipe.heads,
        coarser=len(recipe.deep_supervision),
        form=recipe.decoder_form,
    )
    try:
        return entry.make(plan, **options_of(term, entry.make, recipe.name))
    except ValueError as error:  # a library's own refusal of a width
        raise UsageError(f"{recipe.name}: decoder {term.name} refuses its channels ({error})") from error


def _check(recipe: Recipe, facts: DecoderFacts, strides: list[int]) -> None:
    def refuse(reason: str) -> None:
        raise UsageError(f"{recipe.name}: decoder {recipe.decoder_term.name} {reason}")

    needs = facts.needs
    if needs and tuple(strides[-len(needs) :]) != needs:
        refuse(
            f"needs features at strides {_listed(needs)}, encoder {recipe.encoder} gives {_listed(strides)}; "
            "choose another of them (unet takes any pyramid)"
        )
    given, own = recipe.decoder_channels, facts.widths
    if given and len(given) != len(own) and not (facts.early and len(given) < len(own)):
        refuse(f"takes {len(own)} decoder_channels, its own are {list(own)}; {len(given)} are given")
    if recipe.deep_supervision and not facts.deep:
        deep = [name for name in DECODERS.names() if DECODERS.facts(name).deep]
        refuse(f"has no deep supervision; give deep_supervision = [], or a decoder that has it: {', '.join(deep)}")
    # A level doubles the side; a U-Net whose widths end early has so many fewer.
    coarser = strides[-1].bit_length() - 1 - len(own) + len(given or own) - 1
    if len(recipe.deep_supervision) > coarser:
        refuse(f"has {coarser} levels below its finest; deep_supervision has {len(recipe.deep_supervision)} weights")
    if recipe.seen < facts.least:
        refuse(f"needs images of {facts.least} pixels, it would see {recipe.seen}; give a larger size or crop")
    if facts.pools and recipe.batch < 2:
        refuse("cannot be trained on one image at a time; give batch 2 or more")


def _listed(numbers: tuple[int, ...] | list[int]) -> str:
    return ", ".join(map(str, numbers))

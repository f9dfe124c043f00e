"""Decoders: from an encoder's pyramid to logits. One file each, one registry line.

A decoder takes features finest first, (n, channels[i], H / strides[i], W / strides[i]), and gives logits
(n, heads, H, W) at the size of the network's input.
"""

from collections.abc import Callable

from torch import nn

from core.registry import Registry

# make(channels, strides, form, heads) -> module
DECODERS: Registry[Callable[[list[int], list[int], int, int], nn.Module]] = Registry("decoder")

from zoo.models.decoders import unet  # noqa: E402,F401  registers itself

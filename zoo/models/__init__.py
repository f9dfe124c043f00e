"""Networks: a timm encoder, time mixing, a decoder, assembled by one function from a Recipe.

In: images, float32 (n, frames, channels, 256, 256). Out: logits (n, 1, size, size). Stays outside: losses, loops, files
other than an encoder's weights.
"""

from zoo.models.segmenter import Segmenter, build, sketch

__all__ = ["Segmenter", "build", "sketch"]

"""Contrast and brightness, in units of a channel's own spread: inputs come on many scales."""

from torch import Tensor

WHOLE = (1, 3, 4)  # frames, rows, columns: one level for all frames of a scene


def with_levels(images: Tensor, contrast: Tensor, brightness: Tensor) -> Tensor:
    """x -> (x - mean) * contrast + mean + brightness * std, of each channel over all frames of its scene.

    contrast, brightness: (n, 1, 1 or channels, 1, 1).
    """
    mean, std = images.mean(dim=WHOLE, keepdim=True), images.std(dim=WHOLE, keepdim=True)
    return (images - mean) * contrast + mean + brightness * std

"""Affine augmentation: images and labels through the same matrices, each with its own offset."""

from torch import Tensor

from zoo.geometry import warp


def seen_through(matrices: Tensor, images: Tensor, labels: Tensor, offset: float) -> tuple[Tensor, Tensor]:
    """All frames of a scene through its matrix, (n, 2, 3); labels become soft along their edges."""
    flat = warp(images.flatten(1, 2), matrices)
    return flat.unflatten(1, images.shape[1:3]), warp(labels, matrices, offset)

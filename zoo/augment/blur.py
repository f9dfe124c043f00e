"""Blur: a scene out of focus."""

import torch
from torch import Generator, Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from zoo.augment import AUGMENTATIONS

SIGMA = (0.3, 1.2)  # pixels; a contrail is 2 to 4 wide
KERNEL = 7


@AUGMENTATIONS.register("blur", share=0.25, moves=False)
def blur(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Apply a Gaussian blur of 0.3 to 1.2 pixels."""
    sigmas = (SIGMA[0] + (SIGMA[1] - SIGMA[0]) * torch.rand(len(images), generator=generator)).tolist()
    return torch.stack([gaussian_blur(scene, KERNEL, sigma) for scene, sigma in zip(images, sigmas)]), labels

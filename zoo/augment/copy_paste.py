"""Copy-paste: the contrails of another scene, as the optical depth that they add.

A thin cloud of optical depth d in a channel changes its brightness temperature T by -d (T - CLOUD), to first order in
d, where CLOUD is the temperature of the cloud. So a contrail is not copied as pixels: its difference from the local
background is brought over in proportion to the contrast of the background with the cloud, on which it then lies. Over
a warm surface it is strong, over a high cold cloud it vanishes. All channels of the ash image are linear in brightness
temperatures of nearly the same contrast, so one factor fits all three.
"""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from zoo.augment import AUGMENTATIONS
from zoo.data.ash import CLOUD_TEMPERATURE
from zoo.members import Recipe

ASH_INPUTS = ("fc", "fc_unclipped")
SPLIT_WINDOW, T14 = 0, 2  # channels of the ash image: T15 - T14, T14
CLOUD = 223.0  # kelvin, a contrail at 11 km: below every background that shows one
CONTRAST = 5.0  # kelvin, the least that a background has
REACH = 15  # pixels, side of the square whose unlabelled pixels are a pixel's background


def _misfit(recipe: Recipe) -> str:
    if recipe.input not in ASH_INPUTS:
        return f"adds optical depth in the ash image, and the input is {recipe.input}; give input={ASH_INPUTS[0]}"
    if len(recipe.frames) > 1:
        return "knows where contrails lie in the labelled frame alone; give frames=[5]"
    return ""


@AUGMENTATIONS.register("copy_paste", share=0.5, moves=True, misfit=_misfit)
def copy_paste(images: Tensor, labels: Tensor, offset: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Add the contrails of another scene of the batch that has some, where they lie there, and their labels."""
    if len(images) == 1:
        return images.clone(), labels.clone()
    marked = (labels[:, :1] > 0).float()
    source = _with_contrails(marked, generator)
    # One pixel more on each side: a label is half a pixel off, and a contrail fades out.
    contrail = F.max_pool2d(marked, kernel_size=3, stride=1, padding=1)[:, None]
    ground, known = _background(images, contrail)
    low, high = CLOUD_TEMPERATURE
    contrast, under = ((low + (high - low) * x[:, :, T14 : T14 + 1] - CLOUD).clamp(CONTRAST) for x in (ground, images))
    depth = (images - ground) / contrast * contrail * known  # in units of the channel for each kelvin of contrast
    # Ice lowers T14, and T15 more: what does the contrary is texture of the background.
    depth = depth * (depth[:, :, SPLIT_WINDOW : SPLIT_WINDOW + 1] < 0) * (depth[:, :, T14 : T14 + 1] <= 0)
    seen = images + depth[source] * under
    # A clipped image stays in its bounds.
    bounds = images.amin().clamp(max=0), images.amax().clamp(min=1)
    theirs = labels[source]
    stronger = (theirs[:, :1] > labels[:, :1]) & (contrail * known)[source, 0].bool()
    return torch.minimum(torch.maximum(seen, bounds[0]), bounds[1]), torch.where(stronger, theirs, labels)


def _with_contrails(marked: Tensor, generator: Generator) -> Tensor:
    """Draw for each scene another one that has contrails, (n,) int64; any one where no other has."""
    n = len(marked)
    rank = torch.rand(n, n, generator=generator).to(marked.device)
    rank = rank + marked.flatten(1).amax(dim=1)[None]
    return rank.fill_diagonal_(-1).argmax(dim=1)


def _background(images: Tensor, contrail: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of the pixels around each that no contrail covers, and where there are any, 0 or 1."""
    n, frames = images.shape[:2]
    free = (1 - contrail).expand(-1, frames, -1, -1, -1).flatten(0, 1)

    def mean(maps: Tensor) -> Tensor:
        return F.avg_pool2d(maps, REACH, stride=1, padding=REACH // 2)

    share = mean(free)
    ground = mean(images.flatten(0, 1) * free) / share.clamp(min=1e-6)
    return ground.unflatten(0, (n, frames)), (share > 1 / REACH**2 / 2).float().unflatten(0, (n, frames))

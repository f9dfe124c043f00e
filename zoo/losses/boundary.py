"""Boundary loss: how far from the target's border the prediction lies on the wrong side."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from zoo.losses import LOSSES


@LOSSES.register("boundary", pixelwise=False, alone=False)
def boundary(logits: Tensor, target: Tensor) -> Tensor:
    """Mean over the pixels of the probability times the signed distance to the border (Kervadec, arXiv 1812.07032).

    Distances are in pixels, negative inside, so that a false contrail costs the more the farther it lies from any. A
    soft target counts as the set of what lies above a half. Maps without a contrail have no border and add nothing.
    """
    sets = (target > 0.5).flatten(0, 1).cpu().numpy()
    distances = torch.from_numpy(np.stack([signed_distance(mask) for mask in sets])).to(logits.device)
    return (logits.sigmoid() * distances.view_as(logits)).mean()


def signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each pixel's centre to the border of a mask, half a pixel beside it; negative inside, float32 (H, W).

    Zeros for a mask that has no border: of sky or of contrail alone.
    """
    if not mask.any() or mask.all():
        return np.zeros(mask.shape, np.float32)
    outside, inside = distance_transform_edt(~mask), distance_transform_edt(mask)
    return np.where(mask, 0.5 - inside, outside - 0.5).astype(np.float32)

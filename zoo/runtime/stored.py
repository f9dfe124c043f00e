"""Batches as packed records keep them, made into images where they are needed: on the device, after the crop."""

from torch import Tensor

from zoo.data.shards import COLOURS


def as_images(batch: Tensor) -> Tensor:
    """Images, float32, of a batch that may still be stored ash colours, uint8; the same bits as of `read_image`."""
    if batch.is_floating_point():
        return batch
    images = batch / COLOURS
    return images.copy_(images.half())

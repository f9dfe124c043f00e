"""Images and labels change together."""

import pytest
import torch

from zoo.augment import augment, crop, jitter
from zoo.registration import VIEWS


def seeded():
    return torch.Generator().manual_seed(1)


@pytest.mark.parametrize("kind", VIEWS)
def test_a_label_drawn_on_the_image_stays_on_it(kind):
    images = torch.rand(6, 2, 3, 32, 32, generator=seeded())
    labels = (images[:, :1, 0] > 0.9).float()
    seen, marked = augment(images, labels, kind, False, seeded())
    assert torch.equal((seen[:, :1, 0] > 0.9).float(), marked)


def test_every_frame_of_a_scene_sees_the_same_view():
    frame = torch.rand(8, 1, 3, 16, 16, generator=seeded())
    seen, _ = augment(frame.expand(-1, 3, -1, -1, -1), torch.zeros(8, 1, 16, 16), "d4", True, seeded())
    assert torch.equal(seen[:, 0], seen[:, 2])


def test_a_crop_shows_the_same_place_of_image_and_label():
    images = torch.rand(8, 1, 3, 256, 256, generator=seeded())
    labels = (images[:, :1, 0] > 0.999).float()
    seen, marked = crop(images, labels, 64, 0.5, seeded())
    assert seen.shape == (8, 1, 3, 64, 64)
    assert torch.equal((seen[:, :1, 0] > 0.999).float(), marked)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (255, 255), (0, 255), (100, 31)])
def test_a_crop_on_contrails_holds_one_wherever_it_lies(row, column):
    labels = torch.zeros(40, 1, 256, 256)
    labels[..., row, column] = 1
    _, marked = crop(torch.zeros(40, 1, 3, 256, 256), labels, 64, 1.0, seeded())
    assert (marked.sum(dim=(1, 2, 3)) == 1).all()


def test_no_crop_leaves_whole_scenes():
    images, labels = torch.rand(2, 1, 3, 256, 256), torch.zeros(2, 1, 256, 256)
    assert crop(images, labels, 0, 0.5, seeded())[0] is images


def test_jitter_changes_contrast_and_brightness_and_nothing_else():
    """Every channel is a linear function of what it was, the same in all frames of a scene."""
    images = torch.rand(4, 2, 3, 16, 16, generator=seeded())
    seen = jitter(images, 0.3, seeded())
    spread = (seen.std(dim=(-1, -2)) / images.std(dim=(-1, -2))).amax(dim=1)
    assert ((spread >= 0.7) & (spread <= 1.3)).all()
    assert len(spread.flatten().unique()) == 12
    for scene in range(4):
        for channel in range(3):
            pair = torch.stack([images[scene, 0, channel].flatten(), seen[scene, 0, channel].flatten()])
            assert torch.corrcoef(pair)[0, 1] > 0.99999
    assert jitter(images, 0.0, seeded()) is images

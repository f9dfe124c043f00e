"""Test-time views: the maps of the formula to the bit, or of plain ttach where there is no offset; undos that fit."""

from itertools import product

import numpy as np
import pytest
import torch
import ttach
from hypothesis import given, settings
from hypothesis import strategies as st
from ttach.base import Merger

from core.errors import UsageError
from tests.zoo.training.cases import TINY
from zoo.data.label_offset import LABEL_OFFSET
from zoo.geometry import QUARTER_TURNS, VIEWS, View, align, resize
from zoo.inference import probabilities
from zoo.members import with_settings
from zoo.models import build
from zoo.training import check_views
from zoo.tta import Scale, compose, merged, scaled_sides
from zoo.views import MERGES, parse_views

TURNS = [
    *("none", "hflip", "vflip", "transpose", "rot90", "rot90(90)", "flips", "d4", "hflip+rot90", "transpose+rot90"),
    "hflip,rot90(90,270)",
]


def images(n, frames=1, seed=0):
    return torch.rand(n, frames, 3, 256, 256, generator=torch.Generator().manual_seed(seed))


def network(**keys):
    """Untrained, but sure of itself: maps that are all alike would prove nothing."""
    torch.manual_seed(0)
    made = build(with_settings(TINY, keys)).eval()
    with torch.no_grad():
        made.decoder.head.bias.zero_()
        made.decoder.head.weight.mul_(50)
    return made


def by_formula(network, images, views, offset):
    """Mean of the views' probabilities, as the first release's loop took it."""
    total = torch.zeros(len(images), 1, 256, 256)
    for view in views:
        seen = resize(network(view.apply(images)).float(), 256).sigmoid()
        total += view.undo(seen, offset)
    return (total / len(views))[:, 0].numpy()


@torch.inference_mode()
@pytest.mark.parametrize("offset", [LABEL_OFFSET, 0.0, -1.0])
@pytest.mark.parametrize("tta", VIEWS)
def test_named_sets_give_the_maps_of_the_formula_to_the_bit(tta, offset):
    made, batch = network(size=64, frames=[4, 5]), images(2, 2)
    found = probabilities(made, batch, tta, offset)
    assert found.std() > 0.01
    np.testing.assert_array_equal(found, by_formula(made, batch, VIEWS[tta], offset))


PLAIN = {
    "flips": lambda: ttach.Compose([ttach.VerticalFlip(), ttach.HorizontalFlip()]),
    "d4": ttach.aliases.d4_transform,
    "hflip+rot90": ttach.aliases.d4_transform,
    "rot90(90,180)+multiply(0.9,1.1)": lambda: ttach.Compose(
        [ttach.Rotate90([90, 180]), ttach.Multiply([0.9, 1, 1.1])]
    ),
}


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("text", PLAIN)
def test_without_an_offset_the_maps_are_those_of_plain_ttach(text, merge):
    """On images (n, channels, H, W), which ttach's own transforms take."""
    torch.manual_seed(0)
    convolution = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 3, padding=1), torch.nn.Sigmoid()).eval()
    batch = images(2)[:, 0, :, :32, :32]
    views = parse_views(f"{text}@{merge}")
    with torch.inference_mode():
        plain = ttach.SegmentationTTAWrapper(convolution, PLAIN[text](), merge)(batch)
        ours = merged(
            views,
            (view.deaugment_mask(convolution(view.augment_image(batch))) for view in compose(views, 32, 0.0)),
        )
    # In another order of the views, and with more digits in gmean.
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("text", TURNS)
@given(seed=st.integers(0, 99), frames=st.integers(1, 3))
@settings(max_examples=5)
def test_every_view_is_undone(text, seed, frames):
    batch = torch.rand(2, frames, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    seen = [view.augment_image(batch) for view in compose(parse_views(text), 8, 0.0)]
    homes = [view.deaugment_mask(one) for view, one in zip(compose(parse_views(text), 8, 0.0), seen)]
    assert all(torch.equal(home, batch) for home in homes)
    assert len({one.numpy().tobytes() for one in seen}) == parse_views(text).count


@pytest.mark.parametrize("text", TURNS)
def test_a_batch_of_frames_is_turned_frame_by_frame(text):
    batch = images(2, 3)[..., :8, :8]
    for view in compose(parse_views(text), 8, LABEL_OFFSET):
        frames = [view.augment_image(batch[:, frame]) for frame in range(3)]
        assert torch.equal(view.augment_image(batch), torch.stack(frames, dim=1))


@given(factor=st.floats(0.25, 4), side=st.sampled_from([64, 256, 288, 384]))
@settings(max_examples=20, deadline=None)
def test_maps_return_to_256_whatever_the_factor(factor, side):
    scale = Scale((1, factor), side, LABEL_OFFSET)
    batch = torch.rand(1, 2, 1, 64, 64)
    seen = scale.apply_aug_image(batch, factor)
    assert seen.shape[:3] == batch.shape[:3]
    assert seen.shape[-1] == seen.shape[-2] and seen.shape[-1] % 32 == 0
    assert abs(seen.shape[-1] - factor * side) <= 16 or seen.shape[-1] == 32
    assert scale.apply_deaug_mask(seen[:, 0], factor).shape[-2:] == (256, 256)


@torch.inference_mode()
def test_a_network_sees_scaled_images_at_multiples_of_its_own_size():
    made, batch = network(size=128), images(1)
    seen = []
    made.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-1]))
    maps = probabilities(made, batch, "hflip+scale(0.75,1.5)@max")
    assert seen == [96, 128, 192] * 2
    assert scaled_sides(parse_views("hflip+scale(0.75,1.5)"), 128) == [96, 128, 192]
    assert maps.shape == (1, 256, 256)
    assert (maps >= probabilities(made, batch) - 1e-6).all()  # which is one of the views


@pytest.mark.parametrize("offset", [0.5, 0.0, 1.0])
@pytest.mark.parametrize("factor", [0.5, 0.75, 1.25, 2.0])
def test_the_scaled_view_of_a_linear_field_comes_back_unshifted(factor, offset):
    """By a network that predicts at `offset` of its own pixels, in the scaled view as in the plain one."""
    field = (torch.arange(256.0)[:, None] + 2 * torch.arange(256.0)).expand(1, 1, 1, 256, 256)

    def predicted(images):
        return align(images[:, 0], images.shape[-1], -offset)

    for view in compose(parse_views(f"scale({factor})"), 256, offset):
        home = view.deaugment_mask(resize(predicted(view.augment_image(field)), 256))
        off = (home - predicted(field))[..., 8:-8, 8:-8]
        assert off.mean().abs() < 5e-3  # 0.5 and more for a map that is left where it came
        assert off.abs().max() < 0.15  # torch's antialiasing is not exact pixel by pixel


@torch.inference_mode()
def test_sets_joined_by_commas_are_merged_view_by_view():
    """Place 4's views; and beside a scaled view, the others are seen at the network's own side."""
    made, batch = network(size=128), images(2)
    turned = [View(), View(hflip=True), QUARTER_TURNS[1], QUARTER_TURNS[3]]
    np.testing.assert_array_equal(
        probabilities(made, batch, "rot90(90,270),hflip", LABEL_OFFSET), by_formula(made, batch, turned, LABEL_OFFSET)
    )
    both = probabilities(made, batch, "vflip,scale(0.5)", LABEL_OFFSET)
    parts = [probabilities(made, batch, text, LABEL_OFFSET) for text in ("none", "vflip", "scale(0.5)")]
    np.testing.assert_allclose(both, (2 * parts[1] + 2 * parts[2] - parts[0]) / 3, atol=1e-6)


@torch.inference_mode()
@pytest.mark.parametrize("merge", MERGES)
def test_merge_modes_are_ttachs(merge):
    made, batch = network(size=64), images(1)
    parts = [by_formula(made, batch, [view], LABEL_OFFSET) for view in VIEWS["flips"]]
    plain = Merger(merge, n=len(parts))
    for part in parts:
        plain.append(torch.from_numpy(part))
    found = probabilities(made, batch, f"flips@{merge}", LABEL_OFFSET)
    np.testing.assert_allclose(found, plain.result.numpy(), rtol=1e-5)


def test_the_geometric_mean_of_many_small_probabilities_is_not_lost():
    views = parse_views("d4+multiply(0.8,0.9,1,1.1,1.2)+gmean")
    small = [torch.full((1, 1, 2, 2), 0.01)] * views.count
    torch.testing.assert_close(merged(views, small), small[0])


@torch.inference_mode()
def test_channels_are_multiplied():
    made, batch = network(size=64), images(1)
    mean = np.mean([probabilities(made, batch * factor) for factor in (0.9, 1.0, 1.1)], axis=0)
    np.testing.assert_allclose(probabilities(made, batch, "multiply(0.9,1,1.1)"), mean, rtol=1e-5)


def test_the_steps_multiply_with_the_last_changing_first():
    order = [(view.transpose, view.vflip, view.hflip) for view in VIEWS["d4"]]
    assert order == list(product([False, True], repeat=3))


class Bright(torch.nn.Module):
    """A network that sees a contrail half a pixel down and right of bright pixels, as a trained one does."""

    def forward(self, images):
        image = images[:, 0, :1]
        down = torch.cat([image[..., :1, :], image[..., :-1, :]], dim=-2)
        both = (image + down) / 2
        right = torch.cat([both[..., :1], both[..., :-1]], dim=-1)
        return (both + right) / 2 * 8 - 4


@pytest.mark.parametrize("tta", [*VIEWS, "hflip+rot90", "rot90(90)", "transpose"])
def test_registered_views_agree_with_the_plain_one(tta):
    """Each view of such a network, brought home, is the same map: nothing is smeared."""
    images = torch.rand(2, 1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    plain = probabilities(Bright(), images, "none")
    seen = probabilities(Bright(), images, tta, LABEL_OFFSET)
    inner = (slice(None), slice(2, -2), slice(2, -2))
    assert np.abs(seen - plain)[inner].max() < 1e-6


def test_unregistered_views_are_those_of_the_log():
    images = torch.rand(1, 1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    assert np.abs(probabilities(Bright(), images, "flips") - probabilities(Bright(), images)).max() > 0.01


@pytest.mark.parametrize("keys", [{}, {"time": "panel", "frames": [2, 3, 4, 5]}], ids=str)
def test_sides_that_a_network_cannot_see_are_refused_before_anything_starts(keys):
    fixed = with_settings(TINY, {"encoder": "test_maxvit", **keys})
    check_views(with_settings(TINY, keys), "d4+scale(0.5,2)")
    check_views(fixed, "d4+scale(1.1)")  # of 64 pixels: 64
    with pytest.raises(
        UsageError, match=r"TTA scale-1-1\.5: its network cannot take images of 96 pixels \(.*; choose other"
    ):
        check_views(fixed, "scale(1.5)")

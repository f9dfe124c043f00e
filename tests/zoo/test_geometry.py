"""Every view proves its undo; a registered view keeps the label's half pixel."""

import pytest
import torch

from zoo.data.label_offset import LABEL_OFFSET
from zoo.geometry import VIEWS, View, align, resize, warp

EVERY = VIEWS["d4"]


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_undo_brings_every_pixel_home(view):
    image = torch.arange(2 * 6 * 6).reshape(2, 6, 6)
    assert torch.equal(view.undo(view.apply(image)), image)


def test_the_eight_views_are_distinct():
    image = torch.arange(16).reshape(4, 4)
    assert len({tuple(view.apply(image).flatten().tolist()) for view in EVERY}) == 8


def draw(offset: float) -> torch.Tensor:
    """A slanted line as intensity on the grid, its centre moved by `offset` pixels in both axes."""
    row, column = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    distance = (row - offset - 20) - 0.4 * (column - offset - 30)
    ends = ((column - offset - 30).abs() - 12).clamp(min=0)
    return torch.exp(-(distance**2 + ends**2) / 2)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_registered_label_keeps_its_offset_from_the_image(view):
    """Image at 0, label half a pixel down and right: after the view still half a pixel down and right."""
    seen, label = view.apply(draw(0.0)), view.apply(draw(0.5), 0.5)
    assert torch.allclose(offset_between(seen, label), torch.tensor([0.5, 0.5]), atol=1e-3)


@pytest.mark.parametrize("offset", [0.0, 1.0, -0.5])
@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_label_keeps_another_offset_too(view, offset):
    """None for a label on the image's own grid; a negative one lies up and left."""
    seen, label = view.apply(draw(0.0)), view.apply(draw(offset), offset)
    assert torch.allclose(offset_between(seen, label), torch.full((2,), offset), atol=1e-3)


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_map_predicted_in_a_view_comes_home_to_the_label(view):
    predicted = view.apply(draw(0.5), 0.5)
    assert torch.allclose(offset_between(draw(0.0), view.undo(predicted, 0.5)), torch.tensor([0.5, 0.5]), atol=1e-3)


def test_a_label_mirrored_as_it_is_would_be_off_by_a_whole_pixel():
    view = View(hflip=True)
    off = offset_between(view.apply(draw(0.0)), view.apply(draw(0.5)))
    assert torch.allclose(off, torch.tensor([0.5, -0.5]), atol=1e-3)


def offset_between(image: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    def centre(x: torch.Tensor) -> torch.Tensor:
        axis = torch.arange(64.0)
        return torch.stack([(x.sum(1) * axis).sum(), (x.sum(0) * axis).sum()]) / x.sum()

    return centre(label) - centre(image)


@pytest.mark.parametrize("size", [32, 128])
def test_resizing_keeps_centres_in_place(size):
    """The centre of mass in units of the whole side does not move."""
    image = draw(0.0)[None, None]
    small = resize(image, size)
    axis = (torch.arange(size) + 0.5) / size
    full = (torch.arange(64) + 0.5) / 64
    for dim in (2, 3):
        before = float((image.sum(dim=5 - dim).flatten() * full).sum() / image.sum())
        after = float((small.sum(dim=5 - dim).flatten() * axis).sum() / small.sum())
        assert after == pytest.approx(before, abs=2e-3)


def matrix_of(view: View) -> torch.Tensor:
    """The view as a warp: (1, 2, 3), from a pixel of what is seen to one of the image."""
    turn = torch.diag(torch.tensor([-1.0 if view.hflip else 1.0, -1.0 if view.vflip else 1.0]))
    turn = turn.flip(0) if view.transpose else turn
    return torch.cat([turn, torch.zeros(2, 1)], dim=1)[None]


@pytest.mark.parametrize("view", EVERY, ids=str)
def test_a_warp_by_a_views_matrix_is_the_view(view):
    image = torch.rand(1, 2, 16, 16, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(warp(image, matrix_of(view)), view.apply(image), atol=1e-6)
    inner = (..., slice(1, -1), slice(1, -1))
    label = view.apply(image, LABEL_OFFSET)
    assert torch.allclose(warp(image, matrix_of(view), LABEL_OFFSET)[inner], label[inner], atol=1e-6)


@pytest.mark.parametrize("degrees", [0, 20, -75])
@pytest.mark.parametrize("scale", [1.0, 1.3])
def test_a_turned_label_keeps_its_offset_from_the_image(degrees, scale):
    """Half a pixel of the result, whatever a pixel of the scene has become."""
    angle = torch.tensor(degrees * torch.pi / 180)
    turn = torch.tensor([[angle.cos(), -angle.sin()], [angle.sin(), angle.cos()]]) / scale
    matrix = torch.cat([turn, torch.zeros(2, 1)], dim=1)[None]
    seen, label = warp(draw(0.0)[None, None], matrix)[0, 0], warp(draw(0.5)[None, None], matrix, 0.5)[0, 0]
    assert torch.allclose(offset_between(seen, label), torch.tensor([0.5, 0.5]), atol=0.05)


def test_beyond_the_edges_a_scene_is_mirrored_and_its_label_stays_on_it():
    image = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    aside = torch.tensor([[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0]]])  # two pixels to the left
    seen = warp(image, aside)
    assert torch.allclose(seen[..., :6], image[..., 2:], atol=1e-6)
    assert torch.allclose(seen[..., 6:], image[..., 6:].flip(-1), atol=1e-6)


def test_aligned_labels_are_those_of_place_1():
    """At their own side the mean of two neighbours in each axis; at twice the side, y(j / 2 + 0.25)."""
    labels = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    both = (labels[..., :-1] + labels[..., 1:]) / 2
    torch.testing.assert_close(align(labels, 16, 0.5)[..., :-1, :-1], (both[..., :-1, :] + both[..., 1:, :]) / 2)
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    at = (torch.arange(32) / 2 + 0.25).clamp(max=15)
    torch.testing.assert_close(align(ramp, 32, 0.5), at.expand(1, 1, 32, 32))
    assert torch.equal(align(labels, 16, 0.0), labels)


@pytest.mark.parametrize("size", [64, 128])
def test_aligned_labels_lie_on_what_they_mark(size):
    aligned = resize(align(draw(0.5)[None, None], size, 0.5), 64)[0, 0]
    assert torch.allclose(offset_between(draw(0.0), aligned), torch.zeros(2), atol=2e-3)

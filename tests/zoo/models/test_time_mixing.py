"""Every way of mixing frames keeps one contract; each does what the place that used it did."""

import pytest
import torch
from torch import nn

from core.errors import UsageError
from tests.zoo.models.cases import PYRAMIDS, recipe
from zoo.models import build
from zoo.models.time_mixing import TIME_MIXING, Frames
from zoo.models.time_mixing.conv3d import Pairs
from zoo.models.time_mixing.conv3d_residual import Triples

SEVERAL = [name for name in TIME_MIXING.names() if TIME_MIXING.facts(name).least > 1]


def levels(frames, width=8):
    """Features of one scene in `frames` frames, at strides 8, 16 and 32 of 64 pixels."""
    return [torch.randn(frames, width, side, side) for side in (8, 4, 2)]


def mixing(name, numbers, width=8):
    torch.manual_seed(0)
    made = TIME_MIXING.get(name)(Frames(channels=[width] * 3, strides=[8, 16, 32], numbers=numbers))
    return made.eval()


@pytest.mark.parametrize("time", TIME_MIXING.names())
@pytest.mark.parametrize("encoder", PYRAMIDS)
def test_a_time_mixing_keeps_the_contract(encoder, time):
    """Size of the input, finite, a gradient for every weight, its own answer for every frame, kept in channels_last."""
    keys = recipe(encoder=encoder, time=time, frames=(2, 3, 4, 5), decoder_channels=(16, 16, 8, 8, 8))
    network = build(keys).to(memory_format=torch.channels_last)
    images = torch.rand(1, 4, 3, 256, 256, requires_grad=True)
    logits = network(images)
    assert logits.shape == (1, 1, 64, 64)
    assert torch.isfinite(logits).all()
    (logits * torch.rand_like(logits)).sum().backward()
    assert [name for name, p in network.time.named_parameters() if p.grad is None] == []
    assert (images.grad.abs().amax((0, 2, 3, 4)) > 0).all()
    again = build(keys)
    again.load_state_dict(network.state_dict())
    with torch.inference_mode():
        assert torch.allclose(network.eval()(images), again.eval()(images), atol=1e-4)


@pytest.mark.parametrize("time", SEVERAL)
def test_what_mixes_frames_refuses_one(time):
    with pytest.raises(UsageError, match=rf"time = {time} mixes .* frames, the recipe has 1"):
        build(recipe(time=time))


def test_the_panel_takes_four_frames():
    with pytest.raises(UsageError, match="time = panel mixes 4 frames, the recipe has 3"):
        build(recipe(time="panel", frames=(3, 4, 5)))


def test_frames_are_joined_in_their_order():
    frames = levels(3)
    for joined, x in zip(mixing("concat", (4, 5, 6))(frames), frames):
        assert torch.equal(joined, torch.cat(list(x))[None])


def test_the_panel_has_the_labelled_frame_top_left_and_decodes_that_quadrant():
    """Place 1, frames counted from 1: 5 top left, 2 top right, 3 bottom left, 4 bottom right."""
    panel = mixing("panel", (2, 3, 4, 5))
    images = torch.stack([torch.full((1, 2, 2), float(number)) for number in (2, 3, 4, 5)])[None]
    laid = panel.arrange(images)
    assert laid[0, 0].tolist() == [[5, 5, 2, 2], [5, 5, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    (quadrant,) = panel([laid])
    assert (quadrant == 5).all()


def test_a_panels_encoder_is_built_for_twice_the_side():
    keys = recipe(encoder="test_maxvit", time="panel", frames=(2, 3, 4, 5))
    assert build(keys)(torch.rand(1, 4, 3, 256, 256)).shape[-1] == 64


def test_pairs_are_a_three_dimensional_convolution():
    """Place 3: kernel (2, 3, 3), no padding in time, BatchNorm, leaky ReLU."""
    torch.manual_seed(0)
    pairs, plain = Pairs(4).eval(), nn.Conv3d(4, 4, (2, 3, 3), padding=(0, 1, 1), bias=False)
    weight = pairs.convolution.weight.data
    plain.weight.data = torch.stack([weight[:, :4], weight[:, 4:]], dim=2)
    norm = nn.BatchNorm3d(4).eval()
    x = torch.randn(2, 3, 4, 5, 5)
    expected = nn.functional.leaky_relu(norm(plain(x.transpose(1, 2)))).transpose(1, 2)
    assert torch.allclose(pairs(x), expected, atol=1e-5)


@pytest.mark.parametrize("numbers", [(4, 5), (3, 4, 5), (1, 2, 3, 4, 5)])
def test_three_dimensional_convolutions_leave_one_frame(numbers):
    made = mixing("conv3d", numbers)
    assert [len(level) for level in made.levels] == [len(numbers) - 1] * 3
    assert [x.shape[0] for x in made(levels(len(numbers)))] == [1, 1, 1]


def test_triples_are_a_three_dimensional_convolution():
    """Place 6: kernel (3, 3, 3), padded, BatchNorm."""
    torch.manual_seed(0)
    triples, plain = Triples(4).eval(), nn.Conv3d(4, 4, 3, padding=1, bias=False)
    plain.weight.data = triples.convolution.weight.data.unflatten(1, (3, 4)).transpose(1, 2)
    x = torch.randn(2, 3, 4, 5, 5)
    expected = nn.BatchNorm3d(4).eval()(plain(x.transpose(1, 2))).transpose(1, 2)
    assert torch.allclose(triples(x), expected, atol=1e-5)


@pytest.mark.parametrize(("numbers", "blocks"), [((4, 5), 1), ((3, 4, 5, 6, 7), 1), ((2, 3, 4, 5, 6, 7, 8), 2)])
def test_residual_convolutions_reach_every_frame(numbers, blocks):
    made = mixing("conv3d_residual", numbers)
    assert [len(level) for level in made.levels] == [blocks] * 3
    frames = [x.requires_grad_() for x in levels(len(numbers))]
    sum(x.sum() for x in made(frames)).backward()
    assert all((x.grad.abs().amax((1, 2, 3)) > 0).all() for x in frames)


def test_residual_convolutions_take_frames_in_order_of_time():
    frames = levels(3)
    one, two = mixing("conv3d_residual", (4, 5, 6)), mixing("conv3d_residual", (5, 6, 4))
    with torch.inference_mode():
        for a, b in zip(one(frames), two([x[[1, 2, 0]] for x in frames])):
            assert torch.allclose(a, b)


@pytest.mark.parametrize("time", ["lstm", "transformer"])
@pytest.mark.parametrize("numbers", [(3, 4, 5), (4, 5, 6)])
def test_fine_maps_take_the_labelled_frame_and_coarse_ones_all(time, numbers):
    """Place 2: strides 16 and 32 alone are mixed."""
    frames = levels(3)
    other = [x.clone() for x in frames]
    for x in other:
        x[numbers.index(4)] += 1
    with torch.inference_mode():
        one, two = mixing(time, numbers)(frames), mixing(time, numbers)(other)
    assert torch.equal(one[0], frames[0][numbers.index(5)][None])
    assert [bool((a != b).any()) for a, b in zip(one, two)] == [False, True, True]


def test_the_lstm_reads_each_position_by_itself_and_the_labelled_frame_last():
    made = mixing("lstm", (4, 5, 6))
    frames = levels(3)
    with torch.inference_mode():
        mixed = made(frames)[1]
        alone, _ = made.levels[0].lstm(frames[1][[0, 2, 1], :, 3, 1][None])
    assert torch.allclose(mixed[0, :, 3, 1], alone[0, -1], atol=1e-5)


def test_the_transformer_has_the_layers_that_it_is_told():
    for time, count in (("transformer", 2), ("transformer(layers=1)", 1)):
        network = build(recipe(time=time, frames=(4, 5), decoder_channels=(16, 16, 8, 8, 8)))
        assert {len(level.blocks) for level in network.time.levels} == {count}


def test_the_transformer_tells_frames_and_positions_apart():
    made = mixing("transformer", (3, 4, 5))
    still = [torch.ones(3, 8, side, side) for side in (8, 4, 2)]
    with torch.inference_mode():
        mixed = made(still)[1]
        swapped = [x[[1, 0, 2]] for x in levels(3)]
        first, second = made(swapped)[1], made([x[[1, 0, 2]] for x in swapped])[1]
    assert mixed[0].flatten(1).unique(dim=1).shape[1] > 1
    assert not torch.allclose(first, second, atol=1e-4)

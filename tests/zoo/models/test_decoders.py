"""Every decoder keeps one contract on every kind of pyramid, or says by name why it does not fit."""

import re

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from core.errors import UsageError, UserError
from tests.zoo.models.cases import PYRAMIDS, recipe
from zoo.members import load_member, with_settings
from zoo.models import build
from zoo.models.decoders import DECODERS, Plan
from zoo.models.decoders.bifpn import Fuse

# The dear one at a sixteenth of its channels; its own are counted below.
NARROW = {"unet_wide": (128, 64, 32, 16, 8)}
# What the logits are coarser than the image by.
STRIDES = {"unet_fpn": 2}
U_NETS = ["unet", "unet_nearest", "unet_wide"]
# Why a decoder does not fit an encoder, in a word of its refusal.
MISFITS = {
    (decoder, encoder): "needs features that end at stride 16, and encoder test_\\w+ cannot"
    for decoder in ("deeplabv3plus", "pan")
    for encoder in ("test_mambaout", "test_maxvit")
}


def made(encoder, decoder, **keys):
    """The recipe, at the least size that the decoder takes."""
    size = max(64, DECODERS.facts(decoder.partition("(")[0]).least)
    return recipe(encoder=encoder, decoder=decoder, size=size, decoder_channels=NARROW.get(decoder, ()), **keys)


@pytest.mark.parametrize("decoder", DECODERS.names())
@pytest.mark.parametrize("encoder", PYRAMIDS)
def test_a_decoder_keeps_the_contract(encoder, decoder):
    """Size of the input, finite, a gradient for every weight, rare contrails at first, saved and loaded."""
    keys = made(encoder, decoder)
    if (decoder, encoder) in MISFITS:
        with pytest.raises(UsageError, match=MISFITS[decoder, encoder]):
            build(keys)
        return
    torch.manual_seed(0)  # of many draws one is not rare enough
    network = build(keys)
    images = torch.rand(2, 1, 3, 256, 256)
    logits = network(images)
    side = keys.size // STRIDES.get(decoder, 1)
    assert logits.shape == (2, 1, side, side)
    assert torch.isfinite(logits).all()
    assert logits.sigmoid().mean() < 0.1
    (logits * torch.rand_like(logits)).sum().backward()
    assert [name for name, p in network.decoder.named_parameters() if p.grad is None] == []
    again = build(keys)
    again.load_state_dict(network.state_dict())
    with torch.inference_mode():
        assert torch.equal(network.eval()(images), again.eval()(images))


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_further_heads_only_teach(decoder):
    """As many maps as the target has while the network learns, the first one when it predicts."""
    keys = made("test_efficientnet", decoder, target="mean_min_max")
    network = build(keys)
    side = keys.size // STRIDES.get(decoder, 1)
    assert network(torch.rand(2, 1, 3, 256, 256)).shape == (2, 3, side, side)
    assert network.eval()(torch.rand(2, 1, 3, 256, 256)).shape == (2, 1, side, side)


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_coarser_levels_are_taught_or_refused(decoder):
    """With logits of their own in training alone, and all other weights drawn as without them."""
    keys = made("test_efficientnet", decoder, target="mean_hard", deep_supervision=(0.5, 0.25))
    if not DECODERS.facts(decoder).deep:
        with pytest.raises(UsageError, match=r"has no deep supervision; .* has it: unet, unet_wide$"):
            build(keys)
        return
    drawn = []
    for weights in ([], keys.deep_supervision):
        torch.manual_seed(0)
        drawn.append(build(with_settings(keys, {"deep_supervision": weights})))
    plain, network = drawn
    states = plain.state_dict(), network.state_dict()
    assert all(torch.equal(states[1][name], value) for name, value in states[0].items())
    assert {name.rpartition(".")[0] for name in states[1].keys() - states[0]} == {
        "decoder.coarser.0",
        "decoder.coarser.1",
    }
    images = torch.rand(2, 1, 3, 256, 256)
    with torch.inference_mode():
        assert torch.equal(network.eval()(images), plain.eval()(images))
    logits = network.train()(images)
    assert logits.shape == (2, 2 * 3, keys.size, keys.size)
    for level, ups in enumerate((5, 4, 3)):  # finest first: each learns from so many doublings
        network.zero_grad()
        logits[:, 2 * level : 2 * level + 2].sum().backward(retain_graph=True)
        assert [any(p.grad.any() for p in up.parameters()) for up in network.decoder.ups] == [n < ups for n in range(5)]


@pytest.mark.parametrize(("channels", "levels"), [((), 4), ((64, 32, 16, 8), 3)])
def test_only_levels_that_a_decoder_has_are_taught(channels, levels):
    keys = recipe(decoder_channels=channels, deep_supervision=(0.5,) * levels)
    assert len(build(keys).decoder.coarser) == levels
    with pytest.raises(UsageError, match=rf"unet has {levels} levels below its finest; deep_supervision has 9 weights"):
        build(with_settings(keys, {"deep_supervision": [1] * 9}))


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_a_decoder_on_a_pyramid_that_is_none_works_or_names_both(decoder):
    """A plain ViT gives the same stride three times."""
    try:
        assert build(made("test_vit", decoder))(torch.rand(2, 1, 3, 256, 256)).shape[-1] == 64
    except UsageError as error:
        assert {decoder, "test_vit"} <= set(re.findall(r"\w+", str(error)))
    else:
        assert decoder in U_NETS


@pytest.mark.parametrize("decoder", U_NETS)
@pytest.mark.parametrize("strides", [[1, 2, 4, 8, 16, 32], [4, 8, 16], [16, 32, 64]])
def test_a_u_net_reaches_the_whole_side_from_any_stride(decoder, strides):
    network = DECODERS.get(decoder)(Plan(channels=[8] * len(strides), strides=strides, widths=(64, 32, 16, 16, 8)))
    features = [torch.rand(2, 8, 64 // stride, 64 // stride) for stride in strides]
    assert network(features).shape == (2, 1, 64, 64)


@pytest.mark.parametrize("form", [1, 2])
def test_only_the_second_form_keeps_the_filters_in_its_transposed_convolutions(form):
    ups = build(recipe(encoder="resnet18", decoder_form=form)).decoder.ups
    assert all((up.up.out_channels == up.up.in_channels) == (form == 2) for up in ups)
    assert len(ups[-1].mix) == form


def test_fewer_channels_end_a_u_net_early():
    """Place 1: images of 1024, one level dropped, logits of 512."""
    assert build(recipe(decoder_channels=(64, 32, 16, 8)))(torch.rand(1, 1, 3, 256, 256)).shape[-1] == 32


def test_the_wide_u_net_has_eight_times_the_channels_and_starts_as_nearest_neighbour():
    wide, narrow = (DECODERS.facts(name).widths for name in ("unet_wide", "unet"))
    assert wide == tuple(8 * width for width in narrow)
    up = DECODERS.get("unet_wide")(Plan(channels=[8, 8], strides=[16, 32], widths=(16, 8, 8, 8, 8))).ups[0].up
    enlarged = up(torch.rand(1, 8, 3, 3))
    assert torch.allclose(enlarged, F.interpolate(enlarged[..., ::2, ::2], scale_factor=2), atol=1e-6)


def test_the_nearest_u_net_computes_what_smps_does():
    from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder

    widths = (16, 12, 8, 8, 4)
    ours = DECODERS.get("unet_nearest")(Plan(channels=[4, 6, 8], strides=[2, 4, 8], widths=widths)).eval()
    theirs = UnetDecoder((0, 4, 6, 8), widths[-3:], n_blocks=3).eval()
    theirs.load_state_dict(dict(zip(theirs.state_dict(), ours.ups.state_dict().values(), strict=True)))
    features = [torch.rand(1, 4, 8, 8), torch.rand(1, 6, 4, 4), torch.rand(1, 8, 2, 2)]
    assert torch.allclose(ours(features), ours.head(theirs([torch.rand(1, 0, 16, 16), *features])), atol=1e-6)


def test_the_nearest_u_net_has_the_activation_that_it_is_told():
    decoder = build(made("test_resnet", 'unet_nearest(activation="silu")')).decoder
    assert any(isinstance(module, nn.SiLU) for module in decoder.modules())
    assert not any(isinstance(module, nn.ReLU) for module in decoder.modules())
    with pytest.raises(UsageError, match="unet_nearest: activation = 'gelu'; give relu or silu"):
        build(made("test_resnet", 'unet_nearest(activation="gelu")'))


@pytest.mark.parametrize(
    ("decoder", "channels", "words"),
    [
        ("fpn", (64,), r"takes 2 decoder_channels, its own are \[256, 128\]; 1 are given"),
        ("fpn", (64, 33), "refuses its channels"),
        ("manet", (64, 32, 16, 8), "takes 5 decoder_channels"),
        ("unet", (64, 32, 16, 8, 8, 8), "takes 5 decoder_channels"),
    ],
)
def test_channels_that_do_not_fit_are_refused(decoder, channels, words):
    with pytest.raises(UsageError, match=words):
        build(recipe(decoder=decoder, decoder_channels=channels))


def test_images_that_are_too_small_or_alone_are_refused():
    with pytest.raises(UsageError, match="needs images of 128 pixels, it would see 64"):
        build(recipe(decoder="pan", size=128, crop=128))
    with pytest.raises(UsageError, match="batch 2 or more"):
        build(recipe(decoder="upernet", batch=1))


def test_a_batch_too_small_for_a_decoder_is_the_fault_of_the_file_that_gives_it(tmp_path):
    (tmp_path / "base.toml").write_text('base = "lite0-fc-t5"\ndecoder = "upernet"\nweights = "none"\n')
    (tmp_path / "heir.toml").write_text('base = "base.toml"\nencoder = "test_resnet"\nbatch = 1\n')
    with pytest.raises(UserError, match=r"^\S*heir\.toml: decoder upernet cannot be trained on one image"):
        build(load_member(str(tmp_path / "heir.toml")))


def test_the_bifpn_fuses_as_often_as_it_is_told():
    layers = {n: build(made("test_resnet", f"bifpn(repeats={n})")).decoder.layers for n in (1, 3)}
    assert [len(found) for found in layers.values()] == [1, 3]
    assert [layer.up is None for layer in layers[3]] == [False, False, True]
    assert len(build(made("test_resnet", "bifpn")).decoder.layers) == 3


def test_options_that_a_decoder_has_not_are_the_fault_of_the_file_that_gives_them(tmp_path):
    (tmp_path / "mine.toml").write_text('base = "lite0-fc-t5"\nweights = "none"\ndecoder = "bifpn(repeat=2)"\n')
    with pytest.raises(UserError, match=r'^\S*mine\.toml: no option of bifpn "repeat"; did you mean "repeats"'):
        build(load_member(str(tmp_path / "mine.toml")))
    with pytest.raises(UsageError, match="bifpn: repeats = 0; give 1 to 1,000,000"):
        build(made("test_resnet", "bifpn(repeats=0)"))


def test_fusion_is_the_normalised_sum_of_the_paper():
    """EfficientDet, section 3.3: O = sum(w I) / (0.0001 + sum(w)), w held at 0 or above."""
    fuse = Fuse(3, 4)
    fuse.mix = nn.Identity()
    fuse.weights.data = torch.tensor([2.0, -1.0, 0.5])
    a, b, c = torch.rand(3, 1, 4, 5, 5)
    assert torch.allclose(fuse(a, b, c), F.silu((2 * a + 0.5 * c) / 2.5001))

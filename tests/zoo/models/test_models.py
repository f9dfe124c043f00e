"""Every decoder works on every kind of pyramid; the packaged weights fit."""

import pytest
import torch

from core.errors import UnknownName, UserError
from zoo.inputs import INPUTS
from zoo.members import load_member, with_settings
from zoo.models import build
from zoo.models.decoders import DECODERS
from zoo.models.encoders import make_encoder

# strides 2 to 32; 4 to 32; 4 to 32 in NHWC
PYRAMIDS = ["test_efficientnet", "test_convnext", "test_mambaout"]


def recipe(**keys):
    return with_settings(load_member("resnet18-fc-t5"), {"weights": "none", "size": 64, **keys})


@pytest.mark.parametrize("form", [1, 2])
@pytest.mark.parametrize("decoder", DECODERS.names())
@pytest.mark.parametrize("encoder", PYRAMIDS)
def test_a_decoder_keeps_the_contract(encoder, decoder, form):
    """Size of the input, finite, a gradient for every weight."""
    network = build(recipe(encoder=encoder, decoder=decoder, decoder_form=form))
    logits = network(torch.rand(2, 1, 3, 256, 256))
    assert logits.shape == (2, 1, 64, 64)
    assert torch.isfinite(logits).all()
    logits.mean().backward()
    assert [name for name, p in network.decoder.named_parameters() if p.grad is None] == []


def test_several_frames_share_the_encoder_and_join_their_features():
    one, three = build(recipe(encoder="test_resnet")), build(recipe(encoder="test_resnet", frames=(4, 5, 6)))
    count = [sum(p.numel() for p in n.encoder.parameters()) for n in (one, three)]
    assert count[0] == count[1]
    assert three(torch.rand(2, 3, 3, 256, 256)).shape == (2, 1, 64, 64)


def test_a_crop_is_seen_at_the_scale_of_the_whole():
    assert build(recipe(encoder="test_resnet", size=128))(torch.rand(1, 1, 3, 128, 128)).shape[-1] == 64


def test_one_channel_inputs_build():
    network = build(recipe(encoder="test_efficientnet", input="split_window"))
    assert network(torch.rand(1, 1, 1, 256, 256)).shape == (1, 1, 64, 64)


@pytest.mark.parametrize("name", INPUTS.names())
def test_every_input_has_a_network(name):
    """What comes standardised goes to the encoder as it is."""
    facts = INPUTS.entry(name).facts
    network = build(recipe(encoder="test_efficientnet", input=name))
    assert network(torch.rand(1, 1, facts["channels"], 256, 256)).shape == (1, 1, 64, 64)
    assert bool((network.std == 1).all()) == (facts["scaled"] == "mean_std")


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_further_heads_only_teach(decoder):
    """As many maps as the target has while the network learns, the first one when it predicts."""
    network = build(recipe(encoder="test_efficientnet", decoder=decoder, target="mean_min_max"))
    assert network(torch.rand(2, 1, 3, 256, 256)).shape == (2, 3, 64, 64)
    assert network.eval()(torch.rand(2, 1, 3, 256, 256)).shape == (2, 1, 64, 64)


def test_only_the_second_form_keeps_the_filters_in_its_transposed_convolutions():
    for form, keeps in ((1, False), (2, True)):
        ups = build(recipe(encoder="resnet18", decoder_form=form)).decoder.ups
        assert all((up.up.out_channels == up.up.in_channels) == keeps for up in ups)
        assert len(ups[-1].mix) == form


def test_lite0_takes_the_weights_that_come_with_the_install():
    """The features of a flat grey image are those of trained filters: far from a fresh network's, and fixed."""
    torch.manual_seed(0)
    trained = make_encoder("tf_efficientnet_lite0", "imagenet", 3, 64).eval()
    again = make_encoder("tf_efficientnet_lite0", "imagenet", 3, 64).eval()
    image = torch.linspace(-1, 1, 3 * 64 * 64).reshape(1, 3, 64, 64)
    with torch.inference_mode():
        levels = list(zip(trained(image), again(image)))
    assert all(torch.equal(a, b) for a, b in levels)
    assert trained.state_dict()["bn1.running_mean"].abs().sum() > 1


def test_weights_of_another_encoder_are_refused(tmp_path):
    path = tmp_path / "foreign.pt"
    torch.save(make_encoder("test_resnet", "none", 3, 64).state_dict(), path)
    with pytest.raises(UserError, match="these weights do not fit"):
        make_encoder("test_efficientnet", str(path), 3, 64)
    assert make_encoder("test_resnet", str(path), 3, 64) is not None


def test_torn_weights_are_refused(tmp_path):
    (tmp_path / "torn.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match=r"torn\.pt"):
        make_encoder("test_resnet", str(tmp_path / "torn.pt"), 3, 64)


def test_weights_that_cannot_be_had_say_how_to_go_on(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="--set weights=none"):
        build(load_member("resnet18-fc-t5"))


def test_an_unknown_encoder_is_answered_with_its_nearest():
    with pytest.raises(UnknownName, match="resnet18"):
        make_encoder("resnet_18", "none", 3, 64)

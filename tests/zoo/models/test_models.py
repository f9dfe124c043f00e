"""The segmenter: frames, crops, channels, and encoders that see one size or give their channels last."""

import pytest
import timm
import torch

from core.errors import UsageError
from tests.zoo.models.cases import recipe
from zoo.inputs import INPUTS, mean_std
from zoo.models import build
from zoo.models.encoders import pyramid


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
    facts = INPUTS.facts(name)
    network = build(recipe(encoder="test_efficientnet", input=name))
    assert network(torch.rand(1, 1, facts.channels, 256, 256)).shape == (1, 1, 64, 64)
    assert bool((network.std == 1).all()) == (facts.scaled is mean_std)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_convnext", "repvgg_a0"])  # two filters see the image
def test_channels_beside_the_colours_say_nothing_at_first(encoder, tmp_path):
    torch.manual_seed(0)
    torch.save(timm.create_model(encoder).state_dict(), tmp_path / "weights.pt")
    weights = str(tmp_path / "weights.pt")
    three, five = (build(recipe(encoder=encoder, weights=weights, input=name)).eval() for name in ("fc", "fc_ridge"))
    images = torch.rand(2, 5, 64, 64)
    seen = (images - five.mean) / five.std
    torch.testing.assert_close(seen[:, :3], (images[:, :3] - three.mean) / three.std)
    torch.testing.assert_close(five.encoder(seen)[-1], three.encoder(seen[:, :3])[-1])
    assert (five.mean[3:] == 0.5).all()
    sum(features.sum() for features in five.encoder(seen)).backward()
    assert all(p.grad[:, 3:].any() for p in five.encoder.parameters() if p.ndim == 4 and p.shape[1] == 5)  # yet


@pytest.mark.parametrize("encoder", ["test_maxvit", "test_coatnet"])
def test_an_encoder_of_one_size_is_built_for_the_recipes(encoder):
    assert build(recipe(encoder=encoder, size=96))(torch.rand(1, 1, 3, 256, 256)).shape[-1] == 96


def test_an_encoder_of_one_size_sees_no_crops():
    with pytest.raises(UsageError, match=r"cannot see crops of 32 pixels .*crop = 0"):
        build(recipe(encoder="test_maxvit", crop=128))


def test_an_encoder_that_cannot_see_the_size_says_so():
    with pytest.raises(UsageError, match=r"encoder efficientformer_l1: cannot see images of 64 pixels"):
        build(recipe(encoder="efficientformer_l1"))


@pytest.mark.parametrize("encoder", ["efficientnet_b0", "test_convnext"])
def test_blocks_of_the_encoder_are_skipped_in_training_alone(encoder):
    network = build(recipe(encoder=encoder, drop_path=0.5)).encoder
    image = torch.rand(1, 3, 64, 64)
    torch.manual_seed(0)
    for training in (True, False):
        for module in network.modules():
            module.train(training and not isinstance(module, torch.nn.BatchNorm2d))
        coarsest = [network(image)[-1] for _ in range(8)]
        assert all(torch.equal(coarsest[0], other) for other in coarsest) != training


def test_an_encoder_without_stochastic_depth_says_so():
    with pytest.raises(UsageError, match=r"^encoder densenet121: has no stochastic depth; give drop_path = 0$"):
        build(recipe(encoder="densenet121", drop_path=0.1))


def test_channels_that_stand_behind_are_told_by_the_encoder_and_not_guessed():
    """At 64 pixels the first level of test_mambaout is 16 x 16 with 16 channels: its shape tells nothing."""
    network = build(recipe(encoder="test_mambaout")).eval()
    images = torch.rand(1, 1, 3, 256, 256)
    seen = []
    network.decoder.register_forward_pre_hook(lambda module, given: seen.extend(given[0]))
    with torch.inference_mode():
        network(images)
        flat = torch.nn.functional.interpolate(images[:, 0], (64, 64), mode="bilinear", antialias=True)
        first = network.encoder((flat - network.mean) / network.std)[0]
    assert torch.allclose(seen[0], first.permute(0, 3, 1, 2), atol=1e-5)


@pytest.mark.parametrize("encoder", ["test_efficientnet", "test_convnext", "test_mambaout", "test_maxvit"])
def test_memory_may_be_saved_without_another_answer(encoder):
    """Gradient checkpointing and channels_last: the same logits and gradients."""
    torch.manual_seed(0)
    plain = build(recipe(encoder=encoder, decoder="fpn")).eval()
    thrifty = build(recipe(encoder=encoder, decoder="fpn")).eval()
    thrifty.load_state_dict(plain.state_dict())
    thrifty.to(memory_format=torch.channels_last)
    thrifty.encoder.set_grad_checkpointing(True)
    images = torch.rand(1, 1, 3, 256, 256)
    for network in (plain, thrifty):
        logits = network(images)
        logits.sigmoid().mean().backward()
    assert torch.allclose(plain(images), thrifty(images), atol=1e-4)
    for one, other in zip(plain.parameters(), thrifty.parameters()):
        assert one.grad is None or (one.grad - other.grad).norm() <= 0.01 * one.grad.norm() + 1e-4


@pytest.mark.parametrize(
    "keys",
    [
        {"decoder": "fpn"},
        {"time": "transformer", "frames": (4, 5)},
        {"decoder": "unet_fpn", "size": 512, "label_head": True, "registered": True, "record_head": 0.1},
    ],
    ids=str,
)
def test_a_network_is_exported_for_any_number_of_scenes(keys):
    """smp's decoders in their coat, and tokens of several frames: nothing takes the batch for a constant."""
    made = recipe(encoder="test_convnext", **keys)
    network = build(made).eval()
    images = torch.rand(3, len(made.frames), 3, 256, 256)
    with torch.no_grad():
        exported = torch.export.export(network, (images[:2],), dynamic_shapes={"images": {0: torch.export.Dim("n")}})
        assert torch.allclose(exported.module()(images), network(images), atol=1e-5)


def test_records_are_enlarged_as_the_recipe_says():
    images = torch.rand(1, 1, 3, 256, 256)
    one, other = (
        build(recipe(encoder="test_resnet", size=320, enlarge=mode)).eval() for mode in ("bilinear", "bicubic")
    )
    other.load_state_dict(one.state_dict())
    enlarged = torch.nn.functional.interpolate(images[:, 0], (320, 320), mode="bicubic", align_corners=False)
    with torch.inference_mode():
        assert torch.allclose(other(images), one(enlarged[:, None], 320), atol=1e-4)
        assert not torch.allclose(other(images), one(images), atol=1e-4)


@pytest.mark.parametrize("encoder", ["test_resnet", "test_efficientnet"])
def test_a_finer_stem_makes_every_level_twice_as_fine(encoder):
    """As the same network on an image of twice the side, and with as many weights."""
    plain, fine = (build(recipe(encoder=encoder, stem_stride=stride)).eval() for stride in (2, 1))
    assert [2 * stride for stride in pyramid(fine.encoder)[1]] == pyramid(plain.encoder)[1]
    fine.encoder.load_state_dict(plain.encoder.state_dict())
    with torch.inference_mode():
        levels = fine.encoder(torch.rand(1, 3, 64, 64)), plain.encoder(torch.rand(1, 3, 128, 128))
        assert fine(torch.rand(1, 1, 3, 256, 256)).shape == (1, 1, 64, 64)
    assert [x.shape for x in levels[0]] == [x.shape for x in levels[1]]


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"encoder": "test_convnext"}, "has no first convolution of stride 2"),
        ({"encoder": "test_maxvit"}, "has no first convolution of stride 2"),
        ({"encoder": "test_efficientnet", "decoder": "deeplabv3plus"}, "limits the encoder's stride"),
    ],
)
def test_a_stem_that_cannot_be_finer_is_refused(keys, words):
    with pytest.raises(UsageError, match=words):
        build(recipe(stem_stride=1, **keys))

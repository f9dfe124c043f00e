"""Real encoders, built without memory: the pyramids of the log's and the winners'."""

import pytest
import torch

from tests.zoo.models.cases import recipe
from zoo.models import sketch
from zoo.models.decoders import DECODERS
from zoo.models.encoders import pyramid

# Channels of each level, finest first, as measured; five levels are strides 2 to 32, four are 4 to 32.
PYRAMIDS = {
    "resnet18": (64, 64, 128, 256, 512),
    "resnet34": (64, 64, 128, 256, 512),
    "resnet50d": (64, 256, 512, 1024, 2048),
    "resnest26d": (64, 256, 512, 1024, 2048),
    "resnest50d": (64, 256, 512, 1024, 2048),
    "seresnextaa101d_32x8d": (64, 256, 512, 1024, 2048),
    "efficientnet_b0": (16, 24, 40, 112, 320),
    "tf_efficientnet_lite0": (16, 24, 40, 112, 320),
    "tf_efficientnet_lite1": (16, 24, 40, 112, 320),
    "tf_efficientnet_lite2": (16, 24, 48, 120, 352),
    "tf_efficientnet_b7": (32, 48, 80, 224, 640),
    "convnextv2_base": (128, 256, 512, 1024),
    "maxvit_base_tf_512": (64, 96, 192, 384, 768),
    "coat_lite_medium": (128, 256, 320, 512),
    "nextvit_small": (96, 256, 512, 1024),
    "swin_tiny_patch4_window7_224": (96, 192, 384, 768),
}


@pytest.mark.parametrize("name", PYRAMIDS)
def test_a_real_encoder_gives_its_pyramid_at_any_size(name):
    network = sketch(recipe(encoder=name, size=384))
    channels = PYRAMIDS[name]
    strides = [32 >> level for level in reversed(range(len(channels)))]
    assert pyramid(network.encoder) == (list(channels), strides)
    seen = []
    network.decoder.register_forward_pre_hook(lambda module, given: seen.extend(given[0]))
    assert network(torch.empty(2, 1, 3, 256, 256, device="meta")).shape == (2, 1, 384, 384)
    assert [tuple(x.shape) for x in seen] == [(2, c, 384 // s, 384 // s) for c, s in zip(channels, strides)]


@pytest.mark.parametrize("decoder", DECODERS.names())
def test_a_decoder_takes_a_real_pyramid_at_its_own_width(decoder):
    network = sketch(recipe(encoder="resnet50d", decoder=decoder, size=256, frames=(3, 4, 5)))
    side = 256 // getattr(network.decoder, "stride", 1)
    assert network(torch.empty(1, 3, 3, 256, 256, device="meta")).shape == (1, 1, side, side)


def test_a_sketch_has_the_weights_of_the_network():
    assert sum(p.numel() for p in sketch(recipe(encoder="resnet18")).encoder.parameters()) == 11_176_512

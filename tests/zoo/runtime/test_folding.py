"""Networks with folded BatchNorm, against those that they were folded from."""

import pytest
import torch
from torch import nn

from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.models import build
from zoo.runtime.folding import fold_batch_norms


def trained(**keys):
    """Network whose BatchNorm statistics are those of no identity, and whose logits differ from pixel to pixel."""
    torch.manual_seed(0)
    network = build(with_settings(TINY, keys)).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.1)
    return network


def norms(network):
    return [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]


@torch.inference_mode()
@pytest.mark.parametrize("encoder", ["test_efficientnet", "test_resnet", "test_byobnet", "test_convnext", "test_nfnet"])
def test_a_folded_network_gives_the_same_probabilities(encoder):
    network, images = trained(encoder=encoder), torch.rand(2, 1, 3, 256, 256)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    folded = fold_batch_norms(network, images[:1])
    assert norms(network) and not norms(folded)
    assert network(images).std() > 1e-3
    torch.testing.assert_close(folded(images).sigmoid(), network(images).sigmoid(), rtol=0, atol=1e-5)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


class Branching(nn.Module):
    """BatchNorms that cannot be folded: of a convolution used elsewhere, and of one that is called twice."""

    def __init__(self, twice):
        super().__init__()
        self.convolution, self.norm, self.twice = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3, eps=0.5), twice

    def forward(self, images):
        found = self.convolution(images)
        other = self.convolution(images + 1) if self.twice else found
        return self.norm(found) + other


@torch.inference_mode()
@pytest.mark.parametrize("twice", [False, True])
def test_a_convolution_with_another_use_keeps_its_batch_norm(twice):
    network, images = Branching(twice).eval(), torch.rand(1, 3, 8, 8)
    assert torch.equal(fold_batch_norms(network, images)(images), network(images))

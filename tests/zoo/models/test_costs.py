"""What is counted of a network without memory is what it has; the shipped table is what is counted."""

import math

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from tests.zoo.models.cases import recipe
from zoo.members import load_member, member_names
from zoo.members.costs import network_of, read_costs
from zoo.models import build
from zoo.models.costs import count

STAGES = {network_of(stage): stage for name in member_names() for stage in load_member(name).staged}
TABLE = read_costs()
QUICK = ("resnet18", "tf_efficientnet_lite0")
SMALL = {
    "one frame": {},
    "three frames": {"frames": [4, 5, 6]},
    "three heads": {"target": "mean_min_max"},
    "a library's decoder": {"decoder": "deeplabv3plus"},
}


def check_row(network, stage):
    found, listed = count(stage), TABLE[network]
    assert (found.parameters, found.licence) == (listed.parameters, listed.licence)
    assert math.isclose(found.gmacs, listed.gmacs, rel_tol=1e-3)
    # What is kept for the gradients is torch's own affair, and may change a little.
    assert math.isclose(found.activation_mb, listed.activation_mb, rel_tol=0.05)


def multiply_adds(network, images):
    """Of the convolutions, one by one: each output value takes as many as it has inputs."""
    found = []

    def note(module, given, output):
        if isinstance(module, nn.ConvTranspose2d):
            found.append(given[0].numel() * module.weight[0].numel())
        else:
            found.append(output.numel() * module.weight[0].numel())

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.register_forward_hook(note)
    network(images)
    return sum(found)


@pytest.mark.parametrize("keys", SMALL.values(), ids=SMALL)
def test_a_count_is_what_a_real_network_has_and_does(keys):
    member = recipe(**keys)
    network = build(member).train()
    images = torch.rand(2, len(member.frames), 3, 256, 256)
    kept, weights = {}, {parameter.data_ptr() for parameter in network.parameters()}

    def keep(tensor):
        if tensor.data_ptr() not in weights:
            kept[tensor.untyped_storage().data_ptr()] = (tensor, tensor.untyped_storage().nbytes())
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        done = multiply_adds(network, images)
    found = count(member)
    assert found.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert found.gmacs == pytest.approx(done / 2e9, abs=6e-4)
    # Kernels on a device keep some workspace that shapes alone do not tell of.
    assert found.activation_mb == pytest.approx(sum(size for _, size in kept.values()) / 2e6, rel=0.05)


@pytest.mark.parametrize("network", [network for network in TABLE if network[0] in QUICK], ids="-".join)
def test_the_shipped_table_is_what_is_counted(network):
    """The rest of it is counted by `make test-zoo`."""
    check_row(network, STAGES[network])


def test_the_table_holds_nothing_that_is_not_shipped():
    assert set(TABLE) <= set(STAGES)

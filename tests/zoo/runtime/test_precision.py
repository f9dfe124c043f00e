"""Half precision is used where the device computes faster in it, and only there."""

from copy import deepcopy

import pytest
import torch

from zoo.runtime import precision
from zoo.runtime.precision import (
    CPU_BF16,
    autocast,
    half_precision,
    keep_depthwise_in_float32,
    prediction_precision,
    training_precision,
)

CPU = torch.device("cpu")


@pytest.fixture
def with_half(monkeypatch):
    """Make every device one with this half precision."""
    return lambda half: monkeypatch.setattr(precision, "half_precision", lambda device: half)


@pytest.mark.parametrize("half", ["bf16", "fp16", None])
def test_auto_trains_in_the_half_precision_of_the_device(with_half, half):
    with_half(half)
    assert training_precision("auto", CPU) == (half or "fp32")
    assert [training_precision(name, CPU) for name in ("fp32", "bf16", "fp16")] == ["fp32", "bf16", "fp16"]


def test_prediction_is_full_on_a_cpu_and_where_the_recipe_insists(with_half):
    with_half("bf16")
    assert [prediction_precision(name, CPU) for name in ("auto", "bf16", "fp32")] == ["fp32"] * 3
    cuda = torch.device("cuda")
    assert [prediction_precision(name, cuda) for name in ("auto", "fp16", "fp32")] == ["bf16", "bf16", "fp32"]
    with_half(None)
    assert [prediction_precision(name, cuda) for name in ("auto", "fp16", "fp32")] == ["fp32"] * 3


@pytest.mark.parametrize(("major", "half"), [(9, "bf16"), (8, "bf16"), (7, "fp16"), (6, None)])
def test_half_precision_of_a_card_follows_its_capability(monkeypatch, major, half):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, 0))
    assert half_precision(torch.device("cuda")) == half


@pytest.mark.parametrize(
    ("flags", "half"),
    [((True, True), "bf16"), ((True, False), "bf16"), ((False, True), "bf16"), ((False, False), None), ((), None)],
)
def test_half_precision_of_a_cpu_follows_its_flags(monkeypatch, flags, half):
    """Older releases of torch have no such flags."""
    for name in CPU_BF16:
        monkeypatch.delattr(torch.cpu, name, raising=False)
    for name, flag in zip(CPU_BF16, flags):
        monkeypatch.setattr(torch.cpu, name, lambda flag=flag: flag, raising=False)
    assert half_precision(CPU) == half
    assert half_precision(torch.device("mps")) is None


@pytest.mark.parametrize(("name", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_layers_compute_in_the_precision_that_is_named(name, kind):
    with autocast(CPU, name):
        assert torch.nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == kind


def test_depthwise_convolutions_are_kept_in_float32_and_compute_the_same():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(4, 4, 3), torch.nn.Conv2d(4, 4, 3, groups=4), torch.nn.Conv2d(4, 2, 1)
    )
    names, maps = list(network.state_dict()), torch.rand(2, 4, 9, 9)
    before = network(maps)
    keep_depthwise_in_float32(network)
    assert torch.equal(network(maps), before)
    assert list(network.state_dict()) == names
    copied = deepcopy(network)
    with torch.no_grad():
        copied[1].weight.zero_()
    kinds = []
    for layer in copied:
        layer.register_forward_hook(lambda layer, given, made: kinds.append(made.dtype))
    with autocast(CPU, "bf16"):
        assert not torch.equal(network(maps), copied(maps))  # the copy computes with its own weights
    assert kinds == [torch.bfloat16, torch.float32, torch.bfloat16]

"""timm's optimizers by name."""

from copy import deepcopy

import pytest
import torch
from timm.optim import Lookahead

from core.errors import UnknownName, UsageError
from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.training.optimizers import check_optimizer, make_optimizer

CPU = torch.device("cpu")


def made(name, **keys):
    layer = torch.nn.Conv2d(2, 2, 3)
    return make_optimizer(with_settings(TINY, {"optimizer": name, **keys}), layer.parameters())


@pytest.mark.parametrize(
    ("name", "kind", "facts"),
    [
        ("adam", torch.optim.Adam, {"fused": True}),
        ("adamw", torch.optim.AdamW, {"fused": True}),
        ("sgd", torch.optim.SGD, {"momentum": 0.8, "nesterov": False}),
        ("nesterov", torch.optim.SGD, {"momentum": 0.8, "nesterov": True}),
        ("radam", torch.optim.RAdam, {}),
        ("lookahead_sgd", Lookahead, {"momentum": 0.8, "nesterov": False, "lookahead_k": 6}),
    ],
)
def test_an_optimizer_is_what_its_name_says(name, kind, facts):
    optimizer = made(name, lr=0.02, weight_decay=0.03, momentum=0.8)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups  # biases decay too
    assert {"lr": 0.02, "weight_decay": 0.03, **facts}.items() <= group.items()


@pytest.mark.parametrize("name", ["adam", "sgd", "lamb", "lion", "nadamw", "adafactor", "muon", "lookahead_radam"])
def test_what_can_train_passes_the_check(name):
    check_optimizer(with_settings(TINY, {"optimizer": name}), CPU)


def test_a_typo_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownName, match='no optimizer "adamm"; did you mean "adam'):
        check_optimizer(with_settings(TINY, {"optimizer": "adamm"}), CPU)


def test_a_typo_after_a_prefix_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownName, match='no optimizer "lookahead_radamm"; did you mean "lookahead_radam'):
        check_optimizer(with_settings(TINY, {"optimizer": "lookahead_radamm"}), CPU)


def test_lookahead_goes_on_from_its_state_as_if_undisturbed():
    """Steps, slow weights and rate."""
    torch.manual_seed(1)
    layers = [torch.nn.Linear(2, 2) for _ in range(2)]
    layers[1].load_state_dict(layers[0].state_dict())
    first, second = (
        make_optimizer(with_settings(TINY, {"optimizer": "lookahead_radam"}), layer.parameters()) for layer in layers
    )

    def step(layer, optimizer):
        optimizer.zero_grad()
        layer(torch.ones(1, 2)).square().sum().backward()
        optimizer.step()

    for _ in range(8):
        step(layers[0], first)
    second.load_state_dict(deepcopy(first.state_dict()))
    layers[1].load_state_dict(layers[0].state_dict())
    for _ in range(6):
        step(layers[0], first)
        step(layers[1], second)
    assert torch.equal(layers[0].weight, layers[1].weight)


@pytest.mark.parametrize("name", ["adahessian", "fusedadam"])
def test_one_that_cannot_train_here_is_refused_before_anything_starts(name):
    with pytest.raises(UsageError, match=f"optimizer {name} does not train here .*; choose another"):
        check_optimizer(with_settings(TINY, {"optimizer": name}), CPU)

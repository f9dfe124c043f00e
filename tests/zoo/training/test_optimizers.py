"""timm's optimizers by name."""

import pytest
import torch

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
    ],
)
def test_an_optimizer_is_what_its_name_says(name, kind, facts):
    optimizer = made(name, lr=0.02, weight_decay=0.03, momentum=0.8)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups  # biases decay too
    assert {"lr": 0.02, "weight_decay": 0.03, **facts}.items() <= group.items()


@pytest.mark.parametrize("name", ["adam", "sgd", "lamb", "lion", "nadamw", "adafactor", "muon"])
def test_what_can_train_passes_the_check(name):
    check_optimizer(with_settings(TINY, {"optimizer": name}), CPU)


def test_a_typo_is_answered_with_the_nearest_name():
    with pytest.raises(UnknownName, match='no optimizer "adamm"; did you mean "adam'):
        check_optimizer(with_settings(TINY, {"optimizer": "adamm"}), CPU)


@pytest.mark.parametrize("name", ["adahessian", "fusedadam"])
def test_one_that_cannot_train_here_is_refused_before_anything_starts(name):
    with pytest.raises(UsageError, match=f"optimizer {name} does not train here .*; choose another"):
        check_optimizer(with_settings(TINY, {"optimizer": name}), CPU)

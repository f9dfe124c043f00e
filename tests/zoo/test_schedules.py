"""The rate as a function of the step: torch's schedulers are the oracle."""

import pytest
import torch
from torch.optim import lr_scheduler

from core.errors import UsageError
from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.schedules import learning_rate

STEPS = 40


def rates(**keys):
    recipe = with_settings(TINY, {"lr": 0.5, "warmup": 0.0} | keys)
    return [learning_rate(recipe, step, STEPS) for step in range(STEPS)]


def torch_rates(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler, found = make(optimizer), []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


CASES = {
    "constant": ({}, lambda o: lr_scheduler.ConstantLR(o, factor=1.0)),
    "cosine": ({"min_lr": 0.01}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=0.01)),
    "step": (
        {"milestones": (0.25, 0.8), "gamma": 0.3},
        lambda o: lr_scheduler.MultiStepLR(o, [STEPS // 4, STEPS * 4 // 5], gamma=0.3),
    ),
    "one_cycle": ({"warmup": 0.3}, lambda o: lr_scheduler.OneCycleLR(o, 0.5, total_steps=STEPS, pct_start=0.3)),
}


@pytest.mark.parametrize("name", CASES)
def test_each_schedule_is_torchs(name):
    keys, make = CASES[name]
    assert rates(schedule=name, **keys) == pytest.approx(torch_rates(make), abs=1e-9)


@pytest.mark.parametrize("name", ["constant", "cosine", "step"])
def test_the_rate_warms_up_linearly(name):
    found = rates(schedule=name, warmup=0.25)
    assert found[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert max(found) == 0.5 == found[9]
    assert found[9:] == sorted(found[9:], reverse=True)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate_too(name, steps):
    recipe = with_settings(TINY, {"schedule": name, "warmup": 0.3, "lr": 0.5})
    assert all(0 <= learning_rate(recipe, step, steps) <= 0.5 for step in range(steps))


def test_a_rise_of_one_step_is_at_its_top_at_once():
    recipe = with_settings(TINY, {"schedule": "one_cycle", "warmup": 0.1, "lr": 0.5})
    assert learning_rate(recipe, 0, 10) == 0.5


def test_one_cycle_needs_its_rise():
    with pytest.raises(UsageError, match=r"warmup = 0.0; one_cycle needs the share"):
        with_settings(TINY, {"schedule": "one_cycle", "warmup": 0.0})

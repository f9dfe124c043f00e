"""Every loss is finite, least where it should be, and as computed by hand."""

import pytest
import torch

from zoo.losses import LOSSES

TARGET = torch.tensor([1.0, 1.0, 0.0, 0.0]).reshape(1, 1, 2, 2)


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_loss_falls_towards_the_target(name):
    loss = LOSSES.get(name)
    good, bad = (TARGET * 2 - 1) * 4, (1 - TARGET * 2) * 4
    assert loss(good, TARGET) < loss(bad, TARGET)


@pytest.mark.parametrize("name", LOSSES.names())
def test_the_gradient_pulls_each_pixel_to_its_target(name):
    logits = torch.zeros(1, 1, 2, 2, requires_grad=True)
    LOSSES.get(name)(logits, TARGET).backward()
    assert torch.equal(logits.grad < 0, TARGET > 0.5)


@pytest.mark.parametrize("name", LOSSES.names())
def test_a_batch_without_contrails_has_a_finite_gradient(name):
    logits = torch.zeros(2, 1, 4, 4, requires_grad=True)
    LOSSES.get(name)(logits, torch.zeros(2, 1, 4, 4)).backward()
    assert torch.isfinite(logits.grad).all()
    assert (logits.grad > 0).all()


def test_dice_counts_over_the_whole_batch():
    """p = 0.5 everywhere: 2 * 1 / (2 + 2), with one pixel of smoothing."""
    assert LOSSES.get("dice")(torch.zeros(1, 1, 2, 2), TARGET).item() == pytest.approx(1 - 3 / 5)
    two = torch.cat([TARGET, torch.zeros_like(TARGET)])
    assert LOSSES.get("dice")(torch.zeros(2, 1, 2, 2), two).item() == pytest.approx(1 - 3 / 7)


def test_cross_entropy_by_hand():
    assert LOSSES.get("bce")(torch.zeros(1, 1, 2, 2), TARGET).item() == pytest.approx(0.693147, abs=1e-5)

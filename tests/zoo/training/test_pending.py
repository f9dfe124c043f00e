"""Losses that lie on the device until someone asks for them."""

import pytest
import torch

from zoo.training import pending
from zoo.training.pending import PendingLosses


def test_losses_are_taken_once_and_in_their_order():
    losses = PendingLosses(torch.device("cpu"))
    for step in range(3):
        losses.add([torch.tensor(float(step)), torch.tensor(step + 0.5)])
    assert losses.take() == [[0, 0.5], [1, 1.5], [2, 2.5]]
    assert losses.take() == []


@pytest.mark.parametrize(("device", "due"), [("cpu", [True, True, True]), ("cuda", [False, False, True])])
def test_a_card_is_asked_once_a_second(monkeypatch, device, due):
    now = iter([0.0, 0.4, 0.9, 1.1])
    monkeypatch.setattr(pending.time, "monotonic", lambda: next(now))
    losses = PendingLosses(torch.device(device))
    assert [losses.due for _ in due] == due

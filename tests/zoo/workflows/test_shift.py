"""The shift of a member's maps is the offset at which its network predicts."""

import numpy as np
import pytest
import torch

import zoo.inference
from tests.zoo.training.cases import TINY, trained_folder
from zoo.runs import Ref
from zoo.workflows.shift import measure_view_shift


class Off(torch.nn.Module):
    """Network that predicts bright pixels `rows` down and `columns` right of where they are."""

    def __init__(self, rows, columns):
        super().__init__()
        self.by = (rows, columns)

    def forward(self, images):
        return torch.roll(images[:, 0, :1] * 8 - 4, self.by, (-2, -1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return trained_folder(tmp_path_factory.mktemp("shift"), {"epochs": 1})


@pytest.mark.parametrize("off", [(0, 0), (1, 0), (1, 1)])
def test_maps_that_lie_off_show_the_shift_that_undoes_it(trained, off, monkeypatch):
    scenes, _, (run,) = trained
    noise = torch.from_numpy(np.random.default_rng(0).random((64, 1, 3, 64, 64), np.float32))
    smooth = torch.nn.functional.interpolate(noise[:, 0], (256, 256), mode="bicubic")[:, None]
    monkeypatch.setattr(zoo.inference, "load_network", lambda run: Off(*off))
    monkeypatch.setattr(zoo.inference, "read_images", lambda recipe, scenes, batch, *rest: smooth[: len(batch)])
    found = measure_view_shift(run.store, scenes, Ref(TINY.name), device="cpu", jobs=1)
    assert (found.shift.dy.value, found.shift.dx.value) == pytest.approx((-off[0], -off[1]), abs=0.05)
    assert found.learned == 0.5 and "no evidence" in found.verdict  # trained on d4, registered

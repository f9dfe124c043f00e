"""Half precision is used where it was found to be faster, and only there."""

import pytest
import torch

from tests.zoo.training.cases import trained
from zoo.runtime import precision
from zoo.runtime.precision import autocast, fastest, prediction_precision, training_precision

CPU = torch.device("cpu")


@pytest.fixture
def timed(monkeypatch):
    """Make this device one with units for a half precision, and the stopwatch say what it is told."""

    def tell(half, seconds):
        monkeypatch.setattr(precision, "half_of", lambda device: half)
        monkeypatch.setattr(precision, "_seconds", lambda device, name: 1.0 if name == "fp32" else seconds)
        fastest.cache_clear()

    yield tell
    fastest.cache_clear()


@pytest.mark.parametrize(
    ("half", "seconds", "chosen"),
    [
        ("bf16", 0.3, "bf16"),
        ("fp16", 0.3, "fp16"),
        ("bf16", 0.9, "fp32"),  # not worth the rounding
        ("bf16", 50.0, "fp32"),
        ("bf16", float("inf"), "fp32"),
        (None, 0.1, "fp32"),  # no units for it: the stopwatch is not asked
    ],
)
def test_a_half_precision_is_taken_where_it_has_units_and_is_faster(timed, half, seconds, chosen):
    timed(half, seconds)
    assert fastest(CPU) == training_precision("auto", CPU) == chosen
    assert [training_precision(name, CPU) for name in ("fp32", "bf16", "fp16")] == ["fp32", "bf16", "fp16"]


def test_prediction_is_full_on_a_cpu_and_where_the_recipe_insists(timed):
    timed("bf16", 0.1)
    assert [prediction_precision(name, CPU) for name in ("auto", "bf16", "fp32")] == ["fp32"] * 3
    cuda = torch.device("cuda")
    assert [prediction_precision(name, cuda) for name in ("auto", "fp16", "fp32")] == ["bf16", "bf16", "fp32"]


@pytest.mark.parametrize(("major", "half"), [(9, "bf16"), (8, "bf16"), (7, "fp16"), (6, None)])
def test_a_card_is_asked_for_its_capability(monkeypatch, major, half):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (major, 0))
    assert precision.half_of(torch.device("cuda")) == half


@pytest.mark.parametrize(("amx", "half"), [(True, "bf16"), (False, None)])
def test_a_cpu_is_asked_for_its_matrix_units(monkeypatch, amx, half):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert precision.half_of(CPU) == half
    assert precision.half_of(torch.device("mps")) is None


def test_the_stopwatch_is_quick():
    assert 0 < precision._seconds(CPU, "fp32") < 1


@pytest.mark.parametrize(("name", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_layers_compute_in_the_precision_that_is_named(name, kind):
    with autocast(CPU, name):
        assert torch.nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == kind


def test_a_run_goes_on_in_the_precision_that_it_began_in(tmp_path, scenes, folds, monkeypatch):
    monkeypatch.setattr("zoo.training.step.training_precision", lambda *_: "fp16")

    def kill(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, scenes, folds, {"epochs": 2}, report=kill)
    monkeypatch.setattr("zoo.training.step.training_precision", lambda *_: "fp32")
    assert trained(tmp_path, scenes, folds, {"epochs": 2}).read_result()["precision"] == "fp16"

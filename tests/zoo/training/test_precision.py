"""Half precision is used where it was found to be faster, and only there."""

import pytest
import torch

from tests.zoo.training.cases import trained
from zoo.training import precision
from zoo.training.precision import autocast, fastest, prediction_precision, training_precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("bf16", "fp16", "chosen"),
    [
        (50.0, 50.0, "fp32"),  # a CPU without AMX
        (0.6, 0.6, "fp32"),  # not worth the rounding
        (0.3, 0.2, "bf16"),
        (3.0, 0.3, "fp16"),  # a card that only emulates bfloat16
        (float("inf"), float("inf"), "fp32"),
    ],
)
def test_the_fastest_precision_is_found_by_timing(monkeypatch, bf16, fp16, chosen):
    seconds = {"fp32": 1.0, "bf16": bf16, "fp16": fp16}
    monkeypatch.setattr(precision, "_seconds", lambda device, name: seconds[name])
    fastest.cache_clear()
    assert fastest(CPU) == chosen
    assert training_precision("auto", CPU) == chosen
    assert prediction_precision("fp16", CPU) == chosen
    fastest.cache_clear()


def test_what_a_recipe_insists_on_is_not_timed(monkeypatch):
    monkeypatch.setattr(precision, "_seconds", lambda *_: pytest.fail("timed"))
    fastest.cache_clear()
    assert [training_precision(name, CPU) for name in ("fp32", "bf16", "fp16")] == ["fp32", "bf16", "fp16"]
    assert prediction_precision("fp32", CPU) == "fp32"
    assert fastest(torch.device("mps")) == "fp32"


def test_the_calibration_is_quick_and_knows_this_device():
    assert 0 < precision._seconds(CPU, "fp32") < 1
    fastest.cache_clear()
    assert fastest(CPU) in ("fp32", "bf16", "fp16")


@pytest.mark.parametrize(("name", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)])
def test_layers_compute_in_the_precision_that_is_named(name, kind):
    with autocast(CPU, name):
        assert torch.nn.Linear(2, 2)(torch.zeros(1, 2)).dtype == kind


def test_a_run_goes_on_in_the_precision_that_it_began_in(tmp_path, scenes, folds, monkeypatch):
    monkeypatch.setattr("zoo.training.learner.training_precision", lambda *_: "fp16")
    run = trained(tmp_path, scenes, folds, {"epochs": 1})
    assert run.read_result()["precision"] == "fp16"
    run.result.unlink()
    monkeypatch.setattr("zoo.training.learner.training_precision", lambda *_: "fp32")
    assert trained(tmp_path, scenes, folds, {"epochs": 1}).read_result()["precision"] == "fp16"

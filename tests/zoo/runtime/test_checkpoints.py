"""States and weights: a changed bit is seen, and a file that cannot be read is not taken for a damaged one."""

import os

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from core.errors import UserError
from tests.flips import flipped
from zoo.runtime.checkpoints import load_state, read_weights, save_state, weights_of, write_weights


@pytest.fixture
def state(tmp_path):
    """The file of a state, and what is in it."""
    held = {"weights": torch.arange(40.0), "epochs": [{"epoch": 1, "dice": 0.5}], "started_from": None}
    save_state(tmp_path / "last.pt", held)
    return tmp_path / "last.pt"


def test_a_state_comes_back(state):
    read = load_state(state)
    assert (read["weights"].tolist(), read["epochs"]) == (list(range(40)), [{"epoch": 1, "dice": 0.5}])
    assert load_state(state.with_name("absent.pt")) is None


def test_a_state_with_a_flipped_bit_is_none(state):
    whole = state.read_bytes()
    for torn in flipped(whole, range(0, 8 * len(whole), 7)):
        state.write_bytes(torn)
        assert load_state(state) is None


def test_a_layer_of_two_names_is_written_under_both(tmp_path):
    layer = nn.Linear(2, 2)
    write_weights(tmp_path / "weights", weights_of(nn.ModuleDict({"first": layer, "again": layer})))
    read = read_weights(tmp_path / "weights")
    assert set(read) == {f"{name}.{part}" for name in ("first", "again") for part in ("weight", "bias")}
    assert torch.equal(read["first.weight"], layer.weight) and torch.equal(read["again.weight"], layer.weight)


def test_a_state_of_an_older_release_is_read(tmp_path):
    torch.save({"epochs": [], "weights": torch.arange(3)}, tmp_path / "last.pt")
    assert load_state(tmp_path / "last.pt")["weights"].tolist() == [0, 1, 2]


def test_a_state_that_cannot_be_read_is_not_taken_for_a_damaged_one(state, monkeypatch):
    def fail(path, flags):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(UserError, match=r"last.pt: cannot be read \(Too many open files\)"):
        load_state(state)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_too_little_memory_is_not_taken_for_damage(state, tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    write_weights(tmp_path / "weights", weights_of(nn.Linear(2, 2)))
    monkeypatch.setattr(torch, "load", fail)
    monkeypatch.setattr("safetensors.torch.load", fail)
    for read, path in ((load_state, state), (read_weights, tmp_path / "weights")):
        with pytest.raises(type(error)):
            read(path)


def test_a_flipped_bit_in_weights_is_refused_or_changes_nothing(tmp_path):
    path, network = tmp_path / "best.safetensors", nn.BatchNorm2d(2)
    write_weights(path, weights_of(network))
    good = network.state_dict()
    for torn in flipped(path.read_bytes(), range(8 * path.stat().st_size)):
        path.write_bytes(torn)
        try:
            read = read_weights(path)
        except UserError:
            continue
        assert read.keys() == good.keys() and all(torch.equal(read[key], good[key]) for key in good)


def test_weights_of_an_older_release_are_read(tmp_path):
    save_file({"a": torch.ones(2)}, tmp_path / "best.safetensors")
    assert read_weights(tmp_path / "best.safetensors")["a"].tolist() == [1, 1]

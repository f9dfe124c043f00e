"""Optimizers of timm's factory, by name."""

from functools import lru_cache
from typing import Any

import torch
from timm.optim import create_optimizer_v2, list_optimizers
from torch import nn
from torch.optim.optimizer import ParamsT

from core.errors import UnknownName, UsageError, is_out_of_memory
from zoo.members import Recipe

# timm's `sgd` has Nesterov momentum; the log's and the paper's has classical momentum, which timm calls `momentum`.
NAMES = {"sgd": "momentum"}
LOOKAHEAD = "lookahead_"  # before any name: slow weights follow the fast ones (arXiv 1907.08610); of RAdam, Ranger
FUSED = ("adam", "adamw")  # torch updates all tensors of these in one pass


def make_optimizer(recipe: Recipe, parameters: ParamsT) -> torch.optim.Optimizer:
    """Make the optimizer that the recipe names; UnknownName with the nearest name, UsageError if it cannot run here.

    parameters: all of them, or groups (`zoo.training.parameter_groups`). What a group does not say otherwise decays,
    biases and norms included, as in torch's own optimizers.
    """
    check_optimizer_name(recipe)
    prefix, name = _split(recipe.optimizer)
    fused: dict[str, Any] = {"fused": True} if name in FUSED else {}
    try:
        return create_optimizer_v2(
            parameters,
            prefix + NAMES.get(name, name),
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
            **fused,
        )
    except Exception as error:  # a missing package or a refused value raises whatever its library does
        if is_out_of_memory(error):
            raise
        raise _refused(recipe, error) from error


def check_optimizer_name(recipe: Recipe) -> None:
    """UnknownName, with the nearest name, if timm has no such optimizer."""
    prefix, name = _split(recipe.optimizer)
    known = [str(known) for known in list_optimizers()]
    if name not in known:
        raise UnknownName("optimizer", recipe.optimizer, [prefix + one for one in known], recipe.name)


@lru_cache(maxsize=8)
def check_optimizer(recipe: Recipe, device: torch.device) -> None:
    """Try one step on a small layer; UsageError if it fails: some need a package, some a GPU, some a closure."""
    layer = nn.Conv2d(2, 2, 3, device=device)
    optimizer = make_optimizer(recipe, layer.parameters())
    try:
        layer(torch.zeros(1, 2, 3, 3, device=device)).sum().backward()
        optimizer.step()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise _refused(recipe, error) from error


def _split(optimizer: str) -> tuple[str, str]:
    """Prefix, or "", and the optimizer that it changes."""
    name = optimizer.removeprefix(LOOKAHEAD)
    return optimizer.removesuffix(name), name


def _refused(recipe: Recipe, error: Exception) -> UsageError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UsageError(f"{recipe.name}: optimizer {recipe.optimizer} does not train here ({reason}); choose another")

"""The optimizers of timm's factory, by name."""

from collections.abc import Iterable
from functools import lru_cache

import torch
from timm.optim import create_optimizer_v2, list_optimizers
from torch import nn

from core.errors import UnknownName, UsageError
from zoo.members import Recipe

# timm's `sgd` has Nesterov momentum; the log's and the paper's is the classical one, and timm has that name for it.
NAMES = {"sgd": "momentum"}


def make_optimizer(recipe: Recipe, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """The optimizer that the recipe names; UnknownName with the nearest name, UsageError where it cannot be had here.

    Every parameter decays, biases and norms too, as torch's own optimizers have it.
    """
    check_optimizer_name(recipe)
    name = recipe.optimizer
    try:
        return create_optimizer_v2(
            list(parameters),
            NAMES.get(name, name),
            lr=recipe.lr,
            weight_decay=recipe.weight_decay,
            momentum=recipe.momentum,
        )
    except Exception as error:  # whatever a package that is not there, or a value that it refuses, raises
        raise _refused(recipe, error) from error


def check_optimizer_name(recipe: Recipe) -> None:
    """UnknownName with the nearest name where timm has none such."""
    known = [str(known) for known in list_optimizers()]
    if recipe.optimizer not in known:
        raise UnknownName("optimizer", recipe.optimizer, known, recipe.name)


@lru_cache(maxsize=8)
def check_optimizer(recipe: Recipe, device: torch.device) -> None:
    """One step on a small layer: some want packages of their own, some a GPU, some more than a gradient."""
    layer = nn.Conv2d(2, 2, 3, device=device)
    optimizer = make_optimizer(recipe, layer.parameters())
    try:
        layer(torch.zeros(1, 2, 3, 3, device=device)).sum().backward()
        optimizer.step()
    except Exception as error:
        raise _refused(recipe, error) from error


def _refused(recipe: Recipe, error: Exception) -> UsageError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UsageError(f"{recipe.name}: optimizer {recipe.optimizer} does not train here ({reason}); choose another")

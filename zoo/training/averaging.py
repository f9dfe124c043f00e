"""The mean of the weights of several epochs (place 4 took the five best)."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_swa_avg_fn

from zoo.runtime.checkpoints import load_weights
from zoo.training.history import Epoch


def epochs_to_average(history: Sequence[Epoch], count: int) -> list[Epoch]:
    """The best so many by Dice, or the last ones where none was scored, in their order; none where one is enough."""
    if count < 2:
        return []
    scored = history[-1].dice is not None
    ranked = sorted(history, key=lambda epoch: -(epoch.dice or 0.0)) if scored else list(reversed(history))
    return sorted(ranked[:count], key=lambda epoch: epoch.epoch)


def average_weights(paths: Sequence[Path], network: nn.Module) -> nn.Module:
    """A network with the mean of the weights and buffers in `paths`; overwrites those of `network`.

    BatchNorm's statistics are averaged too, not counted anew: the epochs are neighbours.
    """
    averaged = AveragedModel(network, avg_fn=get_swa_avg_fn(), use_buffers=True)
    for path in paths:
        load_weights(path, network)
        averaged.update_parameters(network)
    mean: nn.Module = averaged.module
    return mean

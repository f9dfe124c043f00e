"""Weight averaging over the best epochs of a run (place 4 took the five best)."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_swa_avg_fn

from zoo.runs.epochs import Epoch
from zoo.runtime.checkpoints import load_weights


def epochs_to_average(history: Sequence[Epoch], count: int, by_dice: bool = True) -> list[Epoch]:
    """Select the `count` best epochs by Dice, in their order; none below two.

    The last ones without `by_dice`, or if none was scored.
    """
    if count < 2:
        return []
    scored = [epoch for epoch in history if epoch.dice is not None] if by_dice else []
    ranked = sorted(scored, key=lambda epoch: -(epoch.dice or 0.0)) or list(reversed(history))
    return sorted(ranked[:count], key=lambda epoch: epoch.epoch)


def average_weights(paths: Sequence[Path], network: nn.Module) -> nn.Module:
    """Average the weights and buffers of the files in `paths` into a new network; overwrites those of `network`.

    BatchNorm statistics are averaged too, not estimated again: the epochs are of one run.
    """
    averaged = AveragedModel(network, avg_fn=get_swa_avg_fn(), use_buffers=True)
    for path in paths:
        load_weights(path, network)
        averaged.update_parameters(network)
    mean: nn.Module = averaged.module
    return mean

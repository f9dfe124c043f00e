"""BatchNorm statistics that are measured anew, in a pass over images."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def measuring(networks: Iterable[nn.Module]) -> Iterator[list[_BatchNorm]]:
    """Set the statistics of all BatchNorms in these networks to their mean over the batches run within the block.

    Everything else is in evaluation mode, and so is all behind the block. Yields the BatchNorms.
    """
    parts = list(networks)
    norms = [module for part in parts for module in part.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for part in parts:
        part.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean
        norm.train()
    try:
        yield norms
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum
            norm.eval()

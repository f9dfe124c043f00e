"""Random generators of a run, one for each use, the same in every process."""

import torch

from zoo.runs.run import Run


def generator(run: Run, *use: object) -> torch.Generator:
    """Generator on the CPU, seeded by the run and by what it is used for, such as ("step", 3, 17)."""
    return torch.Generator().manual_seed(run.random_seed(*use))

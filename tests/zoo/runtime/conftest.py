"""Scenes and split of the tests of training: prefetching is tested on tiny runs, too."""

from tests.zoo.training.conftest import folds, scenes

__all__ = ["folds", "scenes"]

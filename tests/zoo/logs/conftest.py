"""The scenes and the split of the tests of training."""

from tests.zoo.training.conftest import folds as folds
from tests.zoo.training.conftest import scenes as scenes

"""The registry of weight methods: from what a training set shows to a blend.

A method sees a `TrainingSet` and nothing else, and gives the same blend for the same training set.
"""

from collections.abc import Callable
from typing import Any

from core.registry import Registry
from ensemble.blend import Blend
from ensemble.counts import TrainingSet

Method = Callable[[TrainingSet], Blend]
METHODS: Registry[Method, dict[str, Any]] = Registry("weight method")

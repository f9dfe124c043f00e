"""Weight methods: one file per method, found by its name.

A method sees a training set, no held-out fold, and returns a blend: the same one for the same training set. In: counts
and pixels of a `TrainingSet`. Out: a `Blend`. Stays outside: cutting, scoring, the choice of the method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from core.registry import Registry

if TYPE_CHECKING:
    from ensemble.blend import Blend
    from ensemble.counts import TrainingSet

Method: TypeAlias = "Callable[[TrainingSet], Blend]"


@dataclass(frozen=True, kw_only=True)
class MethodFacts:
    """Facts of a weight method."""

    about: str  # for documentation
    fitted: bool = True  # False: the weights do not depend on the labels


METHODS: Registry[Method, MethodFacts] = Registry("weight method", MethodFacts, package=__name__, hyphens=True)

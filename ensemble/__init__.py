"""Ensembles of segmentation members: weights, threshold and min-pixels, fitted exactly and reported honestly.

In: members' out-of-fold maps, masks, folds. Out: an `Ensemble` that turns maps into masks, and its cross-fitted Dice.
Stays outside: torch, training, submission files. What is exported here is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ensemble.fitting import Fit, fit
    from ensemble.model import Ensemble, MemberUse, read_ensemble, write_ensemble
    from ensemble.strategy import FitOptions

_MODULES = {
    "Ensemble": "model",
    "Fit": "fitting",
    "FitOptions": "strategy",
    "MemberUse": "model",
    "fit": "fitting",
    "read_ensemble": "model",
    "write_ensemble": "model",
}

__all__ = ["Ensemble", "Fit", "FitOptions", "MemberUse", "fit", "read_ensemble", "write_ensemble"]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)

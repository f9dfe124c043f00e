"""What becomes of predictions: weights, threshold and min-pixels, fitted exactly and reported honestly.

In: members' out-of-fold maps, masks, folds. Out: an `Ensemble` that turns maps into masks, and what it is
worth. Stays outside: torch, training, submission files. numba is loaded only when something is counted.
"""

from ensemble.fitting import Fit, fit
from ensemble.model import Ensemble, MemberUse, ensemble_path, read_ensemble, write_ensemble
from ensemble.strategy import FitOptions

__all__ = [
    "Ensemble",
    "Fit",
    "FitOptions",
    "MemberUse",
    "ensemble_path",
    "fit",
    "read_ensemble",
    "write_ensemble",
]

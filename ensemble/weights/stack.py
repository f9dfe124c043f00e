"""Logistic stacking with non-negative coefficients.

log-odds = intercept + sum of coefficient * logit of the member. Scale and intercept do not change the order of the
pixels, and the threshold is chosen by Dice afterwards, so the stacker is a blend of logits in the same integers as any
other blend.
"""

import numpy as np
from numpy.typing import NDArray

from ensemble.blend import LOGIT_EDGE, Blend
from ensemble.counts import TrainingSet
from ensemble.weights import METHODS

PIXELS = 100_000
RIDGE = 1e-3


@METHODS.register("stack", about="logistic regression on logits with non-negative coefficients")
def stack(training: TrainingSet) -> Blend:
    """Fit a logistic regression on at most `PIXELS` active pixels; its coefficients weigh logits."""
    values, label = training.pixels(PIXELS)
    if not label.any() or label.all():
        return training.blend(np.ones(training.size), "logit")
    edge = LOGIT_EDGE / 255
    values = np.clip(values, edge, 1 - edge)
    coefficients = _regress(np.log(values / (1 - values)), label.astype(np.float64))
    # All coefficients are 0 where every member is anticorrelated with the label.
    return training.blend(coefficients if coefficients.sum() > 0 else np.ones(training.size), "logit")


def _regress(logits: NDArray[np.float64], label: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the coefficients (members,), >= 0, of least log-loss with a ridge towards equal ones."""
    from scipy.optimize import minimize

    members = len(logits)

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = parameters[0] + parameters[1:] @ logits
        with np.errstate(over="ignore"):  # 1 / inf is the 0 that is meant
            off = 1 / (1 + np.exp(-score)) - label
        pull = parameters[1:] - parameters[1:].mean()
        value = float((np.logaddexp(0, score) - label * score).mean() + RIDGE * (pull**2).sum())
        slopes = logits @ off / len(label) + 2 * RIDGE * pull
        return value, np.concatenate([[off.mean()], slopes])

    start = np.concatenate([[0.0], np.full(members, 1 / members)])
    bounds = [(None, None)] + [(0, None)] * members
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return np.asarray(found.x[1:], dtype=np.float64)

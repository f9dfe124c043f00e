"""Gradient-boosted stacking on the members' probabilities (Friedman 2001), by LightGBM.

More of a member's probability never makes less of a contrail: the trees are monotone. They are grown on the
active pixels and frozen to whole numbers; a threshold is chosen on pixels that the trees did not see.
"""

import numpy as np

from core.errors import UserError
from ensemble.blend import TOTAL, Blend, whole_weights
from ensemble.counts import Training
from ensemble.trees import from_structures
from ensemble.weights.registry import METHODS
from ensemble.weights.uniform import uniform

PIXELS = 100_000
ROUNDS = 60
SETTINGS = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.1,
    "min_data_in_leaf": 50,
    "feature_pre_filter": False,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": 0,
    "verbosity": -1,
}


@METHODS.register("boost", fitted=True, about="gradient-boosted stacking of probabilities")
def boost(training: Training) -> Blend:
    """Trees, and as weights the share that each member has in what their splits gain."""
    values, label = training.pixels(PIXELS)
    if not label.any() or label.all():
        return uniform(training)
    lightgbm = _lightgbm()
    settings = SETTINGS | {"monotone_constraints": [1] * training.size}
    data = lightgbm.Dataset(np.rint(values.T * 255), label.astype(np.float64), free_raw_data=True)
    grown = lightgbm.train(settings, data, ROUNDS)
    structures = [tree["tree_structure"] for tree in grown.dump_model()["tree_info"]]
    trees = from_structures(structures, training.members)
    gains = grown.feature_importance("gain") + 1e-9
    shares = np.zeros(len(training.tally.active.members))
    # Every member in sight keeps a weight: all their maps are needed to say which pixels are active.
    shares[list(training.members)] = np.maximum(gains / gains.sum(), 2 / TOTAL)
    return Blend(whole_weights(shares), trees=trees)


def _lightgbm():  # type: ignore[no-untyped-def]
    try:
        import lightgbm
    except (ImportError, OSError) as error:
        raise UserError(
            f"--method boost needs LightGBM ({error}); install it: pip install 'contrail-ensemble[boost]'"
        ) from error
    return lightgbm

"""Fit on arrays in memory: any binary segmentation problem, any one map size, no files.

In: members' out-of-fold maps, masks, folds and groups as arrays. Out: an `Ensemble` with its report.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.dice import Counts, count
from core.errors import UsageError, UserError
from core.listener import SILENT, Listener
from ensemble.blend import as_uint8
from ensemble.documents import freeze
from ensemble.fitting import fit_records
from ensemble.model import Ensemble, MemberUse
from ensemble.out_of_fold import OutOfFold
from ensemble.strategy import FitOptions

FOLDS = 5

Labels = Sequence[Hashable] | NDArray[Any]


def fit(
    maps: Mapping[str, ArrayLike],
    masks: ArrayLike,
    *,
    folds: Labels | None = None,
    groups: Labels | None = None,
    ids: Sequence[str] | None = None,
    method: str = "auto",
    min_pixels: str = "auto",
    ratios: str = "",
    prune: bool = False,
    name: str = "default",
    seed: int = 0,
    jobs: int | None = None,
    max_ram: float | None = None,
    listener: Listener = SILENT,
) -> Ensemble:
    """Fit weights, threshold and min-pixels on members' out-of-fold maps, and report the cross-fitted Dice.

    maps: member -> (n, H, W) probability maps: floats in [0, 1], or uint8 or uint16 of full scale. Each record's map
    must
        come from a model that was not trained on that record's group; floats are rounded to 1/255.
    masks: (n, H, W) bool, or 0 and 1
    folds: (n,) fold of each record, for cross-fitting; by default `FOLDS` folds, grouped and balanced by positives
    groups: (n,) group of each record, such as a scene or a patient: never split over folds, and one draw for
        intervals; by default each record is its own
    ids: (n,) names of the records
    method, min_pixels, ratios, prune: as in `FitOptions`
    seed: of default folds; jobs: threads, by default all cores; max_ram: GB, the lowest pixels are left out first
    Raises UsageError for maps that are no mapping and arrays that do not fit together, UnknownName for a method or mode
    that does not exist, UserError for values that are no probabilities, missing groups or a group in two folds.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> masks = np.zeros((30, 16, 16), bool)
    >>> masks[::2, 4:9, 3:13] = True
    >>> noise = {"a": 0.1, "b": 0.2}
    >>> maps = {name: np.clip(0.8 * masks + rng.normal(0.1, s, masks.shape), 0, 1) for name, s in noise.items()}
    >>> ensemble = fit(maps, masks)
    >>> ensemble.report.kind
    'cross_fitted'
    >>> ensemble.apply(maps).shape
    (30, 16, 16)
    """
    options = FitOptions(method, min_pixels, ratios, prune)
    records = _records(maps, masks, folds, groups, ids, seed)
    result = fit_records(records, options, jobs=jobs, max_ram=max_ram, listener=listener)
    weights = result.result.choice.blend.weights
    uses = [MemberUse(member, "", "", weight, "") for member, weight in zip(records.members, weights)]
    return freeze(name, result, uses)


class Ensembler:
    """Estimator over `fit` with scikit-learn's conventions: parameters in the constructor, results with a trailing _.

    `ensemble_`: the fitted `Ensemble`, after `fit`.

    >>> Ensembler(method="greedy").get_params()["method"]
    'greedy'
    """

    def __init__(
        self,
        method: str = "auto",
        min_pixels: str = "auto",
        ratios: str = "",
        prune: bool = False,
        seed: int = 0,
        jobs: int | None = None,
    ) -> None:
        self.method = method
        self.min_pixels = min_pixels
        self.ratios = ratios
        self.prune = prune
        self.seed = seed
        self.jobs = jobs

    def fit(
        self,
        maps: Mapping[str, ArrayLike],
        masks: ArrayLike,
        *,
        folds: Labels | None = None,
        groups: Labels | None = None,
    ) -> Ensembler:
        """Fit as the function `fit` does; returns self."""
        self.ensemble_ = fit(maps, masks, folds=folds, groups=groups, **self.get_params())
        return self

    def predict(self, maps: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
        """Apply the fitted ensemble: masks (n, H, W); UsageError before `fit`."""
        return self._fitted().apply(maps)

    def predict_proba(self, maps: Mapping[str, ArrayLike]) -> NDArray[np.float32]:
        """Blend the maps: probability of the foreground, (n, H, W); UsageError before `fit`."""
        return self._fitted().probabilities(maps)

    def score(self, maps: Mapping[str, ArrayLike], masks: ArrayLike) -> float:
        """Global Dice of the predicted masks; UsageError before `fit`."""
        return Counts.of(count(self.predict(maps), _bool(masks))).dice

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters of the constructor; `deep` is ignored, since no parameter is an estimator."""
        return {name: getattr(self, name) for name in _PARAMETERS}

    def set_params(self, **params: Any) -> Ensembler:
        """Set parameters of the constructor; UsageError for one that does not exist."""
        for name, value in params.items():
            if name not in _PARAMETERS:
                raise UsageError(f'Ensembler has no parameter "{name}"; it has {", ".join(_PARAMETERS)}')
            setattr(self, name, value)
        return self

    def _fitted(self) -> Ensemble:
        if not hasattr(self, "ensemble_"):
            raise UsageError("this Ensembler is not fitted; fit it first")
        return self.ensemble_

    def __repr__(self) -> str:
        return f"Ensembler({', '.join(f'{name}={value!r}' for name, value in self.get_params().items())})"


_PARAMETERS = ("method", "min_pixels", "ratios", "prune", "seed", "jobs")


def _records(
    maps: Mapping[str, ArrayLike],
    masks: ArrayLike,
    folds: Labels | None,
    groups: Labels | None,
    ids: Sequence[str] | None,
    seed: int,
) -> OutOfFold:
    """Check that the arrays fit together and put the records in the order of their folds."""
    truth = _bool(masks)
    arrays = _members(maps)
    for name, array in arrays.items():
        if array.shape != truth.shape:
            raise UsageError(f"maps of {name}: have shape {array.shape}, the masks {truth.shape}")
    names = _named(ids, len(truth))
    own = dict(zip(names, _groups(groups, len(truth)) if groups is not None else names))
    fold_of = dict(zip(names, _numbered(folds, len(truth)) if folds is not None else _balanced(truth, own, seed)))
    rows = {name: row for row, name in enumerate(names)}
    return OutOfFold(
        members=tuple(arrays),
        record_ids=tuple(sorted(names, key=lambda name: (fold_of[name], name))),
        fold_of=fold_of,
        group_of=own,
        read_maps=lambda some: np.stack(
            [as_uint8(array[[rows[one] for one in some]], f"maps of {name}", some) for name, array in arrays.items()]
        ),
        read_masks=lambda some: truth[[rows[one] for one in some]],
    )


def _members(maps: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
    if not isinstance(maps, Mapping):
        raise UsageError(f"maps: {type(maps).__name__} given; give a mapping of member name to maps")
    if unnamed := [name for name in maps if not isinstance(name, str)]:
        raise UsageError(f"maps: member name {unnamed[0]!r} is not text; give a mapping of member name to maps")
    if not maps:
        raise UsageError("maps: give at least one member")
    return {name: np.asarray(values) for name, values in maps.items()}


def _bool(masks: ArrayLike) -> NDArray[np.bool_]:
    array = np.asarray(masks)
    if array.ndim != 3:
        raise UsageError(f"masks: have shape {array.shape}; give (n, H, W)")
    if array.dtype != bool and not np.isin(array, (0, 1)).all():
        raise UsageError(f"masks: hold values other than 0 and 1 ({array.dtype}); give bool")
    return array.astype(bool, copy=False)


def _named(ids: Sequence[str] | None, number: int) -> list[str]:
    # Padded, so that their order is that of the records.
    names = [f"{row:0{len(str(number))}d}" for row in range(number)] if ids is None else [str(one) for one in ids]
    if len(names) != number or len(set(names)) != number:
        raise UsageError(f"ids: name {len(set(names))} records, the masks hold {number}")
    return names


def _groups(groups: Labels, number: int) -> list[str]:
    found = _labels("groups", groups, number)
    # By their text: NumPy turns a NaN among strings into "nan", and the NA of pandas has no truth value.
    missing = sum(label is None or str(label) in ("nan", "NaT", "<NA>") for label in found)
    if missing:
        raise UserError(f"groups: {missing} of {number} are missing (NaN or None); give each record a group")
    return list(map(str, found))


def _labels(what: str, labels: Labels, number: int) -> list[Hashable]:
    if getattr(labels, "ndim", 1) != 1 or not all(isinstance(label, Hashable) for label in labels):
        raise UsageError(f"{what}: have more than one dimension; give one label for each record")
    found = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
    if len(found) != number:
        raise UsageError(f"{what}: {len(found)} given for {number} records")
    return found


def _numbered(folds: Labels, number: int) -> list[int]:
    """Take whole numbers as they are, number other labels in their order."""
    labels, where = np.unique(np.asarray(_labels("folds", folds, number)), return_inverse=True)
    return labels[where].tolist() if labels.dtype.kind in "iu" else where.tolist()


def _balanced(masks: NDArray[np.bool_], group_of: Mapping[str, str], seed: int) -> list[int]:
    """Assign groups to folds balanced in foreground pixels, positive records and records."""
    from zoo.data.split import assign

    loads = dict.fromkeys(group_of.values(), (0, 0, 0))
    for pixels, group in zip(masks.sum(axis=(1, 2)).tolist(), group_of.values()):
        loads[group] = tuple(old + new for old, new in zip(loads[group], (pixels, pixels > 0, 1)))
    fold_of = assign(loads, max(1, min(FOLDS, len(loads))), seed)
    return [fold_of[group] for group in group_of.values()]

"""Comparison of two ensembles, record by record.

In: the counts that each keeps. Out: a document of the paired difference on the records that both were fitted on,
cross-fitted if both are, else in-sample. No maps and no masks are read.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.uncertainty import dice_difference, dice_interval
from ensemble.model import EDITED, Ensemble


def compare_ensembles(first: Ensemble, second: Ensemble, names: tuple[str, str] | None = None) -> dict[str, Any]:
    """Compare the Dice of two ensembles, paired, with intervals over scene groups.

    names: for the document, in place of the ensembles' own
    Raises UserError if they share no record, were fitted on different masks, or one was edited by hand.
    """
    names = names or (first.name, second.name)
    both = [one.per_record.get("cross_fitted") is not None for one in (first, second)]
    kind = "cross_fitted" if all(both) else "in_sample"
    shared = sorted(set(first.record_ids) & set(second.record_ids))
    if not shared:
        raise UserError(f"{first.name} and {second.name} share no record; fit them on the same records")
    counts = [_counts(one, kind, shared) for one in (first, second)]
    if (counts[0][:, 2] != counts[1][:, 2]).any():
        raise UserError(f"{first.name} and {second.name} were fitted on different masks; fit both again")
    groups = np.unique(_groups(first, shared), return_inverse=True)[1].astype(np.int64)
    gain = dice_difference(counts[0], counts[1], groups)
    alone = [dice_interval(part, groups) for part in counts]
    return {
        "kind": kind.replace("_", "-"),
        "dice": {name: one.value for name, one in zip(names, alone)},
        "dice_interval": {name: one.bounds for name, one in zip(names, alone)},
        "difference": gain.value,
        "interval": gain.bounds,
        "z": gain.z,
        "records": len(shared),
        "groups": gain.groups,
        "effective_groups": gain.effective_groups,
        "warnings": [gain.caution] if gain.caution else [],
    }


def _counts(ensemble: Ensemble, kind: str, shared: list[str]) -> NDArray[np.int64]:
    """Take the counts (n, 3) of the shared records."""
    if ensemble.edited:
        raise UserError(f"ensemble {ensemble.name} {EDITED}; it cannot be compared by them")
    rows = ensemble.per_record.get(kind)
    if rows is None or len(rows) != len(ensemble.record_ids):
        raise UserError(f"ensemble {ensemble.name}: has no counts per record; fit it again", ensemble.fit_again)
    where = {record: row for row, record in enumerate(ensemble.record_ids)}
    return np.array([rows[where[record]] for record in shared], dtype=np.int64)


def _groups(ensemble: Ensemble, shared: list[str]) -> list[str]:
    group_of = dict(zip(ensemble.record_ids, ensemble.per_record["groups"]))
    return [group_of[record] for record in shared]

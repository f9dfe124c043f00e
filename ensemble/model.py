"""The frozen ensemble: all that turns maps into masks, and where it comes from.

`Ensemble.apply` is what fit counted, on dense maps: the same integer sums, the same comparison, components by
their own labelling. In: members' uint8 maps. Out: masks. A file of it is JSON with a `format` number.
Stays outside: how the weights were found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.command import Command
from core.errors import UserError
from core.files import check_format, read_json, write_json
from ensemble.blend import TABLES, TOTAL, Blend, as_uint8, levels, table
from ensemble.min_pixels import MIN_PIXELS, NONE
from zoo.runs.store import Store

FORMAT = 1
CHUNK = 64  # records blended at once


@dataclass(frozen=True)
class MemberUse:
    """One member of an ensemble: which predictions of it, and how much they count."""

    name: str
    recipe: str
    tta: str
    weight: int  # of 2**16
    digest: str  # of the prediction sets that were fitted on
    seconds_per_record: float | None = None


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Members' weights, table, threshold level, min-pixels; where they come from and what they are worth.

    eps: the fit looked at no pixel where all members are below this value
    """

    name: str
    members: tuple[MemberUse, ...]
    table: str
    level: int
    mode: str
    k: int
    eps: int = 1
    method: str
    folds_sha256: str
    record_ids: tuple[str, ...]
    per_record: Mapping[str, Any] = field(default_factory=dict)  # groups and counts, beside record_ids
    fitted: Mapping[str, Any] = field(default_factory=dict)  # the document of `ensemble fit`

    def __post_init__(self) -> None:
        problems = [
            (sum(member.weight for member in self.members) == TOTAL, f"weights do not add up to {TOTAL}"),
            (all(member.weight >= 0 for member in self.members), "a weight is negative"),
            (len({member.name for member in self.members}) == len(self.members), "a member is named twice"),
            (self.table in TABLES.names(), f'there is no table "{self.table}"'),
            (self.mode in (NONE, *MIN_PIXELS.names()), f'there is no min-pixels mode "{self.mode}"'),
            (self.level >= 0 and self.k >= 0, "threshold or k is negative"),
            (0 <= self.eps <= 255, "eps is no uint8 value"),
        ]
        for holds, fault in problems:
            if not holds:
                raise UserError(f"ensemble {self.name}: {fault}; fit it again", Command("ensemble fit"))

    @property
    def threshold(self) -> float:
        """The threshold level as a probability."""
        return table(self.table).probability(self.level)

    @property
    def blend(self) -> Blend:
        """The blend that was fitted."""
        return Blend(tuple(member.weight for member in self.members), self.table)

    @property
    def weights(self) -> dict[str, int]:
        """Whole weights, sum 2**16, of the members that have any: only their maps are needed."""
        return {member.name: member.weight for member in self.members if member.weight}

    def member(self, name: str) -> MemberUse:
        """The member of this name."""
        return next(member for member in self.members if member.name == name)

    def apply(self, maps: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.bool_]:
        """Masks (n, H, W) bool from members' maps (n, H, W) uint8, probability * 255; uint16 is rounded to it.

        Raises UserError where the maps of a member with a weight are absent or of another shape or dtype.
        """
        used = self._used(maps)
        masks = np.zeros(next(iter(used.values())).shape, bool)
        for start in range(0, len(masks), CHUNK):
            part = slice(start, start + CHUNK)
            masks[part] = self._cut({name: array[part] for name, array in used.items()})
        return masks

    def probabilities(self, maps: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.float32]:
        """The blend of members' maps as probability, (n, H, W) float32, before any threshold; raises as `apply`."""
        by = table(self.table)
        blended = levels(self._used(maps), self.weights, by)
        return np.interp(blended / TOTAL, by.entries, np.arange(256) / 255).astype(np.float32)

    def _used(self, maps: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.uint8]]:
        used = {name: _checked(self.name, name, maps) for name in self.weights}
        shapes = {array.shape for array in used.values()}
        if len(shapes) > 1:
            raise UserError(f"ensemble {self.name}: maps of its members differ in shape: {sorted(shapes)}")
        return used

    def _cut(self, maps: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.bool_]:
        masks = levels(maps, self.weights, table(self.table)) >= self.level
        return masks if self.mode == NONE else MIN_PIXELS.get(self.mode).drop(masks, self.k)


def write_ensemble(path: Path, ensemble: Ensemble) -> None:
    """Write ensemble.json, atomically."""
    write_json(path, to_document(ensemble))


def read_ensemble(path: Path) -> Ensemble:
    """Read ensemble.json; UserError if it is absent, torn, of a newer format, or does not add up."""
    if not path.is_file():
        there = Store(path.parents[2]).ensembles()
        known = f"there are: {', '.join(there)}" if there else "none is fitted"
        raise UserError(f"{path}: there is no such ensemble; {known}", Command("ensemble fit"))
    document = read_json(path)
    check_format(document, FORMAT, path)
    try:
        return from_document(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: is no ensemble ({error!r}); fit it again", Command("ensemble fit")) from error
    except UserError as error:
        raise UserError(f"{path}: {error.what}", error.do) from error


def to_document(ensemble: Ensemble) -> dict[str, Any]:
    """The ensemble as a JSON document."""
    by = table(ensemble.table)
    return {
        "format": FORMAT,
        "name": ensemble.name,
        "method": ensemble.method,
        "members": [vars(member) for member in ensemble.members],
        "table": {"name": ensemble.table, "entries": None if by.linear else by.entries.tolist()},
        "threshold": {"level": ensemble.level, "of": by.top, "probability": ensemble.threshold},
        "min_pixels": {"mode": ensemble.mode, "k": ensemble.k},
        "active_from": ensemble.eps,
        "folds_sha256": ensemble.folds_sha256,
        "fitted": dict(ensemble.fitted),
        "record_ids": list(ensemble.record_ids),
        "per_record": dict(ensemble.per_record),
    }


def from_document(document: Mapping[str, Any]) -> Ensemble:
    """Read the ensemble from a JSON document.

    Raises UserError for what only older releases could fit and apply, KeyError, TypeError or ValueError where the
    document is no ensemble.
    """
    _refuse_removed(document)
    name = document["table"]["name"]
    entries = document["table"]["entries"]
    if name in TABLES.names() and entries is not None and entries != table(name).entries.tolist():
        raise ValueError(f"its {name} table is another than this version's")
    return Ensemble(
        name=str(document["name"]),
        method=str(document["method"]),
        members=tuple(_member(entry) for entry in document["members"]),
        table=name,
        level=_whole(document["threshold"]["level"]),
        mode=document["min_pixels"]["mode"],
        k=_whole(document["min_pixels"]["k"]),
        eps=_whole(document.get("active_from", 1)),
        folds_sha256=str(document["folds_sha256"]),
        record_ids=tuple(map(str, document["record_ids"])),
        per_record=document.get("per_record", {}),
        fitted=document["fitted"],
    )


def _refuse_removed(document: Mapping[str, Any]) -> None:
    mode = document["min_pixels"]["mode"]
    removed = {
        "boosted trees": document.get("trees"),
        "a percentile threshold": document.get("rate"),
        f"min-pixels {mode}": str(mode).endswith("-peak"),
    }
    for what, used in removed.items():
        if used:
            name = str(document["name"])
            raise UserError(
                f"ensemble {name}: uses {what}, which only an older release can apply; fit it again",
                Command("ensemble fit", name=name),
            )


def _member(entry: Mapping[str, Any]) -> MemberUse:
    return MemberUse(**{**entry, "weight": _whole(entry["weight"])})


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def _checked(ensemble: str, name: str, maps: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    if name not in maps:
        raise UserError(f"ensemble {ensemble}: the maps of member {name} are missing; predict it first")
    array = maps[name]
    if array.dtype == np.uint16:
        array = as_uint8(array)
    if array.dtype != np.uint8 or array.ndim != 3:
        raise UserError(
            f"ensemble {ensemble}: the maps of member {name} are {array.dtype} {array.shape}; "
            "give uint8 or uint16 (n, height, width)"
        )
    return array

"""The frozen ensemble: all that turns maps into masks, and where it comes from.

`Ensemble.apply` is what fit counted, on dense maps: the same integer sums, the same comparison, components by
their own labelling. In: members' uint8 maps. Out: masks. A file of it is JSON with a `format` number.
Stays outside: how the weights were found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.files import check_format, read_json, write_json
from ensemble.blend import BINS, TABLES, TOTAL, Blend, as_uint8, levels, table
from ensemble.surface import MODES, Rate, bin_of_rate, by_peak
from ensemble.trees import Trees

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

    `trees`: make one value of the members' own, in place of the weighted sum. `rate`: the share of pixels that is
    taken, whatever its level; `settled` finds the level for other records. `eps`: a pixel where no member reaches
    this value is no contrail.
    """

    name: str
    members: tuple[MemberUse, ...]
    table: str
    level: int
    mode: str
    k: int
    rate: Rate | None = None
    trees: Trees | None = None
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
            (self.table in TABLES, f'there is no table "{self.table}"'),
            (self.mode in MODES, f'there is no min-pixels mode "{self.mode}"'),
            (self.level >= 0 and self.k >= 0, "threshold or k is negative"),
            (0 <= self.eps <= 255, "eps is no uint8 value"),
            (self.rate is None or 0 <= self.rate.taken <= self.rate.of > 0, "its share of pixels is none"),
            (self._trees_see_members(), "its trees look at members without a weight"),
        ]
        for holds, fault in problems:
            if not holds:
                raise UserError(f"ensemble {self.name}: {fault}; fit it again: cli ensemble fit")

    @property
    def threshold(self) -> float:
        """The threshold level as a probability."""
        return table(self.table).probability(self.level)

    @property
    def peak(self) -> float | None:
        """The second threshold as a probability, where the mode asks for a peak: `k` is its bin."""
        return self.blend.probability(self.k) if by_peak(self.mode) else None

    @property
    def blend(self) -> Blend:
        """The blend that was fitted."""
        return Blend(tuple(member.weight for member in self.members), self.table, self.trees)

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
        heights = self._heights(self._used(maps))
        return np.interp(heights / TOTAL, by.entries, np.arange(256) / 255).astype(np.float32)

    def settled(self, chunks: Iterable[Mapping[str, NDArray[np.uint8]]]) -> Ensemble:
        """The ensemble for these records, given in chunks of maps as to `apply`.

        Itself, and nothing is read, unless its threshold takes a share of the pixels: then with the level that does.
        """
        if self.rate is None:
            return self
        by = table(self.table)
        counts, pixels = np.zeros(BINS, np.int64), 0
        for maps in chunks:
            bins = self._heights(self._used(maps)) >> by.shift
            counts += np.bincount(bins.ravel(), minlength=BINS)
            pixels += bins.size
        above = counts[::-1].cumsum()[::-1]
        return replace(self, level=bin_of_rate(above, pixels, self.rate, self.blend.floor(self.eps)) << by.shift)

    def _trees_see_members(self) -> bool:
        weighed = {number for number, member in enumerate(self.members) if member.weight}
        return self.trees is None or weighed.issuperset(self.trees.members)

    def _used(self, maps: Mapping[str, NDArray[np.uint8]]) -> dict[str, NDArray[np.uint8]]:
        used = {name: _checked(self.name, name, maps) for name in self.weights}
        shapes = {array.shape for array in used.values()}
        if len(shapes) > 1:
            raise UserError(f"ensemble {self.name}: maps of its members differ in shape: {sorted(shapes)}")
        return used

    def _heights(self, maps: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.int32]:
        """Levels (n, H, W) int32."""
        if self.trees is None:
            return levels(maps, self.weights, table(self.table))
        like = next(iter(maps.values()))
        everyone = np.stack([maps.get(member.name, np.zeros_like(like)).ravel() for member in self.members])
        values = self.trees.values(everyone, self.eps)
        return values.reshape(like.shape).astype(np.int32) * TOTAL

    def _cut(self, maps: Mapping[str, NDArray[np.uint8]]) -> NDArray[np.bool_]:
        by = table(self.table)
        heights = self._heights(maps)
        masks = heights >= self.level
        if self.mode == "image":
            masks[masks.sum(axis=(1, 2)) < self.k] = False
        elif self.mode == "image-peak":
            masks[heights.max(axis=(1, 2)) < self.k << by.shift] = False
        elif self.mode == "component" and self.k > 1:
            masks = np.stack([drop_small(mask, self.k) for mask in masks])
        elif self.mode == "component-peak":
            masks = np.stack([drop_low(mask, height >> by.shift, self.k) for mask, height in zip(masks, heights)])
        return masks


def drop_small(mask: NDArray[np.bool_], k: int) -> NDArray[np.bool_]:
    """One mask (H, W) without its 8-connected components of fewer than `k` pixels."""
    marks = _components(mask)
    sizes = np.bincount(marks.ravel())
    sizes[0] = 0
    return np.asarray(sizes[marks] >= k)


def drop_low(mask: NDArray[np.bool_], height: NDArray[np.int32], k: int) -> NDArray[np.bool_]:
    """One mask (H, W) without its 8-connected components whose highest pixel of `height` is below `k`."""
    marks = _components(mask)
    peaks = np.full(int(marks.max()) + 1, -1, np.int32)
    np.maximum.at(peaks, marks[mask], height[mask])
    return np.asarray(mask & (peaks[marks] >= k))


def _components(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    from scipy.ndimage import label

    return np.asarray(label(mask, np.ones((3, 3)))[0])


def ensemble_path(runs: Path, name: str) -> Path:
    """Where the ensemble of this name lies."""
    return runs / "ensembles" / name / "ensemble.json"


def names_of_ensembles(runs: Path) -> list[str]:
    """The ensembles that there are."""
    return sorted(path.parent.name for path in (runs / "ensembles").glob("*/ensemble.json"))


def write_ensemble(path: Path, ensemble: Ensemble) -> None:
    """Write ensemble.json, atomically."""
    write_json(path, to_document(ensemble))


def read_ensemble(path: Path) -> Ensemble:
    """Read ensemble.json; UserError, by name, where it is absent, torn, newer or does not add up."""
    if not path.is_file():
        runs = path.parent.parent.parent
        there = names_of_ensembles(runs)
        known = f"there are: {', '.join(there)}; or fit it" if there else "fit one"
        raise UserError(f"{path}: there is no such ensemble; {known}: cli ensemble fit")
    document = read_json(path)
    check_format(document, FORMAT, path)
    try:
        return from_document(document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: is no ensemble ({error!r}); fit it again: cli ensemble fit") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


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
        "rate": None if ensemble.rate is None else vars(ensemble.rate),
        "min_pixels": {"mode": ensemble.mode, "k": ensemble.k, "peak": ensemble.peak},
        "active_from": ensemble.eps,
        "trees": None if ensemble.trees is None else ensemble.trees.as_dict(),
        "folds_sha256": ensemble.folds_sha256,
        "fitted": dict(ensemble.fitted),
        "record_ids": list(ensemble.record_ids),
        "per_record": dict(ensemble.per_record),
    }


def from_document(document: Mapping[str, Any]) -> Ensemble:
    """The ensemble of a JSON document; KeyError, TypeError or ValueError where it is none."""
    name = document["table"]["name"]
    entries = document["table"]["entries"]
    if name in TABLES and entries is not None and entries != table(name).entries.tolist():
        raise ValueError(f"its {name} table is another than this version's")
    return Ensemble(
        name=str(document["name"]),
        method=str(document["method"]),
        members=tuple(_member(entry) for entry in document["members"]),
        table=name,
        level=_whole(document["threshold"]["level"]),
        mode=document["min_pixels"]["mode"],
        k=_whole(document["min_pixels"]["k"]),
        rate=_rate(document.get("rate")),
        trees=Trees.of(document["trees"]) if document.get("trees") else None,
        eps=_whole(document.get("active_from", 1)),
        folds_sha256=str(document["folds_sha256"]),
        record_ids=tuple(map(str, document["record_ids"])),
        per_record=document.get("per_record", {}),
        fitted=document["fitted"],
    )


def _member(entry: Mapping[str, Any]) -> MemberUse:
    return MemberUse(**{**entry, "weight": _whole(entry["weight"])})


def _rate(entry: Mapping[str, Any] | None) -> Rate | None:
    return None if entry is None else Rate(_whole(entry["taken"]), _whole(entry["of"]))


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

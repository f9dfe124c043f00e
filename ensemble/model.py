"""Ensemble: all that turns maps into masks, where it comes from, and its file.

`Ensemble.apply` does on dense maps what the fit counted: the same integer sums, the same comparison, min-pixels by
labelling. In: members' maps. Out: masks, probabilities, signed JSON. Stays outside: how the weights were found.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.command import Command
from core.dice import global_dice
from core.errors import Damaged, UserError
from core.files import parse_json, read_json
from core.schema import fit
from core.signing import check_signed, signed, write_signed
from ensemble.blend import TABLES, TOTAL, Blend, as_uint8, levels, table
from ensemble.min_pixels import MIN_PIXELS, NONE
from ensemble.report import FitReport
from ensemble.schema import SHOWN, EnsembleDocument, check_names
from zoo.runs.store import Store, ensemble_option

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 2
CHUNK = 64  # records blended at once
AGAIN = Command("ensemble fit")
EDITED = "was edited by hand and signed: its figures are those of the fit, before the edit"


@dataclass(frozen=True)
class MemberUse:
    """One member of an ensemble: the predictions of it that are used, and their weight."""

    name: str
    recipe: str  # hash; empty if the maps were arrays in memory, as are tta and digest
    tta: str
    weight: int  # of 2**16
    digest: str  # of the prediction sets of the fit
    seconds_per_record: float | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Ensemble:
    """Members' weights, table, threshold level and min-pixels, with provenance and report.

    table, level: the blend is an integer sum of table entries; a pixel is foreground where it is >= level
    mode, k: min-pixels. eps: pixels where all members are below this value were not read by the fit
    record_ids: records of the fit; per_record: their groups and counts; fitted: the document of the fit
    edited: the file was edited by hand and signed, so that `per_record` and `fitted` are not of this ensemble
    Raises UserError if these do not belong together.
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
    per_record: Mapping[str, Any] = field(default_factory=dict)
    fitted: Mapping[str, Any] = field(default_factory=dict)
    edited: bool = False

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
                raise UserError(f"ensemble {self.name}: {fault}; fit it again", AGAIN)

    @property
    def fit_again(self) -> Command:
        """Command that fits the same members again, on their predictions with the same views."""
        members = ",".join(member.name for member in self.members)
        views = [*{member.tta for member in self.members}]
        tta = views[0] if len(views) == 1 else None
        return Command("ensemble fit", ensemble=ensemble_option(self.name), members=members, tta=tta)

    @property
    def threshold(self) -> float:
        """Threshold as a probability."""
        return table(self.table).probability(self.level)

    @property
    def blend(self) -> Blend:
        """Weights and table."""
        return Blend(tuple(member.weight for member in self.members), self.table)

    @property
    def weights(self) -> dict[str, int]:
        """Integer weights, sum 2**16, of the members that have any: only their maps are needed."""
        return {member.name: member.weight for member in self.members if member.weight}

    @property
    def figures(self) -> Mapping[str, Any]:
        """Document of the fit; empty after an edit, since its figures are those of another ensemble."""
        return {} if self.edited else self.fitted

    @property
    def shown(self) -> Mapping[str, Any]:
        """Document of the fit with all that its tables show; UserError if it was fitted by an earlier release."""
        if SHOWN - self.fitted.keys():
            what = f"ensemble {self.name} is of an earlier release that kept fewer figures"
            raise UserError(what, self.fit_again)
        return self.fitted

    @property
    def report(self) -> FitReport:
        """Report of the fit."""
        return FitReport(self.fitted)

    def member(self, name: str) -> MemberUse:
        """Find the member of this name."""
        return next(member for member in self.members if member.name == name)

    def apply(self, maps: Mapping[str, ArrayLike]) -> NDArray[np.bool_]:
        """Blend members' maps and cut them: masks (n, H, W) bool.

        maps: member -> (n, H, W) probabilities: floats in [0, 1], which are rounded to 1/255, or uint8 or uint16 of
        full scale. Raises UserError if the maps of a member with a weight are absent or of another shape or dtype.
        """
        used = self._used(maps)
        masks = np.zeros(next(iter(used.values())).shape, bool)
        for start in range(0, len(masks), CHUNK):
            part = slice(start, start + CHUNK)
            blended = levels({name: array[part] for name, array in used.items()}, self.weights, table(self.table))
            cut = blended >= self.level
            masks[part] = cut if self.mode == NONE else MIN_PIXELS.get(self.mode).drop(cut, self.k)
        return masks

    def probabilities(self, maps: Mapping[str, ArrayLike]) -> NDArray[np.float32]:
        """Blend members' maps into a probability, (n, H, W) float32, before any threshold; raises as `apply`."""
        by = table(self.table)
        blended = levels(self._used(maps), self.weights, by)
        return np.interp(blended / TOTAL, by.entries, np.arange(256) / 255).astype(np.float32)

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the records of the fit: record_id, group, counts tp, predicted, truth, and Dice. Needs pandas.

        The counts are cross-fitted if there are two folds, else in-sample.
        """
        import pandas as pd

        counts = self.per_record["cross_fitted"] or self.per_record["in_sample"]
        frame = pd.DataFrame(counts, columns=["tp", "predicted", "truth"])
        frame.insert(0, "record_id", self.record_ids)
        frame.insert(1, "group", self.per_record["groups"])
        totals = (frame["predicted"] + frame["truth"]).to_numpy()
        return frame.assign(dice=global_dice(frame["tp"].to_numpy(), totals))

    def to_json(self) -> str:
        """Write the ensemble as one JSON document with its digest."""
        return json.dumps(signed(to_document(self)), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Ensemble:
        """Read the ensemble from JSON; UserError if it was changed or is of a newer format."""
        return _read(parse_json(text, "the text"), "the text", AGAIN)

    def save(self, path: str | Path) -> None:
        """Write the ensemble to a JSON file, atomically."""
        write_signed(Path(path), to_document(self))

    @classmethod
    def load(cls, path: str | Path) -> Ensemble:
        """Read the ensemble from a file; UserError if it is absent, was changed or is of a newer format."""
        path = Path(path)
        if not path.is_file():
            others = Store(path.parents[2]).ensembles() if path.parent.parent.name == "ensembles" else []
            known = f"; there are: {', '.join(others)}" if others else ""
            do = None if others else Command("ensemble fit", ensemble=ensemble_option(path.parent.name))
            raise UserError(f"{path}: there is no such ensemble{known}", do)
        try:
            return _read(read_json(path), path)
        except Damaged as error:
            again = Command("ensemble fit", ensemble=ensemble_option(path.parent.name))
            raise Damaged(error.what, error.do or again) from error

    def _used(self, maps: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.uint8]]:
        used = {name: self._checked(name, maps) for name in self.weights}
        shapes = {array.shape for array in used.values()}
        if len(shapes) > 1:
            raise UserError(f"ensemble {self.name}: maps of its members differ in shape: {sorted(shapes)}")
        return used

    def _checked(self, name: str, maps: Mapping[str, ArrayLike]) -> NDArray[np.uint8]:
        if name not in maps:
            raise UserError(f"ensemble {self.name}: the maps of member {name} are missing; predict it first")
        array = np.asarray(maps[name])
        where = f"ensemble {self.name}: the maps of member {name}"
        if array.ndim != 3:
            raise UserError(f"{where} have shape {array.shape}; give (n, height, width)")
        return as_uint8(array, where)

    def __repr__(self) -> str:
        weights = {name: round(weight / TOTAL, 4) for name, weight in self.weights.items()}
        size = "" if self.mode == NONE else f", k={self.k}"
        return f"Ensemble({self.name!r}, {weights}, threshold={self.threshold:.4f}, min_pixels={self.mode!r}{size})"


def to_document(ensemble: Ensemble) -> dict[str, Any]:
    """Turn the ensemble into a JSON document."""
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
        **({"edited": True} if ensemble.edited else {}),
    }


def _read(document: Any, where: str | Path, again: Command | None = None) -> Ensemble:
    """Read the ensemble from a JSON document; UserError, beginning with `where`, if it is not an ensemble."""
    content = check_signed(document, FORMAT, Path(where), again)
    try:
        _refuse_removed(content)
        fit(content, EnsembleDocument, where, AGAIN)
        return _from_document(content)
    except Damaged:
        raise
    except UserError as error:
        raise UserError(f"{where}: {error.what}", error.do) from error


def _from_document(document: Mapping[str, Any]) -> Ensemble:
    check_names(document)
    name = document["table"]["name"]
    entries = document["table"]["entries"]
    if name in TABLES.names() and entries is not None and entries != table(name).entries.tolist():
        raise UserError(f"its {name} table differs from this version's; fit it again", AGAIN)
    level, probability = document["threshold"]["level"], document["threshold"]["probability"]
    if name in TABLES.names() and not isclose(table(name).probability(level), probability, abs_tol=1e-6):
        raise UserError(
            f"its threshold is level {level}, probability {table(name).probability(level):.6f}, and the file says "
            f"{probability:.6f}: give both, or fit it again",
            AGAIN,
        )
    return Ensemble(
        name=document["name"],
        method=document["method"],
        members=tuple(MemberUse(**entry) for entry in document["members"]),
        table=name,
        level=level,
        mode=document["min_pixels"]["mode"],
        k=document["min_pixels"]["k"],
        eps=document.get("active_from", 1),
        folds_sha256=document["folds_sha256"],
        record_ids=tuple(document["record_ids"]),
        per_record=document.get("per_record", {}),
        fitted=document["fitted"],
        edited=document.get("edited", False),
    )


def _refuse_removed(document: Mapping[str, Any]) -> None:
    cut = document.get("min_pixels")
    mode = cut.get("mode") if isinstance(cut, dict) else None
    removed = {
        "boosted trees": document.get("trees"),
        "a percentile threshold": document.get("rate"),
        f"min-pixels {mode}": str(mode).endswith("-peak"),
    }
    for what, used in removed.items():
        if used:
            name = str(document.get("name"))
            raise UserError(
                f"ensemble {name}: uses {what}, which only an older release can apply; fit it again",
                Command("ensemble fit", ensemble=ensemble_option(name)),
            )

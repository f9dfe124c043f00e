"""Shift of labels: how far they must move to lie on the contrails that they mark, from labels and bands alone.

In: labels and the ridge of T14 - T15 in the labelled frame. Out: the shift in rows and columns, pixels, with intervals
over scene groups. The sum over scenes of the cross-correlations of label and ridge has its maximum there; a contrail
shows only how far its label lies beside it, and contrails of many directions show both. Stays outside: predictions
(zoo.workflows.shift).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.listener import SILENT, Listener
from core.uncertainty import Estimate, groups_text, jackknife_interval
from core.words import counted
from zoo.data.folds import Folds
from zoo.data.label_offset import FILE, KEY, LARGEST, read_label_offset
from zoo.data.parallel import parallel_map
from zoo.data.records import LABELLED, Record, Source, evenly_spread
from zoo.data.ridge import ridge
from zoo.data.sources import Scenes

REACH = 4  # pixels to either side that labels are moved
SIGMA = 1.0  # of the ridge filter, pixels
LEAST = 10  # contrail pixels that a scene needs
MOST = 2000  # records of a source that are read: enough for 0.02 px

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Shift:
    """Shift in rows (down) and columns (right), pixels, each with its interval over scene groups."""

    dy: Estimate
    dx: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        found = {
            name: {"value": each.value, "interval": each.bounds} for name, each in (("dy", self.dy), ("dx", self.dx))
        }
        return {**found, "groups": self.dy.groups, "effective_groups": self.dy.effective_groups}


@dataclass(frozen=True, kw_only=True)
class SourceShift:
    """Shift that puts the labels of a source, or of all, on their contrails; declared: their offset."""

    source: str
    root: Path
    records: int  # with contrails, that were measured
    declared: float
    shift: Shift

    @property
    def agrees(self) -> bool:
        """True if both intervals hold the shift that undoes the declared offset."""
        return all(each.low <= -self.declared <= each.high for each in (self.shift.dy, self.shift.dx))

    @property
    def nearest(self) -> float | None:
        """Offset nearest to the estimate that a source can state; None if none is within 0.25 px in both axes."""
        found = (self.shift.dy.value, self.shift.dx.value)
        offset = 0.0 - round(sum(found)) / 2
        near = all(abs(each + offset) <= 0.25 for each in found) and abs(offset) <= LARGEST
        return offset if near else None

    @property
    def verdict(self) -> str:
        """Where the labels lie, and what that says of the offset that the source declares."""
        down, right = (0.0 - each.value for each in (self.shift.dy, self.shift.dx))
        groups = groups_text(self.shift.dy.groups, self.shift.dy.effective_groups)
        return f"labels lie {down:.2f} px too far down and {right:.2f} px too far right ({groups}): {self._judged}"

    @property
    def _judged(self) -> str:
        stated = f"the declared {KEY} of {self.declared:g} px"
        if self.agrees:
            return f"{stated} agrees"
        if self.nearest == self.declared:
            return f"{stated} is the nearest that can be stated"
        if self.nearest is None:
            return f"not {stated}, and no multiple of 0.5 fits rows and columns"
        return f"not {stated}; state {KEY} = {self.nearest} in {self.root / FILE}"

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        named = {"source": self.source, "records": self.records, "declared": self.declared}
        return {**named, **self.shift.as_dict(), "agrees": self.agrees, "nearest": self.nearest}


def measure_label_shifts(
    scenes: Scenes, folds: Folds, *, jobs: int | None = None, listener: Listener = SILENT
) -> list[SourceShift]:
    """Measure the shift of the labels of each source, and of all if there are several that declare the same offset.

    UserError if no source has a scene with contrails whose bands 14 and 15 are held, and for such a record that is in
    no fold.
    """
    found = [each for source in scenes.sources if (each := _measure(source, scenes, jobs, listener)).records]
    if not found:
        raise UserError(f"{scenes.where}: holds no labelled scene with contrails and bands 14 and 15")
    folds.require(record.id for each in found for record in each.records)
    if len(found) > 1 and len({each.declared for each in found}) == 1:
        records = tuple(record for each in found for record in each.records)
        found.append(
            replace(found[0], name="all", records=records, surfaces=np.concatenate([each.surfaces for each in found]))
        )
    return [
        SourceShift(
            source=each.name,
            root=each.root,
            records=len(each.records),
            declared=each.declared,
            shift=estimate_shift(each.surfaces, [folds.group_of[record.id] for record in each.records]),
        )
        for each in found
    ]


def estimate_shift(surfaces: Floats, groups: Sequence[str]) -> Shift:
    """Shift at the peak of the summed correlations, (n, rows, columns), of records in these scene groups.

    Intervals are jackknife-t intervals over the groups.
    """
    names, where = np.unique(np.asarray(groups), return_inverse=True)
    per_group = np.zeros((len(names), *surfaces.shape[1:]))
    np.add.at(per_group, where, surfaces)
    whole = per_group.sum(axis=0)
    value = peak(whole)
    without = np.array([peak(whole - one) for one in per_group])
    # A group counts by the height of its correlation.
    weights = per_group.max(axis=(1, 2))
    dy, dx = (jackknife_interval(value[axis], without[:, axis], weights) for axis in (0, 1))
    return Shift(dy, dx)


def correlation(first: Floats, second: Floats) -> Floats:
    """Sum of `first` times `second` moved by each shift up to REACH: (2 * REACH + 1,) * 2, for two (H, W).

    The highest value is at the shift that moves `first` on to `second`. The margins of `first` are left out.
    """
    height, width = first.shape
    inner = first[REACH : height - REACH, REACH : width - REACH].ravel()
    steps = range(2 * REACH + 1)
    moved = [[second[i : i + height - 2 * REACH, j : j + width - 2 * REACH] for j in steps] for i in steps]
    return np.array([[inner @ each.ravel() for each in row] for row in moved], dtype=np.float64)


def peak(surface: Floats) -> Floats:
    """Place of the maximum of a correlation between its pixels, by a bicubic spline: (row, column) shift."""
    from scipy.interpolate import RectBivariateSpline

    axis = np.arange(-REACH, REACH + 1)
    spline = RectBivariateSpline(axis, axis, surface)
    at = np.array(np.unravel_index(surface.argmax(), surface.shape)) - float(REACH)
    for step in (0.2, 0.04, 0.008, 0.0016):
        rows, columns = (np.clip(place + step * np.arange(-5, 6), -REACH, REACH) for place in at)
        values = spline(rows, columns)
        best = np.unravel_index(values.argmax(), values.shape)
        at = np.array([rows[best[0]], columns[best[1]]])
    return at


@dataclass(frozen=True, eq=False, kw_only=True)
class _Measured:
    """Records of a source that could be measured, and their correlations of label and ridge."""

    name: str
    root: Path
    declared: float
    records: tuple[Record, ...]
    surfaces: Floats


def _measure(source: Source, scenes: Scenes, jobs: int | None, listener: Listener) -> _Measured:
    own = [record for record in scenes.labelled if record.source == source.name]
    read = evenly_spread(own, MOST)
    if len(read) < len(own):
        listener.info(f"{source.name}: {counted(len(read), 'record')} of {len(own)} are read")
    task = f"labels of {source.name}"
    surfaces = parallel_map(lambda record: _correlation_of(source, record), read, jobs, listener, task)
    found = [(record, surface) for record, surface in zip(read, surfaces) if surface is not None]
    return _Measured(
        name=source.name,
        root=source.root,
        declared=read_label_offset(source.root),
        records=tuple(record for record, _ in found),
        surfaces=np.array([surface for _, surface in found]),
    )


def _correlation_of(source: Source, record: Record) -> Floats | None:
    mask = source.mask(record)
    if mask.sum() < LEAST or not {14, 15} <= set(source.bands(record)):
        return None
    t14, t15 = source.kelvin(record, (14, 15), (LABELLED,))[:, 0]
    signal = np.maximum(ridge(t15 - t14, SIGMA), 0)
    spread = signal.std()
    # In units of its own spread, so that no scene outweighs the others.
    return correlation(mask.astype(np.float32), signal / spread) if spread else None

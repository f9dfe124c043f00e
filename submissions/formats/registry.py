"""The registry of formats, and the nouns that they all take.

Facts beside each name: `folder` (out is a folder, one file a record), `needs` (modules of the extra `geo`),
`placed` (every record must have its place), `probability` (it writes probabilities, not masks).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.registry import Registry
from submissions.write import Written


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a record's pixels lie: the outer corner of pixel (0, 0), the step from pixel to pixel, metres; when."""

    wkt: str  # of the projection
    left: float
    top: float
    column: float  # metres a column, eastwards
    row: float  # metres a row, northwards: negative
    time: float  # seconds since 1970 UTC

    @property
    def iso_time(self) -> str:
        """ISO 8601, UTC."""
        return datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, eq=False)
class Prediction:
    """One record: its mask, (256, 256) bool; where asked for its probability, (256, 256) float32; its place."""

    id: str
    mask: NDArray[np.bool_]
    probability: NDArray[np.float32] | None = None
    place: Place | None = None


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How the caller wants it."""

    force: bool = False
    sample_order: Sequence[str] | None = None  # of the rows of a csv
    note: Callable[[Written], None] = lambda written: None  # told before the result takes its name
    source: Mapping[str, Any] = field(default_factory=dict)  # what made the masks, for a folder's manifest


Format = Callable[[Path, Iterable[Prediction], Asked], Written]
FORMATS: Registry[Format, dict[str, Any]] = Registry("format")


def require(name: str) -> None:
    """UserError where the modules that a format needs are not installed."""
    for module in FORMATS.entry(name).facts["needs"]:
        if find_spec(module) is None:
            raise UserError(f"format {name}: needs {module}; install the suite with its extra: contrail-ensemble[geo]")

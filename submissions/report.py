"""What a check found: faults that reject a file, notes that do not, and figures.

In: what the gate saw. Out: values that a command shows. Stays outside: reading.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from submissions.cells import PIXELS, mask_of

# A file of another kind may have a fault in each of a million lines.
MOST_FAULTS = 10_000


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where, what, and what to do."""

    line: int | None  # from 1; None for the whole file
    id: str | None
    what: str
    todo: str

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line else []
        where += [self.id if self.id.isprintable() else ascii(self.id)] if self.id else []
        return ": ".join([*where, f"{self.what}; {self.todo}"])


@dataclass(frozen=True)
class Report:
    """Whether a file would be accepted and, if not, why. At most MOST_FAULTS faults are kept."""

    path: Path
    faults: tuple[Fault, ...]
    more: int  # faults beyond those kept
    notes: tuple[str, ...]  # deviations that do no harm
    rows: int
    filled: int  # rows with any pixel
    pixels: int  # predicted, of the sound rows

    @property
    def accepted(self) -> bool:
        return not self.faults

    @property
    def share(self) -> float:
        """Predicted pixels of all pixels."""
        return self.pixels / (self.rows * PIXELS) if self.rows else 0.0

    def raise_if_rejected(self) -> None:
        """UserError with the first fault and the number of faults."""
        if self.faults:
            total = len(self.faults) + self.more
            others = f" (and {total - 1} more; cli submissions check lists them)" if total > 1 else ""
            raise UserError(f"{self.path}: {self.faults[0]}{others}")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        faults = [{"line": f.line, "id": f.id, "what": f.what, "todo": f.todo} for f in self.faults]
        figures = {"rows": self.rows, "filled": self.filled, "pixels": self.pixels, "share": self.share}
        return {
            "file": str(self.path),
            "accepted": self.accepted,
            **figures,
            "faults": faults,
            "more_faults": self.more,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Submission:
    """A sound file: the runs of each record, in the file's order."""

    path: Path
    runs: Mapping[str, NDArray[np.int64]] = field(repr=False)  # id -> (n, 2) starts from 1, lengths

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self.runs)

    def only(self, ids: Collection[str]) -> Submission:
        """These rows alone."""
        return Submission(self.path, {each: runs for each, runs in self.runs.items() if each in ids})

    def mask(self, record_id: str) -> NDArray[np.bool_]:
        """(256, 256) bool."""
        return mask_of(self.runs[record_id])

"""Results of a check: faults that reject a file, notes that do not, figures; and the content of a valid file.

In: what the gate read. Out: a `Report` or a `Submission`. Stays outside: reading.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from core.command import Command
from core.errors import UserError
from core.words import counted
from submissions.rle import PIXELS, Mask, Runs, mask_of_runs

if TYPE_CHECKING:
    from pandas import DataFrame

# A file of another kind may have a fault in each of a million lines.
MOST_FAULTS = 10_000


@dataclass(frozen=True)
class Fault:
    """Fault of a file: where, what, and what to do about it."""

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
    """Verdict on a submission file, with its first MOST_FAULTS faults."""

    file: str
    faults: tuple[Fault, ...]
    more: int  # faults beyond those kept
    notes: tuple[str, ...]  # harmless deviations
    rows: int
    filled: int  # rows with any pixel
    pixels: int  # predicted, of the valid rows

    @property
    def accepted(self) -> bool:
        """True if the file has no fault."""
        return not self.faults

    @property
    def share(self) -> float:
        """Predicted pixels over all pixels."""
        return self.pixels / (self.rows * PIXELS) if self.rows else 0.0

    def raise_if_rejected(self, listed_by: Command | None = None) -> None:
        """Raise UserError with the first fault, and the number of others with the command that lists them."""
        if self.faults:
            others = len(self.faults) + self.more - 1
            more = f" (and {others} more)" if others else ""
            raise UserError(f"{self.file}: {self.faults[0]}{more}", listed_by if others else None)

    def raise_if_faulty(self) -> None:
        """Raise UserError with the only fault, or with the number of several, which are listed already."""
        if len(self.faults) > 1:
            number = counted(len(self.faults) + self.more, "fault")
            raise UserError(f"{self.file}: would be rejected for {number}; mend what is listed, then check again")
        self.raise_if_rejected()

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        return {
            "file": self.file,
            "accepted": self.accepted,
            "rows": self.rows,
            "filled": self.filled,
            "pixels": self.pixels,
            "share": self.share,
            "faults": [asdict(fault) for fault in self.faults],
            "more_faults": self.more,
            "notes": list(self.notes),
        }

    def to_frame(self) -> DataFrame:
        """DataFrame of the faults: line, id, what, todo."""
        from pandas import DataFrame

        frame = DataFrame([asdict(fault) for fault in self.faults], columns=["line", "id", "what", "todo"])
        return frame.astype({"line": "Int64"})


@dataclass(frozen=True)
class Submission:
    """Content of a valid file: the runs of each record, in the file's order."""

    file: str
    runs: Mapping[str, Runs] = field(repr=False)  # id -> (n, 2) starts from 1, lengths

    @property
    def ids(self) -> tuple[str, ...]:
        """Record ids in the file's order."""
        return tuple(self.runs)

    def only(self, ids: Collection[str]) -> Submission:
        """Submission with the rows of these records."""
        return Submission(self.file, {each: runs for each, runs in self.runs.items() if each in ids})

    def mask(self, record_id: str) -> Mask:
        """Mask of a record, (256, 256) bool."""
        return mask_of_runs(self.runs[record_id])

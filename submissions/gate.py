"""The gate: would this file be accepted and, if not, why: every fault with its line and what to do.

In: a file of anybody's making, the ids expected and the sample's order, where known. Out: a Report, or a
Submission. One pass in bounded memory, numpy alone. Stays outside: truth, scores.

Where the official rules are silent the gate is strict: what some reader of csv may take otherwise (quotes, a
byte-order mark, blanks) is refused; Windows line ends, which every reader takes, are noted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from submissions.cells import EMPTY, PIXELS, explain_cell, read_cell
from submissions.header import explain_header
from submissions.ids import Expectation, check_ids, explain_id
from submissions.lines import Line, explain_head, explain_path, read_lines
from submissions.report import MOST_FAULTS, Fault, Report, Submission
from submissions.rows import explain_ending, explain_line, split_row

LONGEST_ID = 100  # characters; official ones have up to 19
# Labels hold 0.2 to 0.5 % of the pixels; ten times that in many rows is a mistake rather than a forecast.
MANY, MUCH = 20, 0.05
Runs = NDArray[np.int64]
OnRow = Callable[[int, str, Runs], None]


def check_submission(
    path: Path,
    expected_ids: Sequence[str] | None = None,
    sample_order: Sequence[str] | None = None,
    elsewhere: Mapping[str, str] | None = None,
) -> Report:
    """Hold a file against the rules; without `expected_ids` against those of its form alone.

    sample_order: the ids of sample_submission.csv; where they are all of those expected, rows stand in their
    order. elsewhere: ids that are known but not expected, and in words where they belong. Never raises for what
    is wrong with the file: that is in the report.
    """
    return _Gate(path, Expectation.of(expected_ids, sample_order, elsewhere)).run()


def read_submission(path: Path) -> Submission:
    """The runs of every row of a sound file; UserError with the first fault of any other."""
    runs: dict[str, Runs] = {}
    gate = _Gate(path, Expectation.of(None, None))
    gate.on_row = lambda line, record_id, row: runs.__setitem__(record_id, row)
    gate.run().raise_if_rejected()
    return Submission(path, runs)


class _Gate:
    """One pass over one file, and what it has seen so far."""

    def __init__(self, path: Path, expected: Expectation) -> None:
        self.path, self.expected = path, expected
        self.faults: list[Fault] = []
        self.more = self.rows = self.filled = self.pixels = self.windows = 0
        self.lines_of: dict[str, int] = {}
        self.on_row: OnRow = lambda line, record_id, runs: None

    def run(self) -> Report:
        """The report of the whole file."""
        trouble = explain_path(self.path)
        if trouble:
            self._fault(None, None, *trouble)
        else:
            self._read()
        figures = (self.rows, self.filled, self.pixels)
        return Report(self.path, tuple(self.faults), self.more, tuple(self._notes()), *figures)

    def _notes(self) -> Iterator[str]:
        if self.windows:
            yield f"{self.windows} lines end in CR LF, as on Windows; that is accepted"
        share = self.pixels / (PIXELS * self.rows) if self.rows else 0
        if self.rows >= MANY and share > MUCH:
            yield f"{share:.1%} of all pixels are predicted, labels hold under 1 %: is the threshold right?"

    def _read(self) -> None:
        with self.path.open("rb") as file:
            trouble = explain_head(file.read(4096))
            if trouble:
                self._fault(None, None, *trouble)
                return
            file.seek(0)
            if self._rows(read_lines(file)):
                for fault in check_ids(self.lines_of, self.expected):
                    self._fault(*fault)

    def _rows(self, lines: Iterator[Line]) -> bool:
        """Check line by line; False where nothing after the header can be understood."""
        first = next(lines)
        header = explain_header(first.data)
        for trouble in header.troubles:
            self._fault(1, None, *trouble)
        if header.hopeless:
            return False
        if header.is_row:
            self._line(first)
        elif not first.end:
            self._fault(1, None, "the file ends in the header", "it is torn: write it again")
        for line in lines:
            self._line(line)
        if not self.rows and not self.faults:
            self._fault(None, None, "holds no rows", "write one row for each record")
        return True

    def _line(self, line: Line) -> None:
        """One row: its form, its id, its cell."""
        self.windows += line.end == b"\r\n"
        trouble = explain_line(line)
        if trouble:
            self._fault(line.number, None, *trouble)
            return
        self.rows += 1
        record_id, cell = split_row(line)
        self._id(line.number, record_id)
        ending = explain_ending(line, cell)
        if ending:
            self._fault(line.number, record_id, *ending)
        runs = read_cell(cell)
        if runs is None:
            for each in explain_cell(cell):
                self._fault(line.number, record_id, *each)
            return
        self.filled += cell != EMPTY
        self.pixels += int(runs[:, 1].sum())
        self.on_row(line.number, record_id, runs)

    def _id(self, line: int, record_id: str) -> None:
        if len(record_id) > LONGEST_ID:
            self._fault(line, record_id, f"an id of {len(record_id):,} characters", "write the record's id")
            return
        trouble = explain_id(record_id, self.expected)
        if trouble:
            self._fault(line, record_id, *trouble)
        if record_id in self.lines_of:
            what = f"the id is also in line {self.lines_of[record_id]}"
            self._fault(line, record_id, what, "keep one row for each record")
        self.lines_of.setdefault(record_id, line)

    def _fault(self, line: int | None, record_id: str | None, what: str, todo: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            short = record_id and record_id[:LONGEST_ID]
            self.faults.append(Fault(line, short, what, todo))
        else:
            self.more += 1

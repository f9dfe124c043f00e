"""Gate: check any submission file before it is sent; every fault with its line and what to do about it.

In: a file, the ids expected and the sample's order, if known. Out: a Report, or a Submission. One pass in bounded
memory with numpy alone. Stays outside: truth, scores.

The gate is strict where the official rules are silent: it rejects what some csv readers take in another way (quotes, a
byte-order mark, blanks); it notes Windows line ends, which every reader accepts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

from core.command import Command
from submissions.header import explain_header
from submissions.ids import Expectation, check_ids, explain_id
from submissions.lines import File, Line, explain_head, explain_line, name_of, open_file, read_lines
from submissions.report import MOST_FAULTS, Fault, Report, Submission
from submissions.rle import PIXELS, SHAPE, Runs, read_runs
from submissions.rle_errors import EMPTY, Trouble, explain_rle

LONGEST_ID = 100  # characters; official ids have up to 19
# Labels hold 0.2 to 0.5 % of the pixels; ten times that in many rows is a mistake rather than a forecast.
MANY, MUCH = 20, 0.05


def check(
    file: File,
    ids: Sequence[str] | None = None,
    sample_order: Sequence[str] | None = None,
    elsewhere: Mapping[str, str] | None = None,
    *,
    part: bool = False,
) -> Report:
    """Check a submission against the competition's rules; without `ids` its form alone.

    file: a path, the csv as bytes, or a DataFrame with the columns record_id and encoded_pixels. ids: of all records
    that it must hold. sample_order: ids in the order of sample_submission.csv, which rows must follow if it lists
    exactly those expected. elsewhere: split by id of records that are known but not expected, for the message. part:
    the file may lack some of `ids`.
    Never raises for a bad file: faults are in the report.

    >>> report = check(b"record_id,encoded_pixels\\n7,1 3\\n8,nan\\n", ids=["7", "8", "9"])
    >>> report.accepted
    False
    >>> print(report.faults[0])
    line 3: 8: 'nan' where a mask is expected; an empty mask is the single character "-"
    >>> print(report.faults[1])
    9: 1 of 3 ids missing: 9; add them ("-" for an empty mask)
    """
    return _Gate(file, Expectation.of(ids, sample_order, elsewhere, part=part)).run()


def read_submission(file: File) -> Submission:
    """Read a submission that passes `check`; UserError with the first fault of any other.

    >>> int(read_submission(b"record_id,encoded_pixels\\n7,1 3\\n").mask("7").sum())
    3
    """
    gate = _Gate(file, Expectation.of(None, None), keep=True)
    gate.run().raise_if_rejected(Command("submissions check", name_of(file)))
    return Submission(name_of(file), gate.runs)


class _Gate:
    """One pass over a file, and its result so far."""

    def __init__(self, file: File, expected: Expectation, keep: bool = False) -> None:
        self.file, self.expected, self.keep = file, expected, keep
        self.faults: list[Fault] = []
        self.more = self.rows = self.filled = self.pixels = self.windows = 0
        self.lines_of: dict[str, int] = {}
        self.runs: dict[str, Runs] = {}  # by id, if they are to be kept

    def run(self) -> Report:
        """Read the whole file."""
        opened = open_file(self.file)
        if isinstance(opened, Trouble):
            self._fault(None, None, *opened)
        else:
            with opened:
                self._read(opened)
        figures = (self.rows, self.filled, self.pixels)
        return Report(name_of(self.file), tuple(self.faults), self.more, tuple(self._notes()), *figures)

    def _notes(self) -> Iterator[str]:
        if self.windows:
            yield f"{self.windows} lines end in CR LF, as on Windows; that is accepted"
        share = self.pixels / (PIXELS * self.rows) if self.rows else 0
        if self.rows >= MANY and share > MUCH:
            yield f"{share:.1%} of all pixels are predicted, labels hold under 1 %: is the threshold right?"

    def _read(self, file: BinaryIO) -> None:
        trouble = explain_head(file.read(4096))
        if trouble:
            self._fault(None, None, *trouble)
            return
        file.seek(0)
        if self._rows(read_lines(file)):
            for fault in check_ids(self.lines_of, self.expected):
                self._fault(*fault)

    def _rows(self, lines: Iterator[Line]) -> bool:
        """Check line by line; False if nothing after the header can be read."""
        first = next(lines)
        header = explain_header(first.data)
        for trouble in header.troubles:
            self._fault(1, None, *trouble)
        if header.hopeless:
            return False
        if header.is_row:
            self._line(first)
        elif not first.end:
            self._fault(1, None, "the file ends in the header", "it is incomplete: write it again")
        for line in lines:
            self._line(line)
        if not self.rows and not self.faults:
            self._fault(None, None, "holds no rows", "write one row for each record")
        return True

    def _line(self, line: Line) -> None:
        """Check a row: its form, its id, its mask."""
        self.windows += line.end == b"\r\n"
        trouble = explain_line(line)
        if trouble:
            self._fault(line.number, None, *trouble)
            return
        self.rows += 1
        record_id, _, text = line.data.decode().partition(",")
        self._id(line.number, record_id)
        if not line.end and text != EMPTY:  # a number may be cut off, "-" cannot be
            what = "the last line has no line end: it may be incomplete"
            self._fault(line.number, record_id, what, "write the file again, or end the line if it is whole")
        runs = read_runs(text)
        if runs is None:
            for each in explain_rle(text, SHAPE):
                self._fault(line.number, record_id, *each)
            return
        self.filled += text != EMPTY
        self.pixels += int(runs[:, 1].sum())
        if self.keep:
            self.runs[record_id] = runs

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

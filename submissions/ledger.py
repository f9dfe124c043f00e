"""Ledger of submissions: their local scores, and the leaderboard scores that are added later.

In and out: runs/submissions.jsonl, one JSON object per line, append-only, each line flushed to the disk. A line that a
crash left incomplete, or that was changed since, is skipped with a warning; the next entry starts on a new line. Each
line has a digest and the number of its entry, so that scores stay with their entry if another line is damaged. Entries
of older releases have no number and are counted, including damaged ones.
Stays outside: statistics of the scores, see `submissions.correlation`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NotRequired, TypedDict

from core.command import Command
from core.errors import UsageError, UserError
from core.files import check_format, read_bytes
from core.listener import SILENT, Listener
from core.locks import locked
from core.schema import fit
from core.signing import read_lines, signed_line

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 2
BOARDS = ("public", "private")
HASH = 6  # characters of a hash that name an entry


@dataclass(frozen=True, kw_only=True)
class Sent:
    """Submission as it was made; only its name is required, since past ones are known by little more."""

    name: str  # of the file, or of the row of an older log
    when: str = ""  # ISO 8601, UTC; "": now, when it is appended
    sha256: str = ""  # of the file
    ensemble: str = ""
    ensemble_sha256: str = ""
    members: Mapping[str, float] = field(default_factory=dict)  # weights by member
    local: float | None = None  # cross-fitted Dice
    interval: tuple[float, float] | None = None
    records: int | None = None  # of the local Dice
    effective_groups: float | None = None  # of its scene groups
    rows: int | None = None
    share: float | None = None  # predicted pixels over all pixels
    note: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            raise UserError("an entry of the ledger needs a name; give one")
        _check_score("local", self.local)
        for value in self.interval or ():
            _check_score("interval", value)


class Line(TypedDict):
    """What every line of the ledger has; older ones have no number."""

    format: int
    kind: Literal["submission", "scores"]
    number: NotRequired[int]
    public: NotRequired[float | None]
    private: NotRequired[float | None]


class Scored(TypedDict):
    """What a line of scores has beside them: the number of its entry."""

    entry: int
    when: NotRequired[str]


@dataclass(frozen=True)
class Entry:
    """Submission with its number, from 1, and its leaderboard scores."""

    number: int
    sent: Sent
    public: float | None = None
    private: float | None = None
    before: tuple[tuple[float | None, float | None], ...] = ()  # scores that later ones replaced

    @property
    def scores(self) -> tuple[tuple[float | None, float | None], ...]:
        """Public and private score, now and before."""
        return (*self.before, (self.public, self.private))

    @property
    def title(self) -> str:
        """Number and name."""
        return f"{self.number} ({self.sent.name})"


@dataclass(frozen=True)
class Ledger:
    """All entries in the order in which they were made."""

    entries: tuple[Entry, ...] = ()

    def find(self, wanted: str | None) -> Entry:
        """Find an entry by its number, name or the beginning of its file's hash; None: the newest.

        Raises UserError if the ledger is empty, UsageError if there is no such entry or the name has several.
        """
        if not self.entries:
            raise UserError("the ledger is empty", do=Command("submit", out="submission.csv"))
        if wanted is None:
            return self.entries[-1]
        by_number = [each for each in self.entries if str(each.number) == wanted]
        by_name = [each for each in self.entries if each.sent.name == wanted]
        by_hash = [each for each in self.entries if len(wanted) >= HASH and each.sent.sha256.startswith(wanted)]
        found = by_number or by_name or by_hash
        if len(found) > 1:
            numbers = ", ".join(str(each.number) for each in found)
            raise UsageError(f'"{wanted}" names {len(found)} entries of the ledger; give one number of {numbers}')
        if not found:
            raise UsageError(
                f'no entry "{wanted}" in the ledger; give a number of 1 to {self.entries[-1].number}, a name, '
                f"or the first {HASH} or more characters of a file's hash"
            )
        return found[0]

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        scores = [{"public": each.public, "private": each.private} for each in self.entries]
        rows = [{"number": each.number, **asdict(each.sent)} | score for each, score in zip(self.entries, scores)]
        return {"entries": rows}

    def to_frame(self) -> DataFrame:
        """DataFrame with one row per entry: number, fields of `Sent` (interval as low and high), public, private."""
        from pandas import DataFrame

        rows = self.as_dict()["entries"]
        for row in rows:
            row["low"], row["high"] = row.pop("interval") or (None, None)
        plain = [name for name in Sent.__dataclass_fields__ if name != "interval"]
        return DataFrame(rows, columns=["number", *plain, *BOARDS, "low", "high"])


def read_ledger(path: str | PathLike[str], listener: Listener = SILENT) -> Ledger:
    """Read the ledger; a missing file is an empty one, a line that cannot be read is skipped with a warning.

    Raises UserError for a newer format.
    """
    return Ledger(tuple(_read(Path(path), listener)[0]))


def _read(path: Path, listener: Listener = SILENT) -> tuple[list[Entry], int]:
    """Read all entries and the number of the next one; a damaged line of a submission counts as an entry."""
    entries: list[Entry] = []
    following = 1
    for number, event, fault, line in _events(path):
        if event is None:
            listener.warn(f"{path}: line {number} {fault} and was skipped")
            following += _was_submission(line)
            continue
        check_format(event, FORMAT, path)
        try:
            following = _take(entries, event, following)
        except UserError as error:
            listener.warn(f"{path}: line {number} is not an entry and was skipped ({error.what.partition(';')[0]})")
            following += _was_submission(line)
    return entries, following


def _was_submission(line: bytes) -> bool:
    """True for a damaged line that was a complete submission, and not left incomplete by a crash."""
    return line.rstrip().endswith(b"}") and b'"name"' in line and b'"sha256"' in line


def append(
    path: Path,
    sent: Sent,
    public: float | None = None,
    private: float | None = None,
    listener: Listener = SILENT,
) -> Entry:
    """Add a submission; an existing one is returned unchanged, with a note."""
    scores = given_scores(public, private)
    # Two commands at once take turns: each sees the other's line whole, and numbers its own after it.
    with locked(path):
        entries, number = _read(path)
        twin = next((each for each in entries if _is_twin(each, sent, public, private)), None)
        if twin:
            listener.note(f"the same masks as entry {twin.title} of the ledger; no entry is added")
            return twin
        sent = sent if sent.when else replace(sent, when=_now())
        _append_line(path, {"format": FORMAT, "kind": "submission", "number": number, **asdict(sent), **scores})
    return Entry(number, sent, public, private)


def add_scores(
    path: Path,
    wanted: str | None = None,
    public: float | None = None,
    private: float | None = None,
    listener: Listener = SILENT,
) -> Entry:
    """Add the leaderboard's scores of an entry, by default the newest, with a note for each score replaced."""
    scores = given_scores(public, private)
    if not scores:
        raise UsageError("no score; give --public, --private or both")
    with locked(path):
        entry = read_ledger(path).find(wanted)
        if all(getattr(entry, board) == score for board, score in scores.items()):  # the same command again
            return entry
        _append_line(path, {"format": FORMAT, "kind": "scores", "entry": entry.number, "when": _now(), **scores})
    for board, score in scores.items():
        if getattr(entry, board) not in (None, score):
            listener.note(f"entry {entry.title}: {board} {score} replaces {getattr(entry, board)}")
    return read_ledger(path).find(str(entry.number))


def _is_twin(entry: Entry, sent: Sent, public: float | None, private: float | None) -> bool:
    """True for the same bytes from the same ensemble, even by another name, or the same row of an older log."""
    name = entry.sent.name if sent.sha256 and sent.sha256 == entry.sent.sha256 else sent.name
    same = replace(entry.sent, when="") == replace(sent, when="", name=name) and sent.when in ("", entry.sent.when)
    return same and any(public in (None, old) and private in (None, other) for old, other in entry.scores)


def _take(entries: list[Entry], event: dict[str, Any], following: int) -> int:
    """Apply one line of the ledger to the entries; takes and returns the number of the next entry."""
    of_line = ("format", "kind", "number", *BOARDS)
    line = fit({key: event[key] for key in of_line if key in event}, Line, "its head")
    scores = given_scores(line.get("public"), line.get("private"))
    others = {key: value for key, value in event.items() if key not in of_line}
    if line["kind"] == "scores":
        found = fit(others, Scored, "the scores")
        at = next((index for index, each in enumerate(entries) if each.number == found["entry"]), None)
        if at is None:
            raise UserError(f"it scores entry {found['entry']}, which is not there")
        entry = entries[at]
        public, private = (scores.get(board, getattr(entry, board)) for board in BOARDS)
        entries[at] = replace(entry, public=public, private=private, before=entry.scores)
        return following
    sent = fit(others, Sent, "the submission")
    number = line.get("number", following)
    if entries and number <= entries[-1].number:
        raise UserError(f"number {number} follows {len(entries)} entries")
    entries.append(Entry(number, sent, scores.get("public"), scores.get("private")))
    return number + 1


def _events(path: Path) -> Iterator[tuple[int, dict[str, Any] | None, str, bytes]]:
    """Yield each line: its number, its document (None if it is faulty), the fault, and its bytes."""
    if not path.exists():
        return
    data = read_bytes(path)
    lines = data.split(b"\n")
    for number, event, fault in read_lines(data):
        yield number, event, fault, lines[number - 1]


def _append_line(path: Path, document: dict[str, Any]) -> None:
    """Append one line, on the disk before this returns; what an error leaves of it is taken back."""
    line = signed_line(document).encode()
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            whole = b"\n" * torn + line
            try:
                while whole:
                    whole = whole[os.write(handle, whole) :]
                os.fsync(handle)
            except OSError:
                os.ftruncate(handle, size)
                raise
        finally:
            os.close(handle)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another --runs") from error


def given_scores(public: float | None, private: float | None) -> dict[str, float]:
    """Scores that are not None, by board; UsageError for a value outside [0, 1]."""
    given = {name: value for name, value in zip(BOARDS, (public, private)) if value is not None}
    for name, value in given.items():
        _check_score(name, value)
    return given


def _check_score(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise UsageError(f"{name} score {value}: a Dice lies between 0 and 1; give it like 0.638")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")

"""Memory of `data check`: which sources were checked, when, and with how many faults.

In: a Store, sources. Out: `checks.json` of the runs folder. A source with other records than at its check counts as not
checked.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from core.errors import Damaged, UserError
from core.files import sha256_of
from core.listener import SILENT, Listener
from core.locks import locked
from core.signing import read_signed, write_signed
from zoo.data import Scenes
from zoo.data.check import CheckReport
from zoo.data.records import Source
from zoo.runs import Store

FORMAT = 2


@dataclass(frozen=True)
class Checked:
    """Last check of a source."""

    when: str  # ISO 8601, UTC
    faults: int
    records_sha256: str

    def holds(self, source: Source) -> bool:
        """True if the source still has the records that were checked."""
        return self.records_sha256 == _digest(source)


class Checks(TypedDict):
    """Content of checks.json: the last check of each source, by its path."""

    sources: dict[str, Checked]


def keep_check(store: Store, scenes: Scenes, report: CheckReport, listener: Listener = SILENT) -> None:
    """Keep the result of a check for each of its sources; a note where the runs folder cannot be written."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        with locked(store.checks):
            kept = _read(store)
            for source in scenes.sources:
                own = [finding for finding in report.findings if finding.record.source == source.name]
                faults = sum(len(finding.faults) for finding in own)
                faults += sum(fault.path.is_relative_to(source.root) for fault in report.general)
                key = str(source.root.resolve())
                kept[key] = Checked(now, faults, _digest(source))
            sources = {key: asdict(check) for key, check in kept.items()}
            write_signed(store.checks, {"format": FORMAT, "sources": sources})
    except UserError as error:
        listener.note(f"the result of the check is not kept: {error.what}")


def read_check(store: Store, source: Source) -> Checked | None:
    """Last check of a source; None if there is none that can be read."""
    return _read(store).get(str(source.root.resolve()))


def read_checks(path: Path) -> dict[str, Checked]:
    """Read checks.json; Damaged if it was changed, UserError if it cannot be read."""
    return read_signed(path, FORMAT, Checks)["sources"]


def _read(store: Store) -> dict[str, Checked]:
    if not store.checks.is_file():
        return {}
    try:
        return read_checks(store.checks)
    except Damaged:
        return {}


def _digest(source: Source) -> str:
    return sha256_of([[record.split, record.id] for record in source.records()])

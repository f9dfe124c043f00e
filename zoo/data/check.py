"""Verify every file of the data: present, readable, of the right shape, finite, plausible, consistent.

In: scenes. Out: a CheckReport of what there is and of all faults, one for each file and reason. Nothing stops at the
first fault, and nothing is ever unpickled. Each layout (zoo.data.layouts) knows what its files must be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from core.listener import SILENT, Listener
from core.words import counted
from zoo.data.parallel import parallel_map
from zoo.data.records import Fault, Finding, Record, Source
from zoo.data.sources import Scenes

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CheckReport:
    """Findings in the order of sources and records, and the faults of whole sources."""

    findings: tuple[Finding, ...]
    general: tuple[Fault, ...]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """All faults, in the order of the records."""
        return self.general + tuple(fault for finding in self.findings for fault in finding.faults)

    def by_split(self) -> dict[tuple[str, str], tuple[Finding, ...]]:
        """Findings of each (source, split)."""
        result: dict[tuple[str, str], list[Finding]] = {}
        for finding in self.findings:
            result.setdefault((finding.record.source, finding.record.split), []).append(finding)
        return {key: tuple(findings) for key, findings in result.items()}

    def as_dict(self) -> dict[str, Any]:
        """Report as a JSON object."""
        return {
            "records": len(self.findings),
            "files": sum(finding.files for finding in self.findings),
            "absent_frames": sum(len(finding.absent) for finding in self.findings),
            "faults": [fault.as_dict() for fault in self.faults],
            "splits": [_totals(*key, findings) for key, findings in self.by_split().items()],
        }

    def to_frame(self) -> "pd.DataFrame":
        """Faults as a table with the columns record, path, what and todo: one row for each fault."""
        import pandas as pd

        return pd.DataFrame([fault.as_dict() for fault in self.faults], columns=["record", "path", "what", "todo"])

    def raise_if_faulty(self) -> None:
        """Raise a UserError that counts the faults, if there are any."""
        if self.faults:
            records = counted(len({fault.record for fault in self.faults}), "record")
            raise UserError(f"{counted(len(self.faults), 'fault')} in {records}; see the list for what to do")


def check_scenes(scenes: Scenes, jobs: int | None = None, listener: Listener = SILENT) -> CheckReport:
    """Check every file of `scenes`."""
    scenes.note_labelled_test(listener)
    scenes.note_unread(listener)
    tasks = [
        (source, record, expected) for source in scenes.sources for record, expected in source.expected_files().items()
    ]
    general = tuple(fault for source in scenes.sources for fault in _source_faults(source))
    return CheckReport(tuple(parallel_map(_check, tasks, jobs, listener, "check")), general)


def full_bands(findings: tuple[Finding, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Bands that all these records hold, and those of them with all eight frames in all records."""
    shared = set.intersection(*(set(finding.bands) for finding in findings))
    lacking = {band for finding in findings for band, _ in finding.absent}
    return tuple(sorted(shared)), tuple(sorted(shared - lacking))


def _totals(source: str, split: str, findings: tuple[Finding, ...]) -> dict[str, Any]:
    bands, full = full_bands(findings)
    return {
        "source": source,
        "split": split,
        "records": len(findings),
        "labelled": sum(finding.labelled for finding in findings),
        "files": sum(finding.files for finding in findings),
        "absent_frames": sum(len(finding.absent) for finding in findings),
        "faults": sum(len(finding.faults) for finding in findings),
        "bands": list(bands),
        "bands_with_all_frames": list(full),
    }


def _check(task: tuple[Source, Record, frozenset[str]]) -> Finding:
    source, record, expected = task
    return source.check(record, expected)


def _source_faults(source: Source) -> Iterator[Fault]:
    try:
        yield from source.faults()
    except UserError as error:
        what, _, todo = str(error).rpartition("; ")
        yield Fault("", source.root, what, todo)

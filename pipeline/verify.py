"""Verification of a runs folder: reads every artefact and lists the faults and the files that are not checked.

In: a Store. Out: counts and faults, a line each. An unfinished prediction set of a killed run is not a fault: the next
run resumes it.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import UserError
from core.files import listed, temporary_of
from core.listener import SILENT, Listener
from core.words import counted
from pipeline.artefacts import Kind, is_signed, kind_of, place_of
from zoo.predictions.verify import VerifiedSets, verify_sets
from zoo.predictions.writer import PARTIAL
from zoo.runs import Store
from zoo.runs.leftovers import left_of
from zoo.runs.store import MANIFEST, Ended

LEFT = (".png", ".zst")  # pictures are for people; shards are read with their manifest


@dataclass(frozen=True)
class Verified:
    """Result of a verification; each fault is a line with its place and remedy."""

    sets: VerifiedSets
    artefacts: int
    unsigned: tuple[Path, ...]  # of a release without digests: read, but a change is not detected
    unknown: tuple[Path, ...]  # files of no kind that the suite writes: not read
    left: tuple[Path, ...]  # by a killed command, of no more use; its next start removes them
    faults: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        sets = asdict(self.sets) | {"unfinished": [str(path) for path in self.sets.unfinished]}
        others = {
            "artefacts": self.artefacts,
            "unsigned": [str(path) for path in self.unsigned],
            "unknown": [str(path) for path in self.unknown],
            "left": [str(path) for path in self.left],
        }
        return {**sets, **others, "faults": list(self.faults)}

    def raise_if_faulty(self) -> None:
        """Raise UserError if there is any fault."""
        if self.faults:
            raise UserError(f"{counted(len(self.faults), 'fault')}; make the named files again, then verify again")


def verify(store: Store, listener: Listener = SILENT) -> Verified:
    """Check every artefact of a store: prediction sets, runs with their weights, and all signed files.

    Other commands may change the folder meanwhile: a fault is one that a second look finds too.
    UserError if there is no such folder.
    """
    found = _look(store, listener)
    if found.faults:
        again = _look(store, listener)
        found = replace(again, faults=tuple(fault for fault in found.faults if fault in again.faults))
    return found


def _look(store: Store, listener: Listener) -> Verified:
    sets = verify_sets(store, listener)
    faults, artefacts = list(sets.faults), 0
    unsigned, unknown, left = [], [], []
    for path in _files(store):
        kind, useless = kind_of(path), is_left(path)
        if useless:
            left.append(path)
        if kind is None:
            unknown += [] if useless else [path]
            continue
        artefacts += 1
        wrong = faults_of(path, kind)
        faults += wrong
        with suppress(UserError):  # removed since by another command
            unsigned += [] if wrong or is_signed(path) else [path]
    return Verified(sets, artefacts, tuple(unsigned), tuple(unknown), tuple(left), tuple(dict.fromkeys(faults)))


def is_left(path: Path) -> bool:
    """True for a file that a killed command left: half written, or needed only until a run or set was complete."""
    if any(map(temporary_of, (path, *path.parents))):
        return True
    if path.name == PARTIAL:
        return path.with_name(MANIFEST).is_file()
    place = place_of(path)
    if place is None or path not in (place.state, place.chosen, *place.all_kept()):
        return False
    with suppress(UserError):
        ended = replace(place, stage=0).ended()
        if ended and not ended.torn and not ended.stopped:
            return path in (place.chosen, *left_of(place, ended.result))
    return False


def faults_of(path: Path, kind: Kind) -> list[str]:
    """Faults of one file, each as one line."""
    try:
        found = kind.check(path)
    except UserError as error:
        return [str(error)]
    return [f"{found.fault}; train the run again"] if isinstance(found, Ended) and found.fault else []


def _files(store: Store) -> list[Path]:
    """Files of a store to be checked, sorted: without shards, pictures, logs, locks and stop files."""
    found = (path for path in listed(store.root, "**/*") if path.is_file())
    own = (path for path in found if store.logs not in path.parents)
    return [path for path in own if path.suffix not in (*LEFT, ".lock", ".lease") and path.name != "stop"]

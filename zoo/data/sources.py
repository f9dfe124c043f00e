"""Open directories as scenes: one or more sources, each in one of the known layouts.

In: directories. Out: `Scenes`, whose records each have one owner.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.listener import Listener
from core.words import counted
from zoo.data.groups import is_placed
from zoo.data.label_offset import FILE, read_label_offset
from zoo.data.layouts import LAYOUTS
from zoo.data.records import SPLITS, Fault, Metadata, Record, Source, Split, sorted_records


@dataclass(frozen=True)
class Scenes:
    """One or more sources as one.

    An id names at most one labelled record and at most one test record; UserError for a second one.
    """

    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        self._refuse_twins(self.labelled)
        self._refuse_twins(self.test)

    def __repr__(self) -> str:
        often = Counter(record.split for record in self.records)
        counts = ", ".join(f"{split}={often[split]}" for split in SPLITS if often[split])
        return f"Scenes({self.where}: {counts})"

    @property
    def where(self) -> str:
        """Folders of the sources, as messages name them."""
        return ", ".join(str(source.root) for source in self.sources)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Folders of the sources as absolute paths, which open them from anywhere."""
        return tuple(source.root.absolute() for source in self.sources)

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """All records, sorted by (split, id)."""
        return sorted_records(record for source in self.sources for record in source.records())

    @cached_property
    def labelled(self) -> tuple[Record, ...]:
        """Train and validation records that have a mask, sorted by (split, id)."""
        return tuple(record for record in self.records if self.source(record).has_mask(record))

    @cached_property
    def test(self) -> tuple[Record, ...]:
        """Test records, sorted by id."""
        return tuple(record for record in self.records if record.split == "test")

    @cached_property
    def labelled_test(self) -> tuple[str, ...]:
        """Ids of test records that are ids of labelled records too, sorted."""
        return tuple(sorted({record.id for record in self.test} & {record.id for record in self.labelled}))

    def note_labelled_test(self, listener: Listener) -> None:
        """Note ids of test records that are ids of labelled records too: scores on these say nothing of a model."""
        if both := self.labelled_test:
            named = ", ".join(both[:3]) + (", ..." if len(both) > 3 else "")
            listener.note(
                f"{len(both)} of {counted(len(self.test), 'test record')} have the id of a labelled record ({named}): "
                "what was trained with their labels is not tested by them"
            )

    def note_unread(self, listener: Listener) -> None:
        """Note folders within the sources that are sources of their own, and are not read unless they are named."""
        named = {source.root.resolve() for source in self.sources}
        for source in self.sources:
            below = sorted(path for path in source.root.iterdir() if path.is_dir() and path.resolve() not in named)
            for path in filter(_layouts, below):
                listener.note(f"{path}: holds scenes, which are not read; to add them, give --data {path} too")

    def require_test(self) -> None:
        """UserError if the sources hold no test records."""
        if not self.test:
            raise UserError(f"{self.where}: holds no test records; name a source that does")

    def record(self, record_id: str, split: str | None = None) -> Record:
        """Record of an id, by default the labelled one where test/ holds it too; UserError if there is none."""
        found = [record for record in self._by_id.get(record_id, ()) if split in (None, record.split)]
        if not found:
            raise UserError(f"record {record_id}: is not in {self.where}; check the id or name its --data")
        return found[-1]  # "test" sorts before the labelled splits

    def source(self, record: Record) -> Source:
        """Source of a record, which reads all that is known of it."""
        return self._by_name[record.source]

    def common_source(self, records: Iterable[Record]) -> Source | None:
        """Source that all of these records lie in; None if they lie in several, or if there are none."""
        names = {record.source for record in records}
        return self._by_name[names.pop()] if len(names) == 1 else None

    @property
    def label_offset(self) -> float:
        """Pixels by which the labels lie further down and right than what they mark.

        UserError if the sources that hold labels have different ones.
        """
        offsets = self.label_offsets
        if len(offsets) > 1:
            (first, one), (second, other) = list(offsets.items())[:2]
            raise UserError(
                f"labels of {one} lie {first:g} px off, those of {other} {second:g} px ({FILE}); name sources of one "
                "offset, or train with --set registered=false"
            )
        return next(iter(offsets))

    @cached_property
    def label_offsets(self) -> dict[float, Path]:
        """Offsets of the labels, each with the first source that has it; without labels, of all sources."""
        labelled = {record.source for record in self.labelled} or {source.name for source in self.sources}
        found: dict[float, Path] = {}
        for source in self.sources:
            if source.name in labelled:
                found.setdefault(read_label_offset(source.root), source.root)
        return found

    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        """Brightness temperature, kelvin: (len(bands), len(frames), 256, 256); an absent frame is NaN.

        bands: 8 to 16; frames: 1 to 8. UserError that names record and file if one cannot be read.
        """
        return self.source(record).kelvin(record, bands, frames)

    def mask(self, record: Record) -> NDArray[np.bool_]:
        """Label: (256, 256). UserError that names record and file if it cannot be read."""
        return self.source(record).mask(record)

    @cached_property
    def _metadata(self) -> dict[str, dict[tuple[Split, str], Metadata]]:
        return {source.name: dict(source.metadata()) for source in self.sources}

    def metadata(self, record: Record) -> Metadata | None:
        """Time and place, or None if they are not known."""
        return self._metadata[record.source].get((record.split, record.id))

    def is_placed(self, record: Record) -> bool:
        """True if time and place of the record are known."""
        return is_placed(self.metadata(record))

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """Faults for which a record or its metadata is left out."""
        return tuple(fault for source in self.sources for fault in source.faults())

    @cached_property
    def _by_id(self) -> dict[str, list[Record]]:
        result: dict[str, list[Record]] = {}
        for record in self.records:
            result.setdefault(record.id, []).append(record)
        return result

    @cached_property
    def _by_name(self) -> dict[str, Source]:
        return {source.name: source for source in self.sources}

    def _refuse_twins(self, records: Iterable[Record]) -> None:
        seen: dict[str, Record] = {}
        for record in records:
            twin = seen.setdefault(record.id, record)
            if twin is not record:
                first, second = (self.source(each).path(each) for each in (twin, record))
                raise UserError(
                    f"record {record.id}: is in two places, {first} and {second}; "
                    "move one away or name only one of the directories"
                )


def unlabelled_records(scenes: Scenes) -> list[Record]:
    """Records without a mask, sorted by id: test records and others; none whose id a labelled record has."""
    labelled = {record.id for record in scenes.labelled}
    found = {record.id: record for record in scenes.records if record.id not in labelled}
    return [found[record_id] for record_id in sorted(found)]


def open_scenes(paths: str | PathLike[str] | Sequence[str | PathLike[str]]) -> Scenes:
    """Open a directory, or several, as one set of scenes.

    UserError if one is absent, empty, of two layouts, or holds a record of another.
    """
    several = [paths] if isinstance(paths, str | PathLike) else paths
    roots = sorted({path.resolve(): path for path in map(Path, several)}.items())
    names = _names([resolved for resolved, _ in roots])
    return Scenes(tuple(_open(path, name) for (_, path), name in zip(roots, names)))


def _open(root: Path, name: str) -> Source:
    if root.exists() and not root.is_dir():
        raise UserError(f"{root}: is not a directory; expected one with {_expected()}")
    if not root.is_dir():
        siblings = [path.name for path in root.parent.iterdir() if path.is_dir()] if root.parent.is_dir() else []
        near = get_close_matches(root.name, siblings, n=1)
        raise UserError(
            f"{root}: no such data directory; "
            + (f"did you mean {root.parent / near[0]}?" if near else "check the path")
        )
    layouts = _layouts(root)
    if len(layouts) > 1:
        contents = " and ".join(LAYOUTS.facts(layout).contents for layout in layouts)
        raise UserError(f"{root}: holds {contents}; move one kind into a folder of its own")
    if not layouts:
        raise UserError(f"{root}: holds no records; {_advice(root)}")
    return LAYOUTS.get(layouts[0])(root, name)


def _layouts(root: Path) -> list[str]:
    return [name for name in LAYOUTS.names() if LAYOUTS.get(name).recognises(root)]


def _expected() -> str:
    return ", or ".join(LAYOUTS.facts(name).expects for name in LAYOUTS.names())


def _advice(root: Path) -> str:
    """Advice about a directory without records: perhaps the right one is a step above or below."""
    if root.resolve().name in SPLITS:
        return f"name the folder above it: --data {root.resolve().parent}"
    below = (child for child in sorted(root.iterdir()) if child.is_dir())
    near = next((child for child in below if _layouts(child)), None)
    if near:
        return f"did you mean {near}?"
    return f"expected {_expected()}"


def _names(roots: Sequence[Path]) -> list[str]:
    """Last part of each path; of paths that end alike, as many parts as it takes to tell them apart."""
    names = [root.name for root in roots]
    depth = 1
    while len(set(names)) < len(names):
        depth += 1
        often = Counter(names)
        names = ["/".join(root.parts[-depth:]) if often[name] > 1 else name for root, name in zip(roots, names)]
    return names

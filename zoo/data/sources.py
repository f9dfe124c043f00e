"""Open directories as scenes: which layout lies there, and one or more sources as one.

In: directories. Out: `Scenes`, whose records all have one owner. A further layout is one file and one line
in LAYOUTS.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from zoo.data.ash_colour import AshColourSource
from zoo.data.competition import CompetitionSource
from zoo.data.records import SPLITS, Metadata, Record, Source, in_order

LAYOUTS = (CompetitionSource, AshColourSource)


@dataclass(frozen=True)
class Scenes:
    """One or more sources as one; a record is labelled in one place only, and to be predicted in one only."""

    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        self._refuse_twins(self.labelled)
        self._refuse_twins(self.test)

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """All records, sorted by (split, id)."""
        return in_order(record for source in self.sources for record in source.records())

    @cached_property
    def labelled(self) -> tuple[Record, ...]:
        """The train and validation records that have a mask, sorted by (split, id)."""
        return tuple(record for record in self.records if self.source(record).has_mask(record))

    @cached_property
    def test(self) -> tuple[Record, ...]:
        """The test records, sorted by id."""
        return tuple(record for record in self.records if record.split == "test")

    def record(self, record_id: str, split: str | None = None) -> Record:
        """The record of an id: the labelled one where test/ holds it too, unless `split` says otherwise."""
        found = [record for record in self._by_id.get(record_id, ()) if split in (None, record.split)]
        if not found:
            where = ", ".join(str(source.root) for source in self.sources)
            raise UserError(f"record {record_id}: is not in {where}; check the id or name its --data")
        return found[-1]  # "test" sorts before the labelled splits

    def source(self, record: Record) -> Source:
        """The source that a record comes from."""
        return self._by_name[record.source]

    def path(self, record: Record) -> Path:
        """The folder or file that holds the record."""
        return self.source(record).path(record)

    def mask_path(self, record: Record) -> Path:
        """The file that holds the label of a labelled record."""
        return self.source(record).mask_path(record)

    def bands(self, record: Record) -> tuple[int, ...]:
        """The numbers of the bands that the record holds."""
        return self.source(record).bands(record)

    def frames(self, record: Record, bands: Sequence[int]) -> tuple[int, ...]:
        """The frames, 1 to 8, that every one of `bands` holds; cheap."""
        return self.source(record).frames(record, bands)

    def kelvin(self, record: Record, bands: Sequence[int], frames: Sequence[int]) -> NDArray[np.float32]:
        """Brightness temperature, kelvin: (len(bands), len(frames), 256, 256); an absent frame is NaN."""
        return self.source(record).kelvin(record, bands, frames)

    def mask(self, record: Record) -> NDArray[np.bool_]:
        """The label: (256, 256)."""
        return self.source(record).mask(record)

    def has_labelers(self, record: Record) -> bool:
        """Whether it is known what each labeler marked; cheap."""
        return self.source(record).has_labelers(record)

    def labelers(self, record: Record) -> NDArray[np.bool_] | None:
        """What each labeler marked, (R, 256, 256), or None."""
        return self.source(record).labelers(record)

    @cached_property
    def _metadata(self) -> dict[str, dict[str, Metadata]]:
        return {source.name: dict(source.metadata()) for source in self.sources}

    def metadata(self, record: Record) -> Metadata | None:
        """Time and place, or None where they are not known."""
        return self._metadata[record.source].get(record.id)

    def is_placed(self, record: Record) -> bool:
        """Whether time and place of the record are known."""
        data = self.metadata(record)
        return data is not None and data.centre is not None

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
                raise UserError(
                    f"record {record.id}: is in two places, {self.path(twin)} and {self.path(record)}; "
                    "move one away or name only one of the directories"
                )


def open_scenes(paths: Sequence[Path]) -> Scenes:
    """The sources at `paths` as one; UserError where one is absent, empty, or holds a record of another."""
    roots = sorted({path.resolve(): path for path in paths}.items())
    names = _names([resolved for resolved, _ in roots])
    return Scenes(tuple(_open(path, name) for (_, path), name in zip(roots, names)))


def _open(root: Path, name: str) -> Source:
    if root.is_file():
        raise UserError(f"{root}: is no directory; name the one that holds train/ or contrails/")
    if not root.is_dir():
        raise UserError(f"{root}: no such data directory; check the path, or make one: cli data synth {root}")
    layouts = [layout for layout in LAYOUTS if layout.lies_at(root)]
    if len(layouts) > 1:
        raise UserError(f"{root}: holds records and ash-colour scenes; move one kind into a folder of its own")
    if not layouts:
        raise UserError(f"{root}: holds no records; {_advice(root)}")
    return layouts[0](root, name)


def _advice(root: Path) -> str:
    """What to do about a directory without records: perhaps the right one is a step above or below."""
    if root.resolve().name in SPLITS:
        return f"name the folder above it: --data {root.resolve().parent}"
    below = (child for child in sorted(root.iterdir()) if child.is_dir())
    near = next((child for child in below if any(layout.lies_at(child) for layout in LAYOUTS)), None)
    if near:
        return f"did you mean {near}?"
    return "expected train/, validation/ or test/ with a folder a record, or contrails/*.npy"


def _names(roots: Sequence[Path]) -> list[str]:
    """The last part of each path; of paths that end alike as many parts as tell them apart."""
    names = [root.name for root in roots]
    depth = 1
    while len(set(names)) < len(names):
        depth += 1
        often = Counter(names)
        names = ["/".join(root.parts[-depth:]) if often[name] > 1 else name for root, name in zip(roots, names)]
    return names

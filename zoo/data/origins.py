"""Where records are packed from: directories, zip files and object stores, in any layout but the packed one.

In: paths and URLs. Out: origins, which list their records without reading any and open one at a time. The files of a
record in a zip file or an object store are fetched into a temporary folder, where the layout reads and checks them.
"""

import re
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, cast

from core.archives import open_zip, read_member
from core.errors import UserError
from core.files import LARGEST_DOCUMENT, read_bytes, sha256_of, stamp
from zoo.data.label_offset import FILE, read_label_offset
from zoo.data.layouts import LAYOUTS
from zoo.data.layouts.competition import INDIVIDUAL_MASKS
from zoo.data.metadata import read_metadata
from zoo.data.records import SAMPLE_NAME, SPLITS, Fault, Metadata, Record, Source, Split
from zoo.data.sources import Scenes, open_scenes

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)")


class Origin(Protocol):
    """Records that can be packed."""

    def records(self) -> Sequence[Record]:
        """All records, in their order."""

    def bands(self, record: Record) -> tuple[int, ...]:
        """Bands that the record holds; reads no array."""

    def metadata(self, record: Record) -> Metadata | None:
        """Time and place, or None if they are not known."""

    def made_from(self, record: Record, bands: Sequence[int]) -> str:
        """Digest of what is known of the record's files without reading them: names, sizes, times."""

    @contextmanager
    def opened(self, record: Record, bands: Sequence[int]) -> Iterator[Source]:
        """Source that reads these bands and the masks of the record within the block."""

    @property
    def label_offset(self) -> float:
        """Pixels by which the labels lie off."""

    @property
    def sample(self) -> bytes | None:
        """Content of sample_submission.csv; None without one."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Faults for which a record or its metadata is left out."""


def open_origins(given: Sequence[Path]) -> list[Origin]:
    """Open directories, zip files (`*.zip`) and URLs that fsspec knows (`s3://bucket/folder`).

    UserError if one is absent, holds no records, or is packed already.
    """
    urls = [url for path in given if (url := url_of(path))]
    zips = [path for path in given if path.suffix == ".zip" and not url_of(path)]
    folders = [path for path in given if path.suffix != ".zip" and not url_of(path)]
    origins: list[Origin] = [_ZipFile(path) for path in zips]
    origins += [_ObjectStore(url) for url in urls]
    if folders:
        scenes = open_scenes(folders)
        for source in scenes.sources:
            if source.packed:
                raise UserError(f"{source.root}: is packed already; name the scenes that it was packed from")
        origins.append(_Folders(scenes))
    return origins


def url_of(path: Path) -> str | None:
    """URL that a command line took for a path, and lost a slash of; None for a path.

    >>> url_of(Path("s3://bucket/scenes")), url_of(Path("file:///data/scenes")), url_of(Path("scenes"))
    ('s3://bucket/scenes', 'file:///data/scenes', None)
    """
    found = _URL.fullmatch(str(path))
    return f"{found[1]}://{'/' if found[1] == 'file' else ''}{found[2]}" if found else None


@dataclass(frozen=True)
class _Folders:
    """Directories in any layout."""

    scenes: Scenes

    def records(self) -> Sequence[Record]:
        return self.scenes.records

    def bands(self, record: Record) -> tuple[int, ...]:
        return self.scenes.source(record).bands(record)

    def metadata(self, record: Record) -> Metadata | None:
        return self.scenes.metadata(record)

    def made_from(self, record: Record, bands: Sequence[int]) -> str:
        source = self.scenes.source(record)
        paths = {*source.files(record, bands), *([source.mask_path(record)] if source.has_mask(record) else [])}
        if source.has_labelers(record):
            paths.add(source.path(record) / INDIVIDUAL_MASKS)
        return _digest({path.name: stamp(path) for path in paths})

    @contextmanager
    def opened(self, record: Record, bands: Sequence[int]) -> Iterator[Source]:
        yield self.scenes.source(record)

    @property
    def label_offset(self) -> float:
        return self.scenes.label_offset

    @property
    def sample(self) -> bytes | None:
        paths = (source.root / SAMPLE_NAME for source in self.scenes.sources)
        return next((read_bytes(path) for path in paths if path.is_file()), None)

    @property
    def faults(self) -> tuple[Fault, ...]:
        return self.scenes.faults


@dataclass(frozen=True)
class _Listed:
    """Records of a layout below a folder of an archive, each with its files and the bands in them."""

    layout: str
    root: str
    records: dict[tuple[Split, str], dict[str, tuple[int, ...]]]


def _listed(members: Iterable[str]) -> Iterator[_Listed]:
    """Find the places of an archive that hold records."""
    for layout in LAYOUTS.names():
        if not (archived := LAYOUTS.facts(layout).archived):
            continue
        places: dict[str, _Listed] = {}
        for found in filter(None, map(re.compile(archived.path).fullmatch, members)):
            place = places.setdefault(found["root"], _Listed(layout, found["root"], {}))
            split = cast(Split, found.groupdict().get("split", "train"))
            files = place.records.setdefault((split, found["id"]), {})
            if (bands := archived.bands(PurePosixPath(found[0]).name)) is not None:
                files[found[0]] = bands
        yield from places.values()


class _Archive(ABC):
    """Files in a layout's order that have to be fetched before they can be read.

    where: words for messages. members: names of all files, each with what tells a change of it.
    """

    def __init__(self, where: str, members: Mapping[str, Any]) -> None:
        self.where = where
        self._state = members
        places = list(_listed(members))
        if len(places) != 1:
            first = min((place.root for place in places), default="")
            what = f"records in {len(places)} places, {first or 'its top'} first" if places else "no records"
            raise UserError(f"{where}: holds {what}; expected {_expected()}")
        (self._place,) = places

    @abstractmethod
    def fetch(self, member: str, path: Path) -> None:
        """Write the content of a member to a file."""

    def records(self) -> Sequence[Record]:
        name, archived = PurePosixPath(self.where).name, LAYOUTS.facts(self._place.layout).archived
        clipped = archived is not None and archived.clipped
        return [Record(record_id, split, name, clipped) for split, record_id in sorted(self._place.records)]

    def bands(self, record: Record) -> tuple[int, ...]:
        return tuple(sorted({band for bands in self._files(record).values() for band in bands}))

    def metadata(self, record: Record) -> Metadata | None:
        return self._metadata.get((record.split, record.id))

    def made_from(self, record: Record, bands: Sequence[int]) -> str:
        needed = self._needed(record, bands)
        return _digest({PurePosixPath(member).name: self._state[member] for member in needed})

    @contextmanager
    def opened(self, record: Record, bands: Sequence[int]) -> Iterator[Source]:
        with tempfile.TemporaryDirectory(prefix="contrails-") as folder:
            for member in self._needed(record, bands):
                path = Path(folder) / member.removeprefix(self._place.root)
                path.parent.mkdir(parents=True, exist_ok=True)
                self.fetch(member, path)
            yield LAYOUTS.get(self._place.layout)(Path(folder), self.where)

    @property
    def label_offset(self) -> float:
        return self._with_file(FILE, lambda path: read_label_offset(path.parent))

    @property
    def sample(self) -> bytes | None:
        found: bytes | None = self._with_file(SAMPLE_NAME, lambda path: path.read_bytes() if path.exists() else None)
        return found

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(fault for _, faults in self._read_metadata for fault in faults)

    @cached_property
    def _metadata(self) -> dict[tuple[Split, str], Metadata]:
        return {
            (split, name): each
            for split, (found, _) in zip(SPLITS, self._read_metadata)
            for name, each in found.items()
        }

    @cached_property
    def _read_metadata(self) -> list[tuple[dict[str, Metadata], tuple[Fault, ...]]]:
        def read(path: Path) -> tuple[dict[str, Metadata], tuple[Fault, ...]]:
            return read_metadata(path) if path.exists() else ({}, ())

        return [self._with_file(f"{split}_metadata.json", read) for split in SPLITS]

    def _with_file(self, name: str, read: Callable[[Path], Any]) -> Any:
        """What `read` finds in a file beside the splits, which may be absent."""
        with tempfile.TemporaryDirectory(prefix="contrails-") as folder:
            path = Path(folder) / name
            if self._place.root + name in self._state:
                self.fetch(self._place.root + name, path)
            return read(path)

    def _files(self, record: Record) -> Mapping[str, tuple[int, ...]]:
        return self._place.records[record.split, record.id]

    def _needed(self, record: Record, bands: Sequence[int]) -> list[str]:
        """Files with any of these bands, and masks."""
        files = self._files(record)
        return [member for member in sorted(files) if not files[member] or set(bands) & set(files[member])]


class _ZipFile(_Archive):
    """Zip file, whose records are read without unpacking the others."""

    def __init__(self, path: Path) -> None:
        self._zip = open_zip(path)
        super().__init__(str(path), {each.filename: [each.file_size, each.CRC] for each in self._zip.infolist()})

    def fetch(self, member: str, path: Path) -> None:
        path.write_bytes(read_member(self._zip, member, LARGEST_DOCUMENT))


class _ObjectStore(_Archive):
    """Folder of an object store, or of anything else that fsspec opens by its URL."""

    def __init__(self, url: str) -> None:
        import fsspec

        try:
            self._system, self._base = fsspec.url_to_fs(url)
            found = self._system.find(self._base, detail=True)
        # Every store has errors of its own, and a lacking package is an ImportError.
        except Exception as error:
            raise UserError(f"{url}: cannot be listed ({error}); check the address and the access") from error
        names = {name[len(self._base.rstrip("/")) + 1 :]: info for name, info in found.items()}
        super().__init__(url, {name: _state(info) for name, info in names.items()})

    def fetch(self, member: str, path: Path) -> None:
        try:
            with self._system.open(f"{self._base.rstrip('/')}/{member}", "rb") as file:
                data = file.read(LARGEST_DOCUMENT + 1)  # whatever size the store lists
        except Exception as error:
            raise UserError(f"{self.where}: {member} cannot be fetched ({error}); run the command again") from error
        if len(data) > LARGEST_DOCUMENT:
            raise UserError(
                f"{self.where}: {member} has more than the {LARGEST_DOCUMENT:,} bytes that such a file can have"
            )
        path.write_bytes(data)


def _state(info: Mapping[str, Any]) -> list[str]:
    """Size of an object and the first of what stores say of its content."""
    for key in ("ETag", "etag", "md5Hash", "content_md5", "LastModified", "mtime", "created"):
        with suppress(KeyError):
            return [str(info["size"]), str(info[key])]
    return [str(info.get("size"))]


def _expected() -> str:
    facts = map(LAYOUTS.facts, LAYOUTS.names())
    return ", or ".join(each.expects for each in facts if each.archived)


def _digest(files: Mapping[str, Any]) -> str:
    return sha256_of(files)[:16]

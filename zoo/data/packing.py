"""Pack records: read each once, keep the bands and frames that inputs need, compactly, in shards that can be mapped.

In: origins (zoo.data.origins), what to keep. Out: a packed folder (zoo.data.shards), which is a source like any other.
Each file is written atomically, and the list of a shard after its files: a killed command loses at most the shard that
it was writing. The same command then makes what is missing, damaged, or of records that have changed. The bytes are the
same whether it was killed or not.
"""

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from core.command import Command
from core.errors import UsageError, UserError
from core.files import atomic_write, make_folder, sweep, write_text
from core.jobs import job_count
from core.listener import SILENT, Listener
from core.locks import claim
from core.signing import write_signed
from core.words import counted
from zoo.data.arrays import map_array, npy_header
from zoo.data.ash import ASH_BANDS
from zoo.data.label_offset import FILE as OFFSET_FILE
from zoo.data.label_offset import KEY as OFFSET_KEY
from zoo.data.layouts.packed import PACKED, packed_by
from zoo.data.origins import Origin
from zoo.data.parallel import parallel_map
from zoo.data.records import FRAMES, SAMPLE_NAME, Record, Source
from zoo.data.shards import (
    FORMAT,
    LABELERS,
    MASKS,
    PLANES,
    SHARD,
    THUMBNAIL,
    THUMBNAILS,
    Content,
    Row,
    Shard,
    digest_of,
    packed_bits,
    read_shard,
    shard_name,
    write_shard,
)
from zoo.data.thumbnails import thumbnails_of

SHARD_BYTES = 256 << 20  # about; what a killed command packs again
ALL_FRAMES = tuple(range(1, FRAMES + 1))


class Item(NamedTuple):
    """A record to pack."""

    origin: Origin
    record: Record
    content: Content


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What a packed folder holds and what it took. reused: records of shards that were there; seconds: of packing."""

    folder: Path
    records: int
    reused: int
    shards: int
    bytes: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Report as a JSON object."""
        names = ("records", "reused", "shards", "bytes", "seconds")
        return {"folder": str(self.folder), **{name: getattr(self, name) for name in names}}


def pack(
    origins: Sequence[Origin],
    out: Path,
    content: Content,
    made_by: Mapping[str, Sequence[Any]],
    jobs: int | None = None,
    listener: Listener = SILENT,
    shard_bytes: int = SHARD_BYTES,
) -> Packed:
    """Pack all records of the origins into the folder `out`, or go on with it.

    made_by: data, input and frames of the command, which readers advise when the folder is damaged. Of ash-colour
    scenes the labelled frame is kept. UserError for a record that lacks a band, is in two places or is damaged, for a
    folder that holds anything else, and for a disk without room; Claimed if another command packs into it.
    """
    parts = plan(origins, content, shard_bytes)
    offset = _label_offset(origins)
    for fault in (fault for origin in origins for fault in origin.faults):
        listener.note(str(fault))
    place = out.resolve() if out.is_symlink() else out  # a link and the folder that it leads to are one
    with claim(place, "is being packed"):
        _refuse_other(out, made_by)
        make_folder(place)
        document = {"format": FORMAT, **{key: list(values) for key, values in made_by.items()}}
        done = _intact(out, parts, jobs, listener)
        if len(done) < len(parts) or not (out / PACKED).exists() or packed_by(out)[1] != len(parts):
            write_signed(out / PACKED, document | {"shards": None})
        write_text(out / OFFSET_FILE, f"{OFFSET_KEY} = {offset}\n")
        if sample := next(filter(None, (origin.sample for origin in origins)), None):
            with atomic_write(out / SAMPLE_NAME) as file:
                file.write(sample)
        missing = [number for number in range(len(parts)) if number not in done]
        started = time.perf_counter()
        if missing:
            _announce(out, [item for number in missing for item in parts[number]], jobs, listener)
            _write_shards(out, parts, missing, jobs, listener)
        _tidy(out, len(parts))
        write_signed(out / PACKED, document | {"shards": len(parts)})
    return Packed(
        folder=out,
        records=sum(map(len, parts)),
        reused=sum(len(parts[number]) for number in done),
        shards=len(parts),
        bytes=sum(path.stat().st_size for path in out.rglob("*") if path.is_file()),
        seconds=round(time.perf_counter() - started, 2),
    )


def plan(origins: Sequence[Origin], content: Content, shard_bytes: int) -> list[list[Item]]:
    """Records of each shard; those of one shard are kept alike.

    UserError for a record that lacks a band, is an ash-colour image where kelvins are to be kept, or is in two places.
    """
    items = [_item(origin, record, content) for origin in origins for record in origin.records()]
    if not items:
        raise UserError("there are no records to pack; name a source that holds some")
    items.sort(key=lambda item: (item.record.clipped, item.record.split, item.record.id))
    seen: dict[tuple[str, str], Record] = {}
    for _, record, _ in items:
        twin = seen.setdefault((record.split, record.id), record)
        if twin is not record:
            raise UserError(
                f"record {record.id}: is in {twin.source} and in {record.source}; name only one of them as --data"
            )
    parts = []
    for alike, group in groupby(items, key=lambda item: item.content):
        size = max(1, shard_bytes // alike.record_bytes)
        while part := list(islice(group, size)):
            parts.append(part)
    return parts


def _item(origin: Origin, record: Record, content: Content) -> Item:
    where = f"record {record.id} ({record.source})"
    lacking = sorted(set(content.bands) - set(origin.bands(record)))
    if lacking:
        raise UserError(
            f"{where}: has no band {lacking[0]:02d}, which is to be packed; fetch it, or pack another input"
        )
    if not record.clipped:
        return Item(origin, record, content)
    if content.kind != "ash":
        raise UserError(f"{where}: is an ash-colour image, and kelvins are to be packed; leave this source out")
    return Item(origin, record, Content(kind="ash", bands=ASH_BANDS, frames=(5,)))


def _label_offset(origins: Sequence[Origin]) -> float:
    offsets = sorted({origin.label_offset for origin in origins})
    if len(offsets) > 1:
        raise UserError(
            f"labels lie {offsets[0]:g} px off in one source, {offsets[1]:g} px in another ({OFFSET_FILE}); "
            "pack them into folders of their own"
        )
    return offsets[0]


def _refuse_other(out: Path, made_by: Mapping[str, Sequence[Any]]) -> None:
    """Raise UsageError for a folder that holds something else than records packed for these inputs."""
    if (out / PACKED).is_file():
        again, _ = packed_by(out)
        wanted = Command("data pack", out, input=tuple(made_by["input"]), frames=_listed(made_by["frames"]))
        kept = [option for option in again.options if option[0] != "--data"]
        if kept != list(wanted.options):
            raise UsageError(f"{out}: holds records packed for something else; choose another folder, or go on", again)
    elif out.exists() and any(out.iterdir()):
        raise UsageError(f"{out}: is not empty and holds no packed records; choose another folder")


def _listed(frames: Sequence[int]) -> str:
    return ",".join(map(str, frames))


def _intact(out: Path, parts: Sequence[Sequence[Item]], jobs: int | None, listener: Listener) -> set[int]:
    """Numbers of the shards that hold these records, unchanged since, as they were written."""
    there = [number for number in range(len(parts)) if (out / shard_name(number) / SHARD).exists()]
    if not there:
        return set()
    checked = parallel_map(
        lambda number: _is_intact(out / shard_name(number), parts[number]), there, jobs, listener, "check"
    )
    done = {number for number, intact in zip(there, checked) if intact}
    if len(done) < len(there):
        left = counted(len(there) - len(done), "shard")
        listener.note(f"{out}: {left} damaged or of records that have changed; packed again")
    return done


def _is_intact(folder: Path, items: Sequence[Item]) -> bool:
    try:
        shard = read_shard(folder, None)
        expected = [(item.record.id, item.record.split, _made_from(item)) for item in items]
        if shard.content != items[0].content or [(row.id, row.split, row.made_from) for row in shard.rows] != expected:
            return False
        files = {name: map_array(folder / name, *of_file, "") for name, of_file in shard.shapes().items()}
        return all(digest_of(shard.parts(files, number)) == row.digest for number, row in enumerate(shard.rows))
    except UserError:
        return False


def _announce(out: Path, items: Sequence[Item], jobs: int | None, listener: Listener) -> None:
    """Say what is about to be written and how long it takes; UserError if the disk has no room for it."""
    start = time.perf_counter()
    _read(items[0])
    seconds = (time.perf_counter() - start) * len(items) / job_count(jobs)
    size, free = sum(item.content.record_bytes for item in items), shutil.disk_usage(out).free
    kind = "ash colours" if items[0].content.kind == "ash" else f"{len(items[0].content.bands)} bands"
    frames = " ".join(f"t{frame}" for frame in items[0].content.frames)
    line = f"{counted(len(items), 'record')}, {kind} of {frames}, {size / 1e6:,.0f} MB"
    if size > free:
        raise UserError(f"{out}: {line} do not fit, {free / 1e6:,.0f} MB are free; choose a folder on another disk")
    listener.info(f"{out}: {line} ({free / 1e9:,.0f} GB free), in about {max(1, round(seconds)):,} s")


def _write_shards(
    out: Path, parts: Sequence[Sequence[Item]], numbers: Sequence[int], jobs: int | None, listener: Listener
) -> None:
    items = [item for number in numbers for item in parts[number]]
    # One stream over all shards: no thread waits for the end of one.
    found = parallel_map(_read, items, jobs, listener, "pack")
    for number in numbers:
        _write_shard(out / shard_name(number), parts[number][0].content, len(parts[number]), found)


def _write_shard(
    folder: Path, content: Content, count: int, found: Iterator[tuple[Row, dict[str, NDArray[Any]]]]
) -> None:
    """Write the next `count` of the records found as a shard; at most their masks are in memory."""
    make_folder(folder)
    (folder / SHARD).unlink(missing_ok=True)
    sweep(folder)
    rows: list[Row] = []
    marks: list[NDArray[np.uint8]] = []
    shapes = Shard(content=content, rows=()).shapes()
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {}
        for name in (PLANES, MASKS, THUMBNAILS):
            files[name] = stack.enter_context(atomic_write(folder / name))
            (_, *rest), dtype = shapes[name]
            files[name].write(npy_header((count, *rest), dtype))
        for row, parts in islice(found, count):
            rows.append(row)
            marks.append(parts[LABELERS])
            for name, file in files.items():
                file.write(parts[name].data)
    shard = Shard(content=content, rows=tuple(rows))
    with atomic_write(folder / LABELERS) as file:
        file.write(npy_header(*shard.shapes()[LABELERS]))
        for each in marks:
            file.write(each.tobytes())
    write_shard(folder, shard)


def _made_from(item: Item) -> str:
    return item.origin.made_from(item.record, item.content.bands)


def _read(item: Item) -> tuple[Row, dict[str, NDArray[Any]]]:
    """Read a record once: its row, and what each file of the shard holds of it."""
    origin, record, content = item
    made_from = _made_from(item)
    with origin.opened(record, content.bands) as source:
        kelvin = source.kelvin(record, content.bands, ALL_FRAMES)
        mask, marks, labelers = _read_masks(source, record)
        labelled = source.has_mask(record)
    held = ~np.isnan(kelvin[:, :, 0, 0])  # (bands, 8): a frame is wholly NaN or not at all
    if content.kind == "ash":
        held[:] = held.all(0)  # no colour without all three
    ash = kelvin if content.bands == ASH_BANDS else kelvin[[content.bands.index(band) for band in ASH_BANDS]]
    small = _thumbnails(ash)
    thumbnails = np.zeros((FRAMES, THUMBNAIL), np.float32)
    thumbnails[: len(small)] = small
    places = [frame - 1 for frame in content.frames]
    kept = kelvin if content.frames == ALL_FRAMES else kelvin[:, places]
    kept[~held[:, places]] = np.nan
    parts = {PLANES: content.encode(kept), MASKS: mask, LABELERS: marks, THUMBNAILS: thumbnails}
    absent = [(band, frame) for band, row in zip(content.bands, held) for frame in content.frames if not row[frame - 1]]
    row = Row(
        id=record.id,
        split=record.split,
        labelled=labelled,
        labelers=labelers,
        marked=bool(len(marks)),
        held=len(small),
        absent=tuple(absent),
        made_from=made_from,
        digest=digest_of(parts),
        metadata=origin.metadata(record),
    )
    return row, parts


def _read_masks(source: Source, record: Record) -> tuple[NDArray[np.uint8], NDArray[np.uint8], int | None]:
    """Bits of the label, zeros if there is none; those of the labelers if any of them marked a pixel; their number."""
    label = source.mask(record) if source.has_mask(record) else np.zeros((256, 256), bool)
    marks = source.labelers(record)
    bits = packed_bits(label)
    if marks is None or not marks.any():
        return bits, np.empty((0, bits.size), np.uint8), None if marks is None else len(marks)
    return bits, packed_bits(marks), len(marks)


def _thumbnails(kelvin: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thumbnails of the frames that all three bands hold."""
    held = ~np.isnan(kelvin[:, :, 0, 0]).any(0)
    return thumbnails_of(kelvin if held.all() else kelvin[:, held])


def _tidy(out: Path, count: int) -> None:
    """Remove shards beyond the last, of records that are no longer there."""
    for number in range(count, count + len(list(out.glob("shard-*")))):
        shutil.rmtree(out / shard_name(number), ignore_errors=True)

"""Storage formats for packed records: reading batches in a drawn order, and what a flipped bit does.

    python -m benchmarks.formats [--records 512] [--json FILE]

Needs, each for its rows and none of them a dependency of the suite: zarr (3), pyarrow, pylance, mosaicml-streaming,
webdataset; what is not installed is skipped with a word. Records are ash colours of one frame, 3 x 256 x 256 bytes.
Processor milliseconds of a batch of 32 from the page cache, medians over three epochs; webdataset, which has no random
access, reads in its own order. Then one bit of the data is flipped and all records are read again.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
SHAPE = (3, 256, 256)
BATCH, EPOCHS, SHARD = 32, 3, 256
Numbers = NDArray[np.intp]
Reader = Callable[[Numbers], Bytes]  # numbers of records -> (n, 3, 256, 256)


@dataclass(frozen=True)
class Format:
    """A format: its name, the package that it needs, and functions that write records and open them for reading."""

    name: str
    package: str
    write: Callable[[Path, Bytes], None]
    open: Callable[[Path], Reader]


def write_npy(folder: Path, records: Bytes) -> None:
    folder.mkdir()
    np.save(folder / "planes.npy", records)


def open_npy(folder: Path) -> Reader:
    stored = np.asarray(np.load(folder / "planes.npy", mmap_mode="r"))

    def read(numbers: Numbers) -> Bytes:
        batch = np.empty((len(numbers), *SHAPE), np.uint8)
        for plane, number in zip(batch, numbers):
            plane[...] = stored[number]
        return batch

    return read


def write_zarr(sharded: bool, compressed: bool) -> Callable[[Path, Bytes], None]:
    def write(folder: Path, records: Bytes) -> None:
        import zarr

        shards = {"shards": (min(SHARD, len(records)), *SHAPE)} if sharded else {}
        codecs = [zarr.codecs.ZstdCodec(checksum=True)] if compressed else None
        made = zarr.create_array(
            str(folder), shape=records.shape, chunks=(1, *SHAPE), dtype="uint8", compressors=codecs, **shards
        )
        made[:] = records

    return write


def open_zarr(folder: Path) -> Reader:
    import zarr

    stored = zarr.open_array(str(folder), mode="r")
    return lambda numbers: np.stack([stored[number] for number in numbers])


def write_arrow(folder: Path, records: Bytes) -> None:
    import pyarrow as pa

    folder.mkdir()
    table = _table(records)
    with pa.OSFile(str(folder / "records.arrow"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=SHARD)


def open_arrow(folder: Path) -> Reader:
    import pyarrow as pa

    table = pa.ipc.open_file(pa.memory_map(str(folder / "records.arrow"))).read_all()
    return lambda numbers: _values(table.take(list(numbers)))


def write_lance(folder: Path, records: Bytes) -> None:
    import lance

    lance.write_dataset(_table(records), str(folder), max_rows_per_file=SHARD)


def open_lance(folder: Path) -> Reader:
    import lance

    stored = lance.dataset(str(folder))
    return lambda numbers: _values(stored.take(list(numbers)))


def write_mds(folder: Path, records: Bytes) -> None:
    from streaming import MDSWriter

    size = SHARD * records[0].nbytes
    with MDSWriter(out=str(folder), columns={"planes": "bytes"}, hashes=["sha1"], size_limit=size) as writer:
        for record in records:
            writer.write({"planes": record.tobytes()})


def open_mds(folder: Path) -> Reader:
    from streaming import StreamingDataset

    stored = StreamingDataset(local=str(folder), shuffle=False, batch_size=BATCH, validate_hash="sha1")
    return lambda numbers: np.stack(
        [np.frombuffer(stored[int(number)]["planes"], np.uint8).reshape(SHAPE) for number in numbers]
    )


def write_webdataset(folder: Path, records: Bytes) -> None:
    import webdataset

    folder.mkdir()
    for start in range(0, len(records), SHARD):
        with webdataset.TarWriter(str(folder / f"{start:06d}.tar")) as writer:
            for number, record in enumerate(records[start : start + SHARD], start):
                writer.write({"__key__": f"{number:06d}", "planes": record.tobytes()})


def open_webdataset(folder: Path) -> Reader:
    import webdataset

    files = sorted(map(str, folder.glob("*.tar")))

    def samples() -> Iterator[Any]:
        while True:
            yield from webdataset.WebDataset(files, shardshuffle=False)

    stream = samples()
    return lambda numbers: np.stack([np.frombuffer(next(stream)["planes"], np.uint8).reshape(SHAPE) for _ in numbers])


def _table(records: Bytes) -> Any:
    import pyarrow as pa

    rows = pa.array([record.tobytes() for record in records], pa.binary(records[0].nbytes))
    return pa.table({"planes": rows})


def _values(table: Any) -> Bytes:
    rows = [np.frombuffer(value.as_buffer(), np.uint8).reshape(SHAPE) for value in table.column("planes")]
    return np.stack(rows)


FORMATS = (
    Format(".npy, mapped (kept)", "numpy", write_npy, open_npy),
    Format("zarr, a chunk a record", "zarr", write_zarr(False, False), open_zarr),
    Format("zarr, shards of 256", "zarr", write_zarr(True, False), open_zarr),
    Format("zarr, shards, zstd with checksum", "zarr", write_zarr(True, True), open_zarr),
    Format("Arrow IPC, mapped", "pyarrow", write_arrow, open_arrow),
    Format("Lance", "pylance", write_lance, open_lance),
    Format("MosaicML streaming", "mosaicml-streaming", write_mds, open_mds),
    Format("WebDataset, in its order", "webdataset", write_webdataset, open_webdataset),
)


def measure(form: Format, folder: Path, records: Bytes, rng: np.random.Generator) -> dict[str, Any]:
    """Figures of a format."""
    start = time.process_time()
    form.write(folder, records)
    row = {"format": form.name, "version": version(form.package), "write_seconds": time.process_time() - start}
    row["bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    read, times = form.open(folder), []
    drawn = "its order" not in form.name
    for _ in range(EPOCHS):
        order = rng.permutation(len(records)) if drawn else np.arange(len(records))
        for at in range(0, len(order), BATCH):
            numbers = order[at : at + BATCH]
            start = time.process_time()
            batch = read(numbers)
            times.append(time.process_time() - start)
            assert np.array_equal(batch, records[numbers]), form.name
    return row | {"ms": 1000 * median(times), "flipped": flipped(form, folder, records)}


def flipped(form: Format, folder: Path, records: Bytes) -> str:
    """What reading all records says after a bit in the largest file was flipped."""
    path = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 8] ^= 4
    path.write_bytes(content)
    try:
        found = form.open(folder)(np.arange(len(records)))
    except Exception as error:  # of any package
        return f"{type(error).__name__}"
    return "nothing" if not np.array_equal(found, records) else "not met"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=512)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(argv)
    rng = np.random.default_rng(0)
    # Smooth, so that compression finds what it finds in scenes.
    coarse = rng.integers(0, 250, (given.records, 3, 64, 64), np.uint8).repeat(4, 2).repeat(4, 3)
    records = coarse + rng.integers(0, 6, coarse.shape, np.uint8)
    rows: list[dict[str, Any]] = []
    for form in FORMATS:
        folder = Path(tempfile.mkdtemp())
        try:
            rows.append(measure(form, folder / "data", records, rng))
        except ImportError as error:
            rows.append({"format": form.name, "skipped": f"{form.package} is not installed ({error})"})
        finally:
            shutil.rmtree(folder)
        row = rows[-1]
        figures = "{version:10} {ms:7.2f} ms a batch {bytes:12,} bytes; a flipped bit: {flipped}"
        print(f"{form.name:33}", row.get("skipped") or figures.format(**row), flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()

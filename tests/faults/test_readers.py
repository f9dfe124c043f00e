"""Whatever a file holds, its reader answers or raises a UserError, in bounded time and memory.

The examples are drawn anew from a fixed seed, so that a failure repeats. `tests.faults.fuzz` looks longer, guided by
what the code covers; what it found lies in `corpus`.
"""

import json
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from core.errors import UserError
from tests.faults.hostile import as_json, changed, damaged, sealed_json, sealed_lines
from tests.faults.readers import READERS, Reader

CORPUS = Path(__file__).with_name("corpus")
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "12"))  # of each reader
COSTLY = {"trials": 2, "zip": 6, "ensemble show": 6}  # examples of readers that take milliseconds
DOCUMENTS = [name for name, reader in READERS.items() if reader.seal in (sealed_json, sealed_lines)]
MOST_MEMORY = 256 << 20  # bytes that a reader may add for a file of a few kilobytes


def placed(reader: Reader, folder: Path) -> Path:
    """Path of the file, with what belongs beside it."""
    reader.prepare(folder)
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@pytest.mark.parametrize("name", READERS)
def test_a_valid_file_is_read(tmp_path: Path, name: str) -> None:
    reader = READERS[name]
    path = placed(reader, tmp_path)
    for data in (reader.valid, reader.seal(reader.valid)):
        path.write_bytes(data)
        reader.read(path)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_with_any_value_is_read_or_refused(tmp_path: Path, name: str) -> None:
    """Values of other kinds, signed again: they pass the digest, and reach what checks them."""
    reader = READERS[name]
    path = placed(reader, tmp_path)
    lines = reader.valid.splitlines() if reader.seal is sealed_lines else [reader.valid]
    for seed in range(COSTLY.get(name, 3 * EXAMPLES)):
        chosen, given_lines = random.Random(seed), list(lines)
        at = chosen.randrange(len(lines))
        given_lines[at] = as_json(changed(json.loads(lines[at]), seed))
        path.write_bytes(reader.seal(b"\n".join(given_lines)))
        reader.attempt(path)


FORMATTED = [name for name in DOCUMENTS if b'"format"' in READERS[name].valid and READERS[name].file[:5] != "runs/"]


@pytest.mark.parametrize("name", [*FORMATTED, "result"])
def test_a_newer_format_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """By a UserError that is not Damaged: nothing is made again over the file of a newer release."""
    reader = READERS[name]
    path = placed(reader, tmp_path)
    first, *others = reader.valid.splitlines() if reader.seal is sealed_lines else [reader.valid]
    path.write_bytes(reader.seal(b"\n".join([as_json(json.loads(first) | {"format": 99}), *others])))
    with pytest.raises(UserError, match=r"has format 99, this version reads up to \d; update the suite") as caught:
        reader.read(path)
    assert type(caught.value) is UserError


@pytest.mark.parametrize("name", READERS)
def test_damaged_bytes_are_read_or_refused(tmp_path: Path, name: str) -> None:
    reader = READERS[name]
    path = placed(reader, tmp_path)

    @settings(
        max_examples=COSTLY.get(name, EXAMPLES), phases=[Phase.generate], derandomize=True, deadline=None,
        database=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damaged(reader.valid))
    def check(data: bytes) -> None:
        path.write_bytes(reader.seal(data))
        reader.attempt(path)

    before = peak()
    check()
    assert peak() - before < MOST_MEMORY


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*/*")), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_the_fuzzer_found_is_read_or_refused(tmp_path: Path, path: Path) -> None:
    reader = READERS[path.parent.name.replace("-", " ")]
    target = placed(reader, tmp_path)
    target.write_bytes(reader.seal(path.read_bytes()))
    reader.attempt(target)


def peak() -> int:
    """Largest memory of this process so far, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "loop of links": lambda path: path.symlink_to(path.name),
    "folder": Path.mkdir,
}
# Their content is given as bytes, by callers who have read the file through a door.
OF_BYTES = ("map shard", "lock", "state", "weights", "foreign weights")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [name for name in READERS if name not in OF_BYTES])
def test_what_is_no_file_is_not_read(tmp_path: Path, name: str, kind: str) -> None:
    """Nobody waits for a pipe, and no memory is filled from a device."""
    path = placed(READERS[name], tmp_path)
    path.unlink(missing_ok=True)
    KINDS[kind](path)
    READERS[name].attempt(path)

"""Files that a prediction set was made from: `scenes.json` beside its manifest, to detect changed scenes.

In: the band files of each record. Out: their states by shard, and the records whose files have changed since. A file is
read again only if its size or time has changed, and its content decides. Sets of older releases have no such file and
count as unchanged; those with a damaged one count as changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

from core.errors import Damaged
from core.files import sha256_of, sha256_of_file, stamp
from core.signing import read_signed, write_signed
from zoo.predictions.format import Shard

SCENES = "scenes.json"
FORMAT = 2


@dataclass(frozen=True)
class FileState:
    """State of the files of one record: size and time of each, and the SHA-256 of their contents."""

    stamps: tuple[tuple[int, int], ...]
    sha256: str


@dataclass(frozen=True)
class ShardState:
    """SHA-256 of a shard, and the states of the files that its records were predicted from."""

    sha256: str
    records: Mapping[str, FileState]


class States(TypedDict):
    """Content of scenes.json."""

    shards: dict[str, ShardState]


class MadeFrom:
    """States of the scenes' files, of each shard of a prediction set.

    files: of each record that is to be predicted.
    """

    def __init__(self, folder: Path, files: Mapping[str, Sequence[Path]]) -> None:
        self.path = folder / SCENES
        self.files = files
        try:
            self._written, self._known = read_states(self.path), True
        except Damaged:
            self._written, self._known = {}, False
        self._shards = dict(self._written)

    def changed(self, shard: Shard, record_ids: Sequence[str]) -> list[str]:
        """Records of a shard whose files have changed since it was made; empty for sets of older releases."""
        if not self._known:
            return list(record_ids)
        known = self._shards.get(shard.file)
        if known is None or known.sha256 != shard.sha256 or set(known.records) != set(record_ids):
            return []
        now = {record_id: self._state(record_id, known.records[record_id]) for record_id in record_ids}
        found = [record_id for record_id in record_ids if now[record_id].sha256 != known.records[record_id].sha256]
        if not found:
            self._shards[shard.file] = ShardState(shard.sha256, now)  # with the times of today
        return found

    def note(self, shard: Shard, record_ids: Sequence[str]) -> None:
        """Store the states of the files that a new shard was made from."""
        states = {record_id: self._state(record_id, None) for record_id in record_ids}
        self._shards[shard.file] = ShardState(shard.sha256, states)
        self._write()

    def keep(self, shards: Sequence[Shard]) -> None:
        """Drop the states of all other shards, once the set is complete."""
        names = {shard.file for shard in shards}
        self._shards = {name: state for name, state in self._shards.items() if name in names}
        self._write()

    def _state(self, record_id: str, known: FileState | None) -> FileState:
        paths = self.files[record_id]
        stamps = tuple((size, time) for size, time in map(stamp, paths))
        if known is not None and known.stamps == stamps:
            return known
        digests = [_content(path, *stamped) for path, stamped in zip(paths, stamps)]
        return FileState(stamps, sha256_of(digests))

    def _write(self) -> None:
        if self._shards != self._written:
            rows = {name: asdict(shard) for name, shard in self._shards.items()}
            write_signed(self.path, {"format": FORMAT, "shards": rows})
        self._written = dict(self._shards)


def read_states(path: Path) -> dict[str, ShardState]:
    """States by shard; empty if the file is absent. Damaged if it was changed, UserError if it cannot be read."""
    if not path.exists():
        return {}
    return read_signed(path, FORMAT, States)["shards"]


@lru_cache(maxsize=1 << 16)
def _content(path: Path, size: int, time: int) -> str:
    """SHA-256 of a file; cached by its size and time, since every run of a member reads the same scenes."""
    return sha256_of_file(path)

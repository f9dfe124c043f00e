"""Format of a prediction set: shards of 64 maps, and a manifest with their provenance and hashes.

A shard is one zstd frame, level 3, checksum on, of (n, 256, 256) uint8: probability * 255. The manifest carries
the SHA-256 of every shard and of itself, so any changed bit is detected.
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from core.errors import Damaged, UserError
from core.files import check_format, read_json, sha256_of
from core.schema import fit
from core.versions import SUITE
from zoo.predictions.splits import labels_of
from zoo.runs.names import Ref, RunName
from zoo.runs.store import MANIFEST, SetPlace, Store

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMAT = 1
SHAPE = (256, 256)
SHARD_RECORDS = 64
LEVEL = 3
DTYPE, SCALE = "uint8", 255
AGAIN = "predict this set again"

Maps = NDArray[np.uint8]  # (n, 256, 256), probability * 255

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_FOLD = re.compile(r"[0-9]+|full")
_SHARD = re.compile(r"shard-[0-9]{4,9}\.zst")
_WINDOW_LOGS = (10, 31)  # that the decoder takes
_DESCRIPTOR, _HAS_CHECKSUM = 4, 0b100  # byte and bit of a zstd frame's header (RFC 8878, 3.1.1.1.1)


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Provenance of a prediction set; checked on creation, since most of it becomes a path."""

    member: str
    recipe: str  # hash of the resolved recipe
    split: str  # "oof", "test" or a name
    fold: str  # "0", "1", ... or "full"
    seed: int = 0  # null in the file
    tta: str = "none"  # canonical name of the views: "none", "flips", "d4", ... (zoo.views)
    folds_sha256: str
    checkpoint_sha256: str
    code: str = field(default_factory=lambda: version(SUITE))  # version of the suite
    seconds_per_record: float | None = None
    frame: int | None = None  # that pseudo-labels are of, 1 to 8; None for predictions, which are of the labelled frame

    def __post_init__(self) -> None:
        for key in ("member", "recipe", "split", "tta"):
            _require(_is_match(_NAME, getattr(self, key)), key, getattr(self, key))
        _require(_is_match(_FOLD, self.fold), "fold", self.fold)
        for key in ("folds_sha256", "checkpoint_sha256", "code"):
            _require(isinstance(getattr(self, key), str), key, getattr(self, key))
        _require(type(self.seed) is int and self.seed >= 0, "seed", self.seed)
        seconds = self.seconds_per_record
        is_time = isinstance(seconds, int | float) and math.isfinite(seconds) and seconds >= 0
        _require(seconds is None or is_time, "seconds_per_record", seconds)
        labels = labels_of(self.split)
        _require(self.frame == (labels[0] if labels else None), f"frame of {self.split}", self.frame)

    @property
    def ref(self) -> Ref:
        return Ref(self.member, self.recipe)

    @property
    def run(self) -> RunName:
        return RunName(self.fold, self.seed)

    def as_dict(self) -> dict[str, Any]:
        """Provenance as it stands in the manifest."""
        found = asdict(self) | {"seed": self.seed or None}
        if self.frame is None:  # older manifests have no such key, and keep their digest
            del found["frame"]
        return found

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Provenance":
        """Provenance of a manifest."""
        return cls(**{**given, "seed": given["seed"] or 0})

    def identity(self) -> dict[str, Any]:
        """Provenance without the measured time: sets that agree in it and in their records hold the same maps."""
        return {key: value for key, value in self.as_dict().items() if key != "seconds_per_record"}


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One file of maps, of the next `records` ids of the manifest."""

    file: str
    records: int
    sha256: str

    def __post_init__(self) -> None:
        _require(_is_match(_SHARD, self.file), "shard", self.file)
        _require(type(self.records) is int and 0 < self.records <= SHARD_RECORDS, "records", self.records)
        _require(isinstance(self.sha256, str), "sha256", self.sha256)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Manifest of a complete prediction set."""

    provenance: Provenance
    record_ids: tuple[str, ...]
    shards: tuple[Shard, ...]

    def __post_init__(self) -> None:
        check_record_ids(self.record_ids)
        counted = sum(shard.records for shard in self.shards)
        if counted != len(self.record_ids):
            raise UserError(f"the shards count {counted} records, the manifest {len(self.record_ids)}")

    @property
    def digest(self) -> str:
        """SHA-256 of records, provenance and shards, without the measured time."""
        document = self._content()
        return sha256_of(document | {"provenance": self.provenance.identity()})

    def document(self) -> dict[str, Any]:
        """JSON document; its "sha256" is the hash of everything else in it."""
        content = self._content()
        return content | {"sha256": sha256_of(content)}

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "provenance": self.provenance.as_dict(),
            "shape": list(SHAPE),
            "dtype": DTYPE,
            "scale": SCALE,
            "shards": [asdict(shard) for shard in self.shards],
            "record_ids": list(self.record_ids),
        }


class ProvenanceDocument(TypedDict):
    """Provenance as it stands in the manifest."""

    member: str
    recipe: str
    split: str
    fold: str
    seed: int | None
    tta: str
    folds_sha256: str
    checkpoint_sha256: str
    code: str
    seconds_per_record: float | None
    frame: NotRequired[int]


class ManifestDocument(TypedDict):
    """Content of manifest.json."""

    format: int
    provenance: ProvenanceDocument
    shape: list[int]
    dtype: Literal["uint8"]
    scale: int
    shards: tuple[Shard, ...]
    record_ids: tuple[str, ...]
    sha256: str


def set_folder(store: Store, made: Provenance) -> Path:
    """Folder of the prediction set with this provenance."""
    return SetPlace(store, made.ref, made.split, made.run, made.tta).folder


def shard_name(index: int) -> str:
    """shard-0000.zst, shard-0001.zst, ..."""
    return f"shard-{index:04d}.zst"


def check_record_ids(record_ids: Sequence[str]) -> None:
    """UserError if an id is not a string, is empty, or is named twice."""
    for record_id in record_ids:
        if not isinstance(record_id, str) or not record_id:
            raise UserError(f"record id {record_id!r} is not a string; ids are strings, always")
    if len(set(record_ids)) != len(record_ids):
        twice = next(record_id for record_id, often in Counter(record_ids).items() if often > 1)
        raise UserError(f"record {twice} is named twice in one prediction set")


def encode_shard(maps: Maps) -> bytes:
    """Compress maps (n, 256, 256) to one zstd frame with checksum and length."""
    options: dict[int, int] = {
        zstd.CompressionParameter.compression_level: LEVEL,
        zstd.CompressionParameter.checksum_flag: 1,
        zstd.CompressionParameter.content_size_flag: 1,
    }
    return zstd.compress(maps.tobytes(), options=options)


def decode_shard(blob: bytes, records: int, path: Path) -> Maps:
    """Decompress maps (records, 256, 256), read-only; UserError if the blob is not exactly that one frame.

    zstd's checksum misses a changed frame header and bytes after the frame, so both are looked at here.
    """
    expected = records * math.prod(SHAPE)
    try:
        if zstd.get_frame_info(blob).decompressed_size != expected or not blob[_DESCRIPTOR] & _HAS_CHECKSUM:
            raise UserError(f"{path}: its header does not fit {records} maps; {AGAIN}")
        # The window is allocated before anything is decoded; in a frame of ours it never exceeds the content.
        window = min(max((expected - 1).bit_length(), _WINDOW_LOGS[0]), _WINDOW_LOGS[1])
        frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: window})
        data = frame.decompress(blob)
    except zstd.ZstdError as error:
        raise UserError(f"{path}: is damaged ({error}); {AGAIN}") from error
    if not frame.eof or len(data) != expected:
        raise UserError(f"{path}: is cut off, {len(data)} of {expected} bytes decoded; {AGAIN}")
    if frame.unused_data:
        raise UserError(f"{path}: {len(frame.unused_data)} bytes follow its end; {AGAIN}")
    return np.frombuffer(data, DTYPE).reshape(records, *SHAPE)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a complete set; UserError if it is absent, damaged or of a newer format."""
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder}: holds no complete prediction set (no {MANIFEST}); {AGAIN}")
    return parse_manifest(read_json(path), path)


def parse_manifest(document: Any, path: Path) -> Manifest:
    """Check the JSON document of a manifest; UserError if it is damaged or of a newer format."""
    check_format(document, FORMAT, path)
    if document.get("sha256") != sha256_of({key: value for key, value in document.items() if key != "sha256"}):
        raise Damaged(f"{path}: is damaged (its contents do not match its own sha256); {AGAIN}")
    found = fit(document, ManifestDocument, path)
    try:
        manifest = Manifest(
            provenance=Provenance.of(found["provenance"]), record_ids=found["record_ids"], shards=found["shards"]
        )
    except UserError as error:
        raise Damaged(f"{path}: is damaged ({error}); {AGAIN}") from error
    if manifest.document() != document:
        raise Damaged(f"{path}: is damaged (it is of maps of another shape or scale); {AGAIN}")
    return manifest


def _is_match(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _require(holds: bool, key: str, value: object) -> None:
    if not holds:
        raise UserError(f"prediction set: {key} cannot be {value!r}")

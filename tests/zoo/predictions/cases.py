"""Small prediction sets: 70 records fill one shard and begin another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zoo.predictions import PredictionSet, PredictionWriter, Provenance, set_folder
from zoo.runs import Store

PLAIN: dict[str, Any] = {
    "member": "lite0-fc-t5",
    "recipe": "abc123",
    "split": "oof",
    "fold": "0",
    "seed": 0,
    "tta": "none",
    "folds_sha256": "f0",
    "checkpoint_sha256": "c0",
    "code": "0.1.0",
    "seconds_per_record": 0.5,
}


def provenance(**changes: Any) -> Provenance:
    return Provenance(**(PLAIN | changes))


def ids(count: int, first: int = 0) -> list[str]:
    """Nineteen digits, as in the competition: too many for a float."""
    return [f"1000216489776414{number:03d}" for number in range(first, first + count)]


def map_of(record_id: str, salt: int = 0) -> np.ndarray:
    """A map (256, 256) uint8 that no other record has: a blurred line on a low floor."""
    number = int(record_id[-3:]) + 7 * salt
    rows, columns = np.indices((256, 256))
    distance = np.abs(rows - columns * 0.5 - number)
    return np.maximum(255 - 40 * distance, (number + rows) % 3).astype(np.uint8)


def maps_of(record_ids: Sequence[str], salt: int = 0) -> np.ndarray:
    return np.stack([map_of(record_id, salt) for record_id in record_ids])


def write_set(runs: Path, record_ids: Sequence[str], salt: int = 0, **changes: Any) -> PredictionSet:
    made = provenance(**changes)
    folder = set_folder(Store(runs), made)
    with PredictionWriter(folder, made, record_ids) as writer:
        for record_id in writer.missing:
            writer.add(record_id, map_of(record_id, salt))
    return PredictionSet.open(folder)


def decode_all(stored: PredictionSet) -> None:
    for shard in stored.manifest.shards:
        stored.decode(shard)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

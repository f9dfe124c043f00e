"""Readers of every kind of file, each with a valid file and the call that reads it."""

import contextlib
import csv
import io
import json
import shutil
import sqlite3
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cli.app import run
from cli.options import _read_config
from core.errors import UserError
from core.locks import _read_holder
from core.signing import signed
from ensemble import Ensemble
from pipeline.artefacts import kind_of
from pipeline.leaderboard_rows import read_rows
from submissions.gate import check as check_submission
from submissions.ledger import read_ledger
from submissions.past_scores import _read as read_past
from tests.faults.hostile import as_json, sealed_json, sealed_lines
from zoo.data import read_folds
from zoo.data.arrays import read_array, read_first
from zoo.data.folds import signed_folds
from zoo.data.label_offset import read_label_offset
from zoo.data.layouts.packed import packed_by
from zoo.data.metadata import read_metadata
from zoo.data.origins import open_origins
from zoo.data.shards import read_shard
from zoo.inputs import read_scaling
from zoo.members import load_member, read_recipe
from zoo.predictions.format import decode_shard, encode_shard, read_manifest
from zoo.predictions.made_from import read_states
from zoo.predictions.map_files import read_map
from zoo.runs.epochs import read_epochs
from zoo.runs.seals import state_content, weights_match

SECONDS = 5.0  # of a processor, that a reader may take for any file
GOLDEN = Path(__file__).parents[1] / "golden" / "runs"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "real_runs"
RUN = GOLDEN / "members" / "tiny" / "2a81ce0e49e1" / "fold-0"
TODAY = Path(__file__).parents[1] / "golden" / "formats" / "runs"
SET = FIXTURES / "predictions" / "lite0-fc-t5" / "b47fe669d0f6" / "oof" / "fold-0" / "none"


def same(data: bytes) -> bytes:
    """Bytes of a file that carries no digest, or can do without one."""
    return data


@dataclass(frozen=True)
class Reader:
    """Reader of one kind of file.

    file: its path below an empty folder, in which `prepare` puts what belongs beside it. seal: bytes with a digest that
    fits them, so that damage reaches what reads behind the digest.
    """

    read: Callable[[Path], object]
    file: str
    valid: bytes
    seal: Callable[[bytes], bytes] = same
    prepare: Callable[[Path], object] = str

    def attempt(self, path: Path) -> None:
        """Read a file; raises whatever is no UserError, AssertionError for one that takes too long."""
        started = time.process_time()
        try:
            self.read(path)
        except UserError as error:
            assert str(error), "an error without a word"
        assert time.process_time() - started < SECONDS


def array_bytes(*shape: int) -> bytes:
    """Array in numpy's format."""
    buffer = io.BytesIO()
    np.save(buffer, np.full(shape, 250, np.float32))
    return buffer.getvalue()


def npz_bytes() -> bytes:
    """Map as nnU-Net writes it."""
    buffer = io.BytesIO()
    np.savez(buffer, probabilities=np.zeros((2, 1, 4, 4), np.float32))
    return buffer.getvalue()


def zip_bytes() -> bytes:
    """One record in a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scenes/train/1/band_08.npy", array_bytes(256, 256, 8))
        archive.writestr("scenes/train_metadata.json", as_json([ENTRY]))
        archive.writestr("scenes/source.toml", "label_offset = 0.0\n")
    return buffer.getvalue()


def read_zip(path: Path) -> None:
    """Everything that packing reads from a zip file."""
    for origin in open_origins([path]):
        for record in origin.records():
            assert origin.label_offset is not None and origin.faults is not None
            origin.metadata(record)
            with origin.opened(record, origin.bands(record)) as source:
                source.kelvin(record, origin.bands(record), (5,))


def database_bytes() -> bytes:
    """Trials of a search, as an older release wrote them."""
    database = sqlite3.connect(":memory:")
    with contextlib.closing(database):
        database.executescript(next((GOLDEN / "tuning" / "tiny").glob("*.sql")).read_text())
        return database.serialize()


def read_database(path: Path) -> None:
    """Trials, as a search and a verification read them."""
    from zoo.runs.trials import read_trials

    read_trials(path)


def read_state(path: Path) -> None:
    """State of a run."""
    from zoo.runtime.checkpoints import load_state

    state_content(path.read_bytes())
    load_state(path)


def torch_bytes(values: dict[str, list[float]]) -> bytes:
    """Tensors as torch saves them."""
    import torch

    buffer = io.BytesIO()
    torch.save({name: torch.tensor(value) for name, value in values.items()}, buffer)
    return buffer.getvalue()


def sealed_state(data: bytes) -> bytes:
    """State with the digest of whatever follows its first line."""
    from zoo.runs.seals import STATE, state_header

    content = data.partition(b"\n")[2] if data.startswith(STATE) else data
    return state_header(memoryview(content)) + content


def read_weights(path: Path) -> None:
    """Weights of a run, and as those of a user."""
    from zoo.models.weights import WeightsSource, read_state
    from zoo.runtime import checkpoints

    weights_match(path.read_bytes())
    with contextlib.suppress(UserError):
        checkpoints.read_weights(path)
    read_state(WeightsSource(encoder="resnet18", kind="file", source="", path=path, licence=""))


def read_weights_list(path: Path) -> None:
    """List of packed weights."""
    from zoo.models.weights import read_manifest as read_list

    read_list(path.parent)


def sealed_folds(data: bytes) -> bytes:
    """Folds with the digest of each row."""
    try:
        return signed_folds(data.decode()).encode()
    except (UserError, ValueError, csv.Error):
        return data


def submission(path: Path) -> None:
    """Submission, checked and read."""
    assert check_submission(path, ("1", "2")) is not None


def place(path: Path) -> Any:
    """Place of the run that a file lies in."""
    from pipeline.artefacts import place_of

    return place_of(path)


def beside(folder: Path) -> Callable[[Path], object]:
    """Copy of a folder's files, links for speed."""
    return lambda target: shutil.copytree(folder, target / "runs" / folder.relative_to(GOLDEN))


def command(line: str) -> Callable[[Path], None]:
    """Reader that calls a command on the runs folder that holds the file, and wants one line of an error."""

    def read(path: Path) -> None:
        folder = next(each for each in path.parents if each.name == "runs")
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(errors):
            code = run([*line.split(), "--runs", str(folder)])
        lines = errors.getvalue().splitlines()
        assert sum(each.startswith("error: ") for each in lines) == (code != 0), lines
        assert not {"\x1b", "\u202e"} & set(printed.getvalue() + errors.getvalue())

    return read


def check_kind(path: Path) -> None:
    """Check that `zoo verify` makes of a file."""
    kind = kind_of(path)
    assert kind is not None
    kind.check(path)


ENTRY = {
    "record_id": "1", "timestamp": 1583980800.0, "projection_wkt": "x",
    "row_min": 1, "row_size": -2, "col_min": 3, "col_size": 4,
}  # fmt: skip
ROW = {
    "id": "1", "split": "train", "labelled": True, "labelers": 2, "marked": True, "held": 1, "absent": [[0, 5]],
    "made_from": "a", "digest": "b", "time": 1.0, "centre": [1.0, 2.0], "grid": [0, 1.0, 2.0, 3.0, 4.0],
}  # fmt: skip
SHARD_LIST = {
    "format": 1, "kind": "kelvin", "bands": [11], "frames": [5], "projections": ["x"], "records": [ROW],
}  # fmt: skip
STATES = {"shard-0000.zst": {"sha256": "a", "records": {"1": {"stamps": [[1, 2]], "sha256": "b"}}}}
PACKED_WEIGHTS = {"encoder": "resnet18", "file": "a.pth", "source": "x", "licence": "MIT", "bytes": 3, "sha256": "a"}
PARTIAL = {"format": 2, "identity": "a", "shards": {"shard-0000.zst": "b"}}
CHECKS = {"format": 2, "sources": {"/data": {"when": "2026", "faults": 0, "records_sha256": "a"}}}
LOCK = {"command": "cli zoo train", "pid": 1, "host": "here", "since": "2026-01-01T00:00:00+00:00"}
RUN_FILE = f"runs/{RUN.relative_to(GOLDEN)}"


def document(content: Any) -> bytes:
    """Bytes of a signed document."""
    return as_json(signed(content))


READERS = {
    "npy": Reader(lambda path: (read_first(path, 2), read_array(path)), "a.npy", array_bytes(4, 4)),
    "npz": Reader(read_map, "a.npz", npz_bytes()),
    "zip": Reader(read_zip, "a.zip", zip_bytes()),
    "metadata": Reader(read_metadata, "train_metadata.json", as_json([ENTRY])),
    "label offset": Reader(lambda path: read_label_offset(path.parent), "source.toml", b"label_offset = 0.5\n"),
    "member": Reader(
        lambda path: load_member(str(path)), "m.toml", b'base = "lite0-fc-t5"\nepochs = 3\n[log]\nrow = 3\n'
    ),
    "recipe": Reader(lambda path: read_recipe(path, "tiny"), "recipe.toml", (RUN / "recipe.toml").read_bytes()),
    "config": Reader(_read_config, "contrails.toml", b'runs = "runs"\nseed = 1\n[lineups]\nmine = ["m0"]\n'),
    "map shard": Reader(
        lambda path: decode_shard(path.read_bytes(), 1, path), "a.zst", encode_shard(np.zeros((1, 256, 256), np.uint8))
    ),
    "manifest": Reader(
        lambda path: read_manifest(path.parent), "manifest.json", (SET / "manifest.json").read_bytes(), sealed_json
    ),
    "scenes": Reader(read_states, "scenes.json", document({"format": 2, "shards": STATES}), sealed_json),
    "partial": Reader(check_kind, "partial.json", document(PARTIAL), sealed_json),
    "folds": Reader(read_folds, "folds.csv", (GOLDEN / "folds.csv").read_bytes(), sealed_folds),
    "result": Reader(
        check_kind, f"{RUN_FILE}/result.json", (RUN / "result.json").read_bytes(), sealed_json, beside(RUN)
    ),
    "epochs": Reader(
        lambda path: read_epochs(place(path)), f"{RUN_FILE}/epochs.jsonl", (RUN / "epochs.jsonl").read_bytes(),
        sealed_lines,
    ),
    "scaling": Reader(
        lambda path: read_scaling(path, "fc_and_bands"), "scaling.json", (RUN / "scaling.json").read_bytes(),
        sealed_json,
    ),
    "checks": Reader(check_kind, "checks.json", document(CHECKS), sealed_json),
    "lock": Reader(lambda path: _read_holder(path.read_bytes()), ".a.lock", as_json(LOCK)),
    "leaderboard": Reader(
        read_rows, "leaderboard.json", (GOLDEN / "leaderboard.json").read_bytes(), sealed_json
    ),
    "ensemble": Reader(
        Ensemble.load, "ensemble.json", (GOLDEN / "ensembles/default/ensemble.json").read_bytes(), sealed_json
    ),
    "ensemble show": Reader(
        command("ensemble show default"), "runs/ensembles/default/ensemble.json",
        (TODAY / "ensembles/default/ensemble.json").read_bytes(), sealed_json,
    ),
    "submissions log": Reader(
        command("submissions log"), "runs/submissions.jsonl", (GOLDEN / "submissions.jsonl").read_bytes(), sealed_lines
    ),
    "ledger": Reader(
        lambda path: json.dumps(read_ledger(path).as_dict()), "submissions.jsonl",
        (GOLDEN / "submissions.jsonl").read_bytes(), sealed_lines,
    ),
    "past scores": Reader(read_past, "past.csv", b"name,local,public,low,high\nfirst,0.60,0.61,0.5,0.7\n"),
    "submission": Reader(submission, "s.csv", b"record_id,encoded_pixels\n1,1 3 9 2\n2,-\n"),
    "packed": Reader(
        lambda path: packed_by(path.parent), "packed.json",
        document({"format": 1, "data": ["a"], "input": ["fc"], "frames": [5], "shards": 1}), sealed_json,
    ),
    "packed shard": Reader(lambda path: read_shard(path.parent, None), "shard.json", document(SHARD_LIST), sealed_json),
    "weights list": Reader(read_weights_list, "weights.json", as_json({"format": 1, "weights": [PACKED_WEIGHTS]})),
    "trials": Reader(read_database, "tiny/a.sqlite", database_bytes()),
    "state": Reader(read_state, "last.pt", sealed_state(torch_bytes({"epoch": [1.0]})), sealed_state),
    "weights": Reader(read_weights, "resnet18.safetensors", (RUN / "best.safetensors").read_bytes()),
    "foreign weights": Reader(read_weights, "resnet18.pth", torch_bytes({"conv1.weight": [1.0, 2.0]})),
}  # fmt: skip

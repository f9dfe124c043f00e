"""Everything under runs/ is read back, and each fault gets its line."""

import hashlib
from pathlib import Path

import pytest

from core.errors import UserError
from core.signing import write_signed
from tests.heard import Heard
from tests.zoo.predictions.cases import bytes_of, ids, write_set
from zoo.data import read_folds
from zoo.predictions.format import MANIFEST
from zoo.predictions.verify import verify_sets
from zoo.runs import Store

RECORDS = {"0": ids(70), "1": ids(66, 70)}


@pytest.fixture
def runs(tmp_path) -> Path:
    lines = [f"{record_id},{fold}\n" for fold, record_ids in RECORDS.items() for record_id in record_ids]
    (tmp_path / "folds.csv").write_text("record_id,fold\n" + "".join(lines))
    folds_sha256 = read_folds(tmp_path / "folds.csv").sha256
    for fold, record_ids in RECORDS.items():
        write_set(tmp_path, record_ids, fold=fold, folds_sha256=folds_sha256)
        write_set(tmp_path, ids(3, 200), fold=fold, split="test", folds_sha256=folds_sha256)
    (tmp_path / "ensembles/mine").mkdir(parents=True)
    (tmp_path / "ensembles/mine/ensemble.json").write_text('{"format": 1}')
    return tmp_path


def set_of(runs: Path, fold: str = "0", split: str = "oof") -> Path:
    return runs / f"predictions/lite0-fc-t5/abc123/{split}/fold-{fold}/none"


def test_what_is_whole_is_counted_and_has_no_fault(runs):
    heard = Heard()
    found = verify_sets(Store(runs), heard)
    assert (found.sets, found.records, found.shards, found.faults) == (4, 142, 6, ())
    assert found.bytes == sum(path.stat().st_size for path in runs.rglob("*.zst"))
    assert heard.steps == [1, 1, 1, 1]


def flip(path: Path) -> None:
    torn = bytearray(path.read_bytes())
    torn[len(torn) // 2] ^= 1
    path.write_bytes(torn)


def copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name, blob in bytes_of(source).items():
        (target / name).write_bytes(blob)


def save_weights(runs: Path, blob: bytes, ended_with: bytes | None = b"weights") -> None:
    path = runs / "members/lite0-fc-t5/new/fold-0/best.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(blob)
    if ended_with is not None:
        write_signed(
            path.with_name("result.json"), {"format": 2, "weights_sha256": hashlib.sha256(ended_with).hexdigest()}
        )
    write_set(runs, ids(2), recipe="new", checkpoint_sha256=hashlib.sha256(b"weights").hexdigest())


def wrong_fold(runs: Path) -> None:
    folds_sha256 = read_folds(runs / "folds.csv").sha256
    write_set(runs, RECORDS["1"][:3], fold="0", recipe="leak", folds_sha256=folds_sha256)


FAULTS = {
    "flipped shard": (
        lambda runs: flip(set_of(runs) / "shard-0001.zst"),
        r"shard-0001\.zst: is not the shard",
    ),
    "missing shard": (
        lambda runs: (set_of(runs) / "shard-0000.zst").unlink(),
        r"shard-0000\.zst: no such file",
    ),
    "flipped manifest": (lambda runs: flip(set_of(runs) / MANIFEST), r"manifest\.json: is not readable JSON"),
    "extra shard": (lambda runs: (set_of(runs) / "shard-0009.zst").write_bytes(b""), r"0009\.zst: is not in"),
    "copied set": (lambda runs: copy(set_of(runs), set_of(runs, "7")), "fold-7.*holds the prediction set"),
    "other weights": (lambda runs: save_weights(runs, b"other"), "predicted by other weights than"),
    "trained since": (
        lambda runs: save_weights(runs, b"other", b"other"),
        "of weights that it had before; run: cli zoo",
    ),
    "training on": (lambda runs: save_weights(runs, b"other", None), "train it to its end; run: cli zoo predict"),
    "wrong fold": (wrong_fold, f"record {RECORDS['1'][0]} is not of fold 0"),
    "lost folds": (lambda runs: (runs / "folds.csv").unlink(), "folds.csv: no such file; the same scenes"),
    "torn folds": (lambda runs: (runs / "folds.csv").write_text("x"), "folds.csv: has no column"),
    "other test records": (
        lambda runs: write_set(runs, ids(2), fold="3", split="test"),
        "fold-3.*is of another folds.csv",
    ),
}


@pytest.mark.parametrize("spoil, line", FAULTS.values(), ids=FAULTS.keys())
def test_each_fault_is_named_once(runs, spoil, line):
    spoil(runs)
    found = verify_sets(Store(runs))
    assert len(found.faults) == 1
    assert "\n" not in found.faults[0]
    with pytest.raises(UserError, match=line):
        raise UserError(found.faults[0])


def test_every_fault_is_found_in_one_go(runs):
    flip(set_of(runs) / "shard-0000.zst")
    flip(set_of(runs) / "shard-0001.zst")
    (set_of(runs, "1") / "shard-0000.zst").unlink()
    assert len(verify_sets(Store(runs)).faults) == 3


def test_an_unfinished_set_is_no_fault(runs):
    (set_of(runs) / MANIFEST).unlink()
    found = verify_sets(Store(runs))
    assert (found.sets, found.unfinished, found.faults) == (3, (set_of(runs),), ())


def test_what_is_of_other_folds_is_counted_and_no_fault(runs):
    (runs / "folds.csv").rename(runs / "folds-old.csv")
    (runs / "folds.csv").write_text("record_id,fold\na,0\nb,1\n")
    for fold, folds_sha256 in enumerate((read_folds(runs / "folds.csv").sha256, "old")):
        result = runs / f"members/ext/abc/fold-{fold}/result.json"
        result.parent.mkdir(parents=True)
        write_signed(result, {"format": 2, "folds_sha256": folds_sha256})
    found = verify_sets(Store(runs))
    assert (found.sets_of_other_folds, found.runs_of_other_folds, found.faults) == (2, 1, ())


def test_the_weights_that_predicted_are_recognised(runs):
    save_weights(runs, b"weights")
    assert verify_sets(Store(runs)).faults == ()


def test_an_empty_runs_folder_is_whole_and_an_absent_one_is_named(tmp_path):
    assert verify_sets(Store(tmp_path)).sets == 0
    with pytest.raises(UserError, match="absent: no such directory"):
        verify_sets(Store(tmp_path / "absent"))

"""Verification beside other commands: a fault is what stays."""

from pathlib import Path

from core.files import write_text
from core.listener import Silent
from pipeline.verify import verify
from tests.zoo.predictions.cases import ids, write_set
from zoo.runs import Store


class Mending(Silent):
    """Another command, which writes a file again while the folder is read a second time."""

    def __init__(self, path: Path) -> None:
        self.path, self.whole, self.looks = path, path.read_bytes(), 0

    def task(self, what: str, total: int):
        self.looks += 1
        if self.looks == 2:
            self.path.write_bytes(self.whole)
        return super().task(what, total)


def test_a_fault_that_passes_is_none(tmp_path):
    write_set(tmp_path / "runs", ids(3))
    write_text(tmp_path / "runs" / "folds.csv", "record_id,fold\na,0\nb,1\n")
    store = Store(tmp_path / "runs")
    (shard,) = store.root.rglob("*.zst")
    other = Mending(shard)
    assert not verify(store, other).faults and other.looks == 1  # nothing to look at again
    shard.write_bytes(b"half")
    other.looks = 0
    assert not verify(store, other).faults and other.looks == 2
    shard.unlink()
    assert any(str(shard) in fault for fault in verify(store).faults)

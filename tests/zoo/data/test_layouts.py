"""The contract of every layout, and a new one that is nothing but its file."""

from importlib import invalidate_caches

import numpy as np
import pytest

import zoo.data.layouts as layouts
from tests.scenes import write_ash, write_record
from zoo.data import SIZE, open_scenes
from zoo.data.check import check_scenes
from zoo.data.layouts import LAYOUTS
from zoo.workflows.pack import pack_scenes

WRITE = {
    "ash_colour": lambda folder: write_ash(folder, "7", mask=30),
    "competition": lambda folder: write_record(folder, "train", "7", mask=30),
    "packed": lambda folder: write_packed(folder),
}
ARCHIVE = '''
"""Layout of a test: one array NAME.frames.npy, (256, 256), of band 14 in the labelled frame."""
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.data.layouts import LAYOUTS
from zoo.data.records import Finding, Record


@LAYOUTS.register("archive", contents="archives", expects="*.frames.npy")
@dataclass(frozen=True)
class Archive:
    root: Path
    name: str

    @staticmethod
    def recognises(root):
        return any(root.glob("*.frames.npy"))

    def records(self):
        names = sorted(path.name.partition(".")[0] for path in self.root.glob("*.frames.npy"))
        return tuple(Record(name, "test", self.name) for name in names)

    def has_mask(self, record):
        return False

    def metadata(self):
        return {}

    def faults(self):
        return ()

    def kelvin(self, record, bands, frames):
        return np.load(self.root / f"{record.id}.frames.npy")[None, None]

    def expected_files(self):
        return {record: frozenset((f"{record.id}.frames.npy",)) for record in self.records()}

    def check(self, record, expected):
        return Finding(record, 1, (14,), (), False, ())
'''


def write_packed(folder):
    raw = folder.parent / "raw"
    write_record(raw, "train", "7", mask=30)
    pack_scenes([raw], folder, inputs=["fc"])


@pytest.mark.parametrize("name", LAYOUTS.names())
def test_a_layout_recognises_its_own_scenes_and_no_others(name, tmp_path):
    for other, write in WRITE.items():
        write(tmp_path / other)
        assert LAYOUTS.get(name).recognises(tmp_path / other) == (name == other)
    assert not LAYOUTS.get(name).recognises(tmp_path)
    assert not LAYOUTS.get(name).recognises(tmp_path / "absent")


@pytest.mark.parametrize("name", LAYOUTS.names())
def test_a_layout_reads_and_checks_its_scenes(name, tmp_path):
    data = tmp_path / "data"
    WRITE[name](data)
    source = LAYOUTS.get(name)(data, "data")
    (record,) = source.records()
    (finding,) = check_scenes(open_scenes(data)).findings
    assert (record.id, finding.bands, finding.faults) == ("7", source.bands(record), ())
    assert (source.has_mask(record), source.mask(record).sum()) == (True, 30)
    assert source.kelvin(record, source.bands(record), (5,)).shape == (3, 1, SIZE, SIZE)
    assert set(source.expected_files()) == {record}
    assert source.path(record).exists()
    assert source.mask_path(record).is_file()


def test_a_new_layout_is_one_file(tmp_path, monkeypatch):
    package, data = tmp_path / "package", tmp_path / "data"
    package.mkdir()
    data.mkdir()
    (package / "archive.py").write_text(ARCHIVE)
    np.save(data / "x.frames.npy", np.full((SIZE, SIZE), 280, np.float32))
    monkeypatch.setattr(layouts, "__path__", [str(package), *layouts.__path__])
    invalidate_caches()
    assert LAYOUTS.names() == ["archive"]
    scenes = open_scenes(data)
    assert [record.id for record in scenes.test] == ["x"]
    assert scenes.kelvin(scenes.test[0], (14,), (5,)).mean() == 280
    assert check_scenes(scenes).as_dict()["files"] == 1

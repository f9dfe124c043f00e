"""The contract of every layout, and a new one that is nothing but its file."""

from importlib import invalidate_caches

import numpy as np
import pytest

import zoo.data.layouts as layouts
from tests.scenes import write_ash, write_record
from zoo.data import SIZE, open_scenes
from zoo.data.check import check_scenes
from zoo.data.layouts import LAYOUTS
from zoo.data.thumbnails import thumbnails, thumbnails_of
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
from zoo.data.records import Finding, Record, Source


@LAYOUTS.register("archive", contents="archives", expects="*.frames.npy")
@dataclass(frozen=True)
class Archive(Source):
    @staticmethod
    def recognises(root):
        return any(root.glob("*.frames.npy"))

    def records(self):
        names = sorted(path.name.partition(".")[0] for path in self.root.glob("*.frames.npy"))
        return tuple(Record(name, "train", self.name) for name in names)

    def path(self, record):
        return self.root / f"{record.id}.frames.npy"

    def has_mask(self, record):
        return record.id == "x"

    def bands(self, record):
        return (14,)

    def files(self, record, bands):
        return (self.path(record),)

    def frames(self, record, bands):
        return (5,)

    def kelvin(self, record, bands, frames):
        return np.load(self.path(record))[None, None]

    def mask(self, record):
        return np.load(self.path(record)) > 279

    def expected_files(self):
        return {record: frozenset((f"{record.id}.frames.npy",)) for record in self.records()}

    def check(self, record, expected):
        return Finding(record, 1, (14,), (), True, ())
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
    kelvin = np.linspace(270, 290, SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE)
    np.save(data / "x.frames.npy", kelvin)
    monkeypatch.setattr(layouts, "__path__", [str(package), *layouts.__path__])
    invalidate_caches()
    assert LAYOUTS.names() == ["archive"]
    scenes = open_scenes(data)
    (record,) = scenes.labelled
    assert np.array_equal(scenes.kelvin(record, (14,), (5,))[0, 0], kelvin)
    # What only packed records have is answered for it.
    assert np.array_equal(scenes.common_source([record]).masks([record]), [kelvin > 279])
    assert np.array_equal(thumbnails(scenes.source(record), record, (14,)), thumbnails_of(kelvin[None, None]))
    assert check_scenes(scenes).as_dict()["files"] == 1

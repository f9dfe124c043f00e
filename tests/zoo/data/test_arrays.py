"""Array files, torn, foreign and hostile."""

import os
import pickle
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from zoo.data.arrays import FileFault, map_array, read_array, read_first


@pytest.fixture
def values(rng):
    return rng.normal(size=(5, 4, 8)).astype(np.float32)


@pytest.mark.parametrize("order", ["C", "F"])
def test_what_numpy_saves_is_read(order, values, tmp_path):
    np.save(tmp_path / "a.npy", np.asarray(values, order=order))
    np.testing.assert_array_equal(read_array(tmp_path / "a.npy"), values)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_glance_is_the_start_of_the_whole(order, values, tmp_path):
    np.save(tmp_path / "a.npy", np.asarray(values, order=order))
    np.testing.assert_array_equal(read_first(tmp_path / "a.npy", 8), values[0, 0])
    np.testing.assert_array_equal(read_first(tmp_path / "a.npy", 3), values[0, 0, :3])


def _pickled(path, values):
    path.write_bytes(pickle.dumps(values))


def _objects(path, values):
    np.save(path, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)


def _truncated(path, values):
    np.save(path, values)
    path.write_bytes(path.read_bytes()[:-7])


def _longer(path, values):
    np.save(path, values)
    path.write_bytes(path.read_bytes() + b"more")


def _odd_shape(path, values):
    np.save(path, values)
    path.write_bytes(path.read_bytes().replace(b"(5, 4, 8)", b"9999999  "))


def _boastful(path, values):
    np.save(path, values)
    path.write_bytes(path.read_bytes().replace(b"(5, 4, 8)", b"(2, 9999)"))


FAULTS = {
    "is not a readable .npy": _pickled,
    "pickled Python objects": _objects,
    "is truncated, 761 of 768 bytes": _truncated,
    "4 bytes after its array": _longer,
    "not a readable .npy file; fetch": _odd_shape,
    "is truncated, 768 of 80120 bytes": _boastful,
    "no such file": lambda path, values: None,
    "cannot be read (Is a directory)": lambda path, values: path.mkdir(),
    "not numbers": lambda path, values: np.save(path, np.array(["a", "b"])),
    "is not a readable": lambda path, values: path.write_bytes(b""),
    "is not a readable .npy file": lambda path, values: np.savez(path.open("wb"), values),
}


@pytest.mark.parametrize(("words", "spoil"), FAULTS.items(), ids=FAULTS.keys())
def test_a_fault_names_the_file_and_what_to_do(words, spoil, values, tmp_path):
    path = tmp_path / "band_11.npy"
    spoil(path, values)
    for read in (read_array, lambda path: read_first(path, 8)):
        with pytest.raises(UserError) as caught:
            read(path)
        message = str(caught.value)
        assert str(path) in message
        assert words in message
        assert "\n" not in message
        assert message.endswith("; fetch or write this file again")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "planes.npy")
    with pytest.raises(FileFault, match="is a named pipe, not a file; pack again"):
        map_array(tmp_path / "planes.npy", (1,), "|u1", "pack again")


def test_nothing_is_unpickled(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (exec, ("raise SystemExit('unpickled')",))

    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(FileFault, match="pickled"):
        read_array(tmp_path / "a.npy")


def test_a_fault_travels_between_processes(tmp_path):
    fault = FileFault(tmp_path, "is torn", "mend it")
    again = pickle.loads(pickle.dumps(fault))
    assert (str(again), again.path, again.todo) == (str(fault), tmp_path, "mend it")


@given(st.data())
def test_a_damaged_file_is_an_array_or_a_fault(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "damaged.npy"
    np.save(path, np.arange(24, dtype=np.float32).reshape(2, 3, 4))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    for read in (read_array, lambda path: read_first(path, 8)):
        with suppress(FileFault):
            assert read(path).nbytes <= path.stat().st_size

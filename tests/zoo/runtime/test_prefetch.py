"""Batches that are read ahead: the same ones in the same order, faults where they belong, no thread left behind."""

import threading

import numpy as np
import pytest
import torch

from core.errors import UserError
from tests.heard import Heard
from tests.scenes import write_record
from tests.zoo.training.cases import TINY, curve, plan, trained, two_folds, write_scenes
from zoo.data import open_scenes
from zoo.data.arrays import read_array
from zoo.inference import predict_records, predict_set
from zoo.inputs import INPUTS, read_scaling
from zoo.members import with_settings
from zoo.runs.run import run_records
from zoo.runtime import prefetch as module
from zoo.runtime.memory import Memory
from zoo.runtime.prefetch import in_background, prefetch, prefetch_threads
from zoo.training import run_datasets, train
from zoo.training.dataset import read_image

PATIENCE = 30  # seconds; only a failure waits so long


@pytest.fixture(params=[1, 3])
def threads(request, monkeypatch):
    monkeypatch.setattr(module, "prefetch_threads", lambda: request.param)
    return request.param


@pytest.fixture
def full(monkeypatch):
    """No memory is left to keep records in."""
    monkeypatch.setattr("zoo.training.dataset.memory", lambda: Memory(0, 1))


def readers():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("read")]


@pytest.mark.parametrize(("computing", "reading"), [(1, 1), (2, 1), (4, 2), (16, 8), (64, 8)])
def test_half_as_many_read_as_compute(computing, reading, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: computing)
    assert prefetch_threads() == reading


def test_whatever_is_read_last_the_order_stays(threads):
    read = [threading.Event() for _ in range(10)]

    def slowest_first(item):
        if threads > 1 and item + 1 < len(read):
            assert item % 2 or read[item + 1].wait(PATIENCE)
        read[item].set()
        return item

    with prefetch(slowest_first, range(10)) as batches:
        assert list(batches) == list(range(10))
    assert readers() == []


def test_the_next_are_read_while_the_first_is_at_work_but_not_all(threads):
    begun = [threading.Event() for _ in range(20)]
    with prefetch(lambda item: begun[item].set() or item, range(20)) as batches:
        for item in batches:
            for ahead in begun[item + 1 : item + 1 + threads]:
                assert ahead.wait(PATIENCE)
            assert not any(event.is_set() for event in begun[item + threads + 2 :])


def test_a_fault_is_raised_where_its_batch_would_have_come(threads):
    def read(item):
        if item == 2:
            raise UserError("record 102: is torn")
        return item

    came = []
    with pytest.raises(UserError, match="record 102"), prefetch(read, range(9)) as batches:
        came.extend(batches)
    assert readers() == []
    came = []
    with pytest.raises(UserError, match="record 102"), prefetch(read, range(9)) as batches:
        for item in batches:
            came.append(item)
    assert came == [0, 1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_no_thread_outlives_the_block(error, threads):
    with pytest.raises(error), prefetch(lambda item: item, range(99)) as batches:
        next(batches)
        assert readers()
        raise error
    assert readers() == []


@pytest.mark.parametrize("name", ["fc", "fc_and_bands"])
def test_a_batch_is_the_same_read_or_kept(name, tmp_path, monkeypatch):
    for number in range(4):
        write_record(tmp_path / "data", "train", str(100 + number), bands=(11, 13, 14, 15), mask=60 * number)
    scenes = open_scenes([tmp_path / "data"])
    run = plan(tmp_path, two_folds(scenes), with_settings(TINY, {"input": name, "frames": [4, 5]}))
    seen, _ = run_datasets(run, scenes, two_folds(scenes))
    scaling = read_scaling(run.scaling, name)
    numbers = [1, 0, 1]
    images = torch.stack([read_image(run.recipe, scenes, seen.records[number], scaling) for number in numbers]).float()
    labels = torch.stack([torch.from_numpy(scenes.mask(seen.records[number]))[None] for number in numbers]).float()
    for left, kept in ((0, 0), (1, 2), (0, 2)):
        monkeypatch.setattr("zoo.training.dataset.memory", lambda left=left: Memory(left, 1))
        found = seen.batch(numbers)
        assert [tensor.dtype for tensor in found] == [torch.float32] * 2
        assert torch.equal(found[0], images)
        assert torch.equal(found[1], labels)
        assert len(seen._kept) == kept
    assert {tensor.dtype for pair in seen._kept.values() for tensor in pair} == {torch.float16, torch.bool}


def test_a_run_is_the_same_however_it_is_read(tmp_path, scenes, folds, monkeypatch):
    changes = {"epochs": 2, "accumulate": 2, "batch": 1, "augment": "d4"}
    kept = trained(tmp_path / "kept", scenes, folds, changes)
    monkeypatch.setattr("zoo.training.dataset.memory", lambda: Memory(0, 1))
    monkeypatch.setattr(module, "prefetch_threads", lambda: 3)
    read = trained(tmp_path / "read", scenes, folds, changes)
    assert curve(read) == curve(kept)
    assert read.best.read_bytes() == kept.best.read_bytes()
    assert readers() == []


@pytest.mark.parametrize("held_out", [False, True])
def test_a_record_that_is_torn_while_a_run_trains_is_named(held_out, threads, full, tmp_path):
    scenes = write_scenes(tmp_path / "data")
    folds = two_folds(scenes)
    run = plan(tmp_path / "runs", folds, with_settings(TINY, {"epochs": 4}))
    seen, held = run_datasets(run, scenes, folds)
    record = (held if held_out else seen).records[0]
    victim = scenes.source(record).path(record) / "band_14.npy"

    def tear(epoch):
        victim.write_bytes(victim.read_bytes()[:999])

    with pytest.raises(UserError, match=rf"{victim.parent.name}.band_14\.npy: is truncated"):
        train(run, seen, held, "cpu", report=tear)
    assert readers() == []


def test_a_run_that_is_interrupted_leaves_no_thread(tmp_path, scenes, folds, full, threads):
    def interrupt():
        assert readers()
        raise KeyboardInterrupt

    run = plan(tmp_path, folds)
    with pytest.raises(KeyboardInterrupt):
        train(run, *run_datasets(run, scenes, folds), "cpu", Heard(interrupt))
    assert readers() == []


def test_predictions_are_the_same_however_they_are_read(tmp_path, scenes, folds, monkeypatch):
    run = trained(tmp_path, scenes, folds, {"epochs": 1})
    monkeypatch.setattr("zoo.inference.BATCH", 1)
    _, held = run_records(run, scenes, folds)
    once = dict(predict_records(run, scenes, held, "none", "cpu"))
    monkeypatch.setattr(module, "prefetch_threads", lambda: 3)
    again = dict(predict_records(run, scenes, held, "none", "cpu"))
    assert list(again) == [record.id for record in held]
    assert all(np.array_equal(again[key], once[key]) for key in once)

    def interrupt():
        if readers():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_set(run.ended(), scenes, held, split="oof", listener=Heard(interrupt))
    assert readers() == []


@pytest.mark.parametrize("name", ["split_window", "fc", "fc_and_bands"])
def test_no_file_is_read_that_the_input_does_not_need(name, tmp_path, monkeypatch):
    write_record(tmp_path / "data", "train", "100", bands=range(8, 17), mask=60, labelers=2)
    write_record(tmp_path / "data", "train", "101", bands=range(8, 17), mask=60, labelers=2)
    scenes = open_scenes([tmp_path / "data"])
    run = plan(tmp_path, two_folds(scenes), with_settings(TINY, {"input": name}))
    seen, _ = run_datasets(run, scenes, two_folds(scenes))
    opened = []
    where = "zoo.data.layouts.competition.read_array"
    monkeypatch.setattr(where, lambda path: opened.append(path.name) or read_array(path))
    seen.batch([0])
    needed = [f"band_{band}.npy" for band in INPUTS.facts(name).bands]
    assert sorted(opened) == [*needed, "human_pixel_masks.npy"]


def test_the_background_does_all_in_order_and_ends_with_the_block():
    done = []
    with in_background(done.append) as add:
        for number in range(99):
            add(number)
    assert done == list(range(99))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("write")]


def test_an_error_in_the_background_ends_the_block_and_what_waits(monkeypatch):
    monkeypatch.setattr(module, "WAITING", 2)
    done = []

    def write(number):
        if number == 3:
            raise UserError("disk full")
        done.append(number)

    with pytest.raises(UserError, match="disk full"), in_background(write) as add:
        for number in range(99):
            add(number)
    assert done[:3] == [0, 1, 2] and len(done) < 8
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("write")]

"""Exported members: every distinct path beside eager, and the refusal of a file that answers otherwise."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import UserError
from tests.scenes import write_record
from tests.zoo.models.cases import PYRAMIDS
from tests.zoo.training.cases import TINY, plan, two_folds
from zoo.data import open_scenes
from zoo.export_formats import FORMATS
from zoo.graph import Exported, compare, export_member
from zoo.inputs import INPUTS, read_scaling
from zoo.members import with_settings
from zoo.models import build
from zoo.runs.run import run_records
from zoo.runtime.checkpoints import weights_of, write_weights
from zoo.training import run_scaling
from zoo.training.dataset import read_image

FRAMES = [2, 3, 4, 5]
TIMES = ["concat", "conv3d", "lstm", "panel", "transformer"]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    for number in range(5):
        write_record(folder, "train", str(100 + number), bands=(11, 13, 14, 15), mask=60 * number, seed=number)
    return open_scenes([folder])


@pytest.fixture
def written(scenes, tmp_path):
    """Runs with weights that were never trained, but whose maps vary; and what fold 0 holds out."""
    folds = two_folds(scenes)

    def write(count=1, **keys):
        recipe = with_settings(TINY, keys)
        runs = [plan(tmp_path, folds, recipe, str(fold)) for fold in range(count)]
        for number, run in enumerate(runs):
            run_scaling(run, scenes, run_records(run, scenes, folds)[0])
            write_weights(run.best, weights_of(restless(run, scenes, number)))
        return runs, run_records(runs[0], scenes, folds)[1]

    return write


def restless(run, scenes, seed):
    """Untrained, but normalised on the scenes, and without the prior that all is sky."""
    torch.manual_seed(seed)
    network = build(run.recipe, "none")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    scaling = read_scaling(run.scaling, run.recipe.input)
    with torch.no_grad():
        images = [read_image(run.recipe, scenes, record, scaling) for record in scenes.labelled[:3]]
        network.train()(torch.stack(images).float())
        network.decoder.head.bias.zero_()
        network.decoder.head.weight.mul_(4)
    return network


@pytest.mark.parametrize("name", INPUTS.names())
def test_an_input_on_tensors_is_the_input(name, rng):
    entry = INPUTS.entry(name)
    kelvin = rng.uniform(235, 305, (len(entry.facts.bands), 2, 3, 8, 8)).astype(np.float32)
    made = torch.stack(entry.make(*torch.from_numpy(kelvin)))
    np.testing.assert_allclose(made.numpy(), np.stack(entry.make(*kelvin)), rtol=1e-6)  # torch's root is not exact


@pytest.mark.parametrize("function", [np.sqrt, lambda t14: t14.round(decimals=1).astype(np.float32)])
def test_an_input_that_leaves_tensors_is_refused(function, written, monkeypatch):
    odd = replace(INPUTS.entry("split_window"), make=lambda t14, t15: (function(t14),))
    monkeypatch.setitem(INPUTS._entries, "odd", odd)
    runs, _ = written(input="odd")
    with pytest.raises(UserError, match='input "odd": its function does not run on tensors .*; write it in arithmetic'):
        export_member(runs, "torchscript")


@pytest.mark.parametrize(
    "format_name", ["torchscript", *(pytest.param(name, marks=pytest.mark.long) for name in ("pt2", "onnx"))]
)
def test_an_input_of_ones_own_is_exported_by_its_one_function(format_name, scenes, written, monkeypatch):
    own = replace(INPUTS.entry("split_window"), make=lambda t14, t15: ((abs(t15 - t14) * 0.1 + t14 / 300).clip(0, 2),))
    monkeypatch.setitem(INPUTS._entries, "own", own)
    runs, held = written(input="own")
    assert compare(export_member(runs, format_name), runs, scenes, held).largest_difference < 1e-5


def test_records_without_contrails_give_no_dice(scenes, written):
    runs, held = written()
    empty = [record for record in held if not scenes.mask(record).any()]
    assert 0 < len(empty) < len(held)
    parity = compare(export_member(runs, "torchscript"), runs, scenes, empty)
    assert (parity.records, parity.dice_eager, parity.dice_exported, parity.threshold) == (len(empty), None, None, None)


@pytest.mark.parametrize(
    ("format_name", "keys"),
    [
        ("pt2", {"time": "lstm", "frames": FRAMES}),
        ("onnx", {"count": 2, "input": "fc_and_bands"}),
        *(("torchscript", {"time": time, "frames": FRAMES}) for time in ("concat", "panel", "transformer")),
        *(("torchscript", {"encoder": encoder}) for encoder in ("test_convnext", "test_mambaout")),
        ("torchscript", {"size": 288, "input": "split_window"}),
    ],
    ids=str,
)
def test_a_file_answers_as_its_runs_predict(format_name, keys, scenes, written):
    runs, held = written(**keys)
    exported = export_member(runs, format_name)
    parity = compare(exported, runs, scenes, held)
    assert exported.any_number
    assert parity.records == len(held)
    assert parity.largest_difference < 1e-5
    assert parity.dice_exported == pytest.approx(parity.dice_eager, abs=1e-4)
    bands = INPUTS.facts(runs[0].recipe.input).bands
    maps = exported.answer(np.stack([scenes.kelvin(record, bands, runs[0].recipe.frames) for record in held]))
    assert maps.std() > 0.01  # maps that say nothing would agree, too


@pytest.mark.long
@pytest.mark.parametrize("format_name", FORMATS.names())
@pytest.mark.parametrize(
    "keys",
    [
        *({"time": time, "frames": FRAMES} for time in TIMES),
        *({"encoder": name} for name in PYRAMIDS),
        {"input": "fc_ridge"},
    ],
    ids=str,
)
def test_every_path_in_every_format(format_name, keys, scenes, written):
    runs, held = written(**keys)
    assert compare(export_member(runs, format_name), runs, scenes, held).largest_difference < 1e-5


def test_a_graph_of_one_record_is_asked_record_by_record(scenes, written, monkeypatch):
    runs, held = written()

    def settled(module, example, any_number):
        if any_number:
            raise RuntimeError("the batch is settled")
        assert len(example) == 1
        return whole.make(module, example, any_number)

    whole = FORMATS.entry("torchscript")
    monkeypatch.setitem(FORMATS._entries, "torchscript", replace(whole, make=settled))
    exported = export_member(runs, "torchscript")
    assert not exported.any_number
    assert compare(exported, runs, scenes, held).largest_difference < 1e-5


@pytest.mark.parametrize("fault", [2e-4, np.nan])
def test_a_file_that_answers_otherwise_is_refused(fault, scenes, written):
    runs, held = written()
    right = export_member(runs, "torchscript")
    wrong = Exported(b"", lambda kelvin: right.answer(kelvin) + np.float32(fault), True)
    with pytest.raises(UserError, match=r"differs from eager by .* choose another --format"):
        compare(wrong, runs, scenes, held)

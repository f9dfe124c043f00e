"""Every shipped member keeps one contract: its recipe, on a tiny encoder with the same kind of pyramid, learns from two
scenes, predicts them, and comes back from its file of weights.

Members that differ only in what 64 pixels and one step cannot show are checked once. With its real encoder and at its
own size each is checked by `make test-zoo`.
"""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import pytest
import torch

from tests.scenes import write_record
from zoo.augment import training_view
from zoo.data import BANDS, open_scenes
from zoo.geometry import resize
from zoo.inference import probabilities
from zoo.inputs import fit_scaling
from zoo.members import load_member, member_names, with_settings
from zoo.members.recipe import Logged
from zoo.models import build
from zoo.runtime.checkpoints import load_weights, weights_of, write_weights
from zoo.training import RecordDataset
from zoo.training.step import TrainStep

# How an encoder's name begins: what stands for it. Strides 4 to 32; 2 to 32, built for one size; else 2 to 32.
TINY = {"convnext": "test_convnext", "maxvit": "test_maxvit"}
CPU = torch.device("cpu")
SCENES = 2


def shrunk(recipe):
    """The same at 64 pixels; what one step does not show is the same in all, so that equal ones are found."""
    encoder = next((tiny for start, tiny in TINY.items() if recipe.encoder.startswith(start)), "test_resnet")
    small = {"encoder": encoder, "weights": "none", "size": 64, "batch": SCENES, "precision": "fp32"}
    unseen = {"epochs": 1, "accumulate": 1, "schedule": "constant", "warmup": 0.0, "patience": 0, "lr": 1e-3}
    narrow = [width // 16 if max(recipe.decoder_channels) > 512 else width for width in recipe.decoder_channels]
    unseen["decoder_channels"] = narrow  # the widths of place 3 take minutes
    if recipe.label_head:  # whose logits are a multiple of 256 pixels
        small["size"], unseen["decoder_channels"] = 256 << (5 - len(narrow)), [8] * len(narrow)
    sizes = {"loss_at": recipe.loss_at if recipe.size != 256 else "label", "crop": 128 if recipe.crop else 0}
    return replace(with_settings(recipe, small | unseen | sizes), name="tiny", log=Logged())


STAGES = {
    f"{name}{f' stage {number}' if number else ''}": shrunk(stage)
    for name in member_names()
    for member in [load_member(name)]
    for number, stage in enumerate(member.staged, start=1 if member.stages else 0)
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What a recipe does with two scenes of nine bands, done once for equal ones."""
    folder = tmp_path_factory.mktemp("contract")
    for number in range(SCENES):
        write_record(folder / "data", "train", str(100 + number), bands=BANDS, mask=300 * (number + 1), labelers=3)
    scenes = open_scenes([folder / "data"])

    @cache
    def outcome(recipe):
        scaling = fit_scaling(scenes, scenes.labelled, recipe.input, recipe.frames)
        return learnt(
            recipe, RecordDataset(recipe, scenes, scenes.labelled, target=recipe.target, scaling=scaling), folder
        )

    return outcome


def learnt(recipe, examples, folder):
    torch.manual_seed(3)
    train_step = TrainStep(recipe, CPU)
    before = {key: value.clone() for key, value in train_step.network.named_parameters()}
    images, labels = examples.batch(range(SCENES))
    seen, wanted = training_view(recipe, images, labels, CPU, torch.Generator().manual_seed(4))
    train_step.begin_epoch(0)
    loss = train_step.backward(seen, wanted)
    reached = {key for key, value in train_step.network.named_parameters() if value.grad is not None}
    train_step.update(recipe.lr, 0)
    network = train_step.network.eval()
    write_weights(folder / "weights.safetensors", weights_of(network))
    again = build(recipe).eval()
    load_weights(folder / "weights.safetensors", again)
    with torch.inference_mode():
        return SimpleNamespace(
            loss=loss,
            reached=reached,
            moved={key for key, value in network.named_parameters() if not torch.equal(value, before[key])},
            parameters=set(before),
            logits=resize(network(images), 256),
            maps=probabilities(network, images),
            maps_again=probabilities(again, images),
        )


@pytest.mark.parametrize("stage", STAGES)
def test_a_member_learns_predicts_and_comes_back(stage, outcomes):
    found = outcomes(STAGES[stage])
    assert found.logits.shape == (SCENES, 1, 256, 256)
    assert found.maps.shape == (SCENES, 256, 256)
    assert 0 <= found.maps.min() < found.maps.max() <= 1
    assert 0 < found.loss < 100
    frozen = {key for key in found.parameters if key.startswith("encoder.") and STAGES[stage].freeze}
    assert found.reached == found.parameters - frozen
    # Residual branches begin at zero, and what lies in them waits for the second step.
    assert found.moved <= found.reached
    assert len(found.moved) > 0.7 * len(found.reached)
    torch.testing.assert_close(torch.tensor(found.maps_again), torch.tensor(found.maps))

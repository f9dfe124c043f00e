"""One step: gradients that add up, and that are clipped."""

import pytest
import torch

from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.training.learner import Learner

CPU = torch.device("cpu")
CALM = {"encoder": "test_convnext", "loss": "bce"}  # no BatchNorm: a batch's parts do not see each other


def learner(**keys):
    torch.manual_seed(0)
    made = Learner(with_settings(TINY, CALM | keys), CPU)
    made.begin_epoch(0)
    return made


@pytest.fixture(scope="module")
def batch():
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(4, 1, 3, 256, 256, generator=generator)
    return images, (torch.rand(4, 1, 256, 256, generator=generator) < 0.1).float()


def gradients(made):
    return flat([torch.zeros_like(p) if p.grad is None else p.grad for p in made.network.parameters()])


def flat(tensors):
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def test_gradients_of_parts_add_up_to_those_of_the_whole(batch):
    images, labels = batch
    whole, parts = learner(), learner(accumulate=2)
    for module in (*whole.network.modules(), *parts.network.modules()):
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    loss = whole.add_gradients(images, labels)
    losses = [parts.add_gradients(images[i : i + 2], labels[i : i + 2]) for i in (0, 2)]
    assert sum(losses) / 2 == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(gradients(parts), gradients(whole), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "measure"),
    [("norm", lambda g: g.norm()), ("value", lambda g: g.abs().max())],
)
def test_gradients_are_clipped(batch, mode, measure):
    free, held = learner(), learner(clip=1e-3, clip_mode=mode)
    seen = []
    for made in (free, held):
        made.add_gradients(*batch)
        made.optimizer.step = lambda made=made: seen.append(gradients(made))
        made.step(1e-3)
    assert measure(seen[0]) > 2e-3
    assert measure(seen[1]) == pytest.approx(1e-3, rel=1e-2)


def test_a_step_moves_the_weights_at_the_rate_that_it_is_given(batch):
    made = learner(optimizer="sgd", momentum=0.0, weight_decay=0.0)
    before = flat(made.network.parameters())
    made.add_gradients(*batch)
    change = gradients(made)
    made.step(0.25)
    torch.testing.assert_close(flat(made.network.parameters()), before - 0.25 * change)

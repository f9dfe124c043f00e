"""The record head: what it is taught, and that its probability multiplies the map."""

import pytest
import torch
from torch.nn import functional as F

from tests.zoo.models.cases import recipe
from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.models import build
from zoo.models.record_head import gate
from zoo.training.step import TrainStep


def test_the_gate_is_the_product_of_both_probabilities():
    logits = torch.linspace(-60, 60, 25).reshape(1, 1, 5, 5).expand(3, 1, 5, 5)
    record = torch.tensor([-3.0, 0.0, 40.0])
    found = gate(logits, record)
    product = logits.double().sigmoid() * record.double().sigmoid()[:, None, None, None]
    torch.testing.assert_close(found.sigmoid().double(), product, rtol=1e-4, atol=1e-5)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[2].clamp(-10, 10), logits[2].clamp(-10, 10), rtol=0, atol=0.1)


def test_a_network_is_taught_the_record_in_a_last_channel_and_predicts_gated_maps():
    keys = {"encoder": "test_efficientnet", "target": "mean_hard"}
    torch.manual_seed(0)
    plain = build(recipe(**keys)).eval()
    gated = build(recipe(record_head=0.1, **keys)).eval()
    gated.load_state_dict(plain.state_dict(), strict=False)
    images = torch.rand(2, 1, 3, 256, 256)
    with torch.inference_mode():
        record = gated.record_head(gated.time(gated.encoder((images[:, 0, :, ::4, ::4] - gated.mean) / gated.std))[-1])
        assert record.shape == (2,)
        torch.testing.assert_close(
            gated(images[..., ::4, ::4], 64).sigmoid(),
            plain(images[..., ::4, ::4], 64).sigmoid() * record.sigmoid()[:, None, None, None],
        )
        logits = gated.train()(images)
    assert logits.shape == (2, 3, 64, 64)
    assert (logits[:, 2] == logits[:, 2, :1, :1]).all()


@pytest.mark.parametrize("label_head", [False, True])
def test_a_step_teaches_whether_a_scene_has_a_contrail(label_head):
    torch.manual_seed(0)
    keys = {"record_head": 0.5, "loss": "bce", "label_head": label_head, "size": 256}
    made = TrainStep(with_settings(TINY, keys), torch.device("cpu"))
    made.begin_epoch(0)
    images, labels = torch.rand(3, 1, 3, 64, 64), torch.zeros(3, 1, 64, 64)
    labels[0, 0, 20:22], labels[1, 0, 5] = 1, 0.25
    record = made.network(images)[:, -1, 0, 0]
    with_it = made.loss(images, labels).item()
    made.recipe = with_settings(made.recipe, {"record_head": 1e-9})
    without = made.loss(images, labels).item()
    expected = F.binary_cross_entropy_with_logits(record, torch.tensor([1.0, 0.25, 0.0])).item()
    assert with_it - without == pytest.approx(0.5 * expected, rel=1e-4)
    made.backward(images, labels)
    assert all(p.grad is not None for p in made.network.record_head.parameters())

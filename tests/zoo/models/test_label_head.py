"""The label head: its size as published, what it starts as, the shift that it learns, its place in a recipe."""

import pytest
import torch
from torch.nn import functional as F

from core.errors import UsageError
from tests.zoo.models.cases import recipe
from tests.zoo.training.cases import TINY
from zoo.geometry import align
from zoo.members import with_settings
from zoo.models import build
from zoo.models.label_head import LabelHead
from zoo.training.step import TrainStep

SEEN = {"label_head": True, "registered": True, "size": 256}


def smooth(n, side, seed=0):
    """Random logits without detail finer than four pixels."""
    noise = torch.randn(n, 1, side // 4, side // 4, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, (side, side), mode="bicubic")


@pytest.mark.parametrize(("multiple", "weights"), [(1, 3**2 * 9 + 9 + 9 + 1), (2, 676)])
def test_it_has_the_weights_that_were_published(multiple, weights):
    assert sum(p.numel() for p in LabelHead(multiple).parameters()) == weights


@pytest.mark.parametrize("multiple", [1, 2, 4])
def test_it_starts_as_the_mean_of_the_pixels_that_a_label_pixel_covers(multiple):
    logits = torch.randn(2, 3, 8 * multiple, 8 * multiple, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        torch.testing.assert_close(LabelHead(multiple)(logits), F.avg_pool2d(logits, multiple))


@pytest.mark.parametrize("multiple", [1, 2])
@pytest.mark.parametrize("offset", [0.5, 0.0, -0.5])
def test_it_learns_a_planted_shift(multiple, offset):
    """Labels that lie `offset` of their pixels down and right of the logits, in both axes."""

    def pair(seed):
        logits = 3 * smooth(4, 32 * multiple, seed)
        return logits, align(logits, 32, -offset).sigmoid()

    def error(seed):
        logits, labels = pair(seed)
        return (head(logits).sigmoid() - labels)[..., 2:-2, 2:-2].square().mean().sqrt().item()

    torch.manual_seed(0)
    head = LabelHead(multiple)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    before = error(999)
    for step in range(150):
        optimizer.zero_grad()
        logits, labels = pair(step)
        F.binary_cross_entropy_with_logits(head(logits), labels).backward()
        optimizer.step()
    with torch.no_grad():
        if offset:
            assert error(999) < before / 4
        else:
            assert error(999) < 0.02


@pytest.mark.parametrize(
    ("keys", "multiple"),
    [({}, 1), ({"size": 512}, 2), ({"size": 512, "decoder_channels": (16, 8, 8, 8)}, 1), ({"decoder": "fpn"}, 1)],
    ids=str,
)
def test_a_network_ends_in_it_whatever_its_side(keys, multiple):
    """Logits of the decoder's own side while it learns; of 256 pixels, or of a crop's, where it predicts."""
    network = build(recipe(encoder="test_efficientnet", target="mean_hard", **SEEN | keys))
    assert network.label_head.hidden.stride == (multiple, multiple)
    crops = torch.rand(2, 1, 3, 128, 128)
    with torch.inference_mode():
        assert network(crops).shape == (2, 2, 128 * multiple, 128 * multiple)
        assert network.eval()(crops).shape == (2, 1, 128, 128)


@pytest.mark.parametrize("loss_at", ["label", "output"])
def test_a_step_teaches_the_decoder_the_aligned_labels_and_the_head_the_labels(loss_at):
    torch.manual_seed(0)
    keys = SEEN | {"size": 512, "decoder_channels": [16, 8, 8, 8, 8], "target": "mean_hard", "loss": "bce"}
    made = TrainStep(with_settings(TINY, keys | {"loss_at": loss_at, "label_offset": 0.5}), torch.device("cpu"))
    made.begin_epoch(0)
    images, labels = torch.rand(2, 1, 3, 64, 64), (smooth(2, 64) > 0.8).float().expand(2, 2, 64, 64)
    logits = made.network(images)
    side = 128 if loss_at == "output" else 64
    seen = F.interpolate(logits, (64, 64), mode="bilinear", antialias=True) if side == 64 else logits
    expected = F.binary_cross_entropy_with_logits(seen, align(labels, side, 0.5))
    expected += F.binary_cross_entropy_with_logits(made.network.label_head(logits), labels)
    assert made.loss(images, labels).item() == pytest.approx(expected.item(), rel=1e-3)
    made.backward(images, labels)
    assert all(p.grad is not None and p.grad.any() for p in made.network.label_head.logit.parameters())


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"registered": False}, "label_head = True; learns one offset"),
        ({"size": 384}, r"label_head needs logits at a multiple of 256 pixels, these have 384; give size 256, 512 or"),
    ],
    ids=str,
)
def test_a_recipe_whose_labels_it_cannot_reach_is_refused(keys, words):
    with pytest.raises(UsageError, match=words):
        build(recipe(encoder="test_efficientnet", **SEEN | keys))

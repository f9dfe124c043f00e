"""One step: gradients that add up, and that are clipped."""

import pytest
import torch
from torch import nn
from torch._dynamo.exc import TorchDynamoException
from torch._inductor.exc import InductorError, InvalidCxxCompiler

from core.errors import UserError
from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.training.step import TrainStep

CPU = torch.device("cpu")
CALM = {"encoder": "test_convnext", "loss": "bce"}  # no BatchNorm: a batch's parts do not see each other


def train_step(**keys):
    torch.manual_seed(0)
    made = TrainStep(with_settings(TINY, CALM | keys), CPU)
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
    whole, parts = train_step(), train_step(accumulate=2)
    for module in (*whole.network.modules(), *parts.network.modules()):
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eval()
    loss = float(whole.backward(images, labels))
    losses = [float(parts.backward(images[i : i + 2], labels[i : i + 2])) for i in (0, 2)]
    assert sum(losses) / 2 == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(gradients(parts), gradients(whole), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("mode", "measure"),
    [("norm", lambda g: g.norm()), ("value", lambda g: g.abs().max())],
)
def test_gradients_are_clipped(batch, mode, measure):
    free, held = train_step(), train_step(clip=1e-3, clip_mode=mode)
    seen = []
    for made in (free, held):
        made.backward(*batch)
        made.optimizer.step = lambda made=made: seen.append(gradients(made))
        made.update(1e-3, 0)
    assert measure(seen[0]) > 2e-3
    assert measure(seen[1]) == pytest.approx(1e-3, rel=1e-2)


def test_a_step_moves_the_weights_at_the_rate_that_it_is_given(batch):
    made = train_step(optimizer="sgd", momentum=0.0, weight_decay=0.0)
    before = flat(made.network.parameters())
    made.backward(*batch)
    change = gradients(made)
    made.update(0.25, 0)
    torch.testing.assert_close(flat(made.network.parameters()), before - 0.25 * change)


def test_the_encoder_moves_at_its_own_rate(batch):
    made = train_step(optimizer="sgd", momentum=0.0, weight_decay=0.0, encoder_lr=0.5)
    before = [flat(part.parameters()) for part in (made.network.encoder, made.network.decoder)]
    made.backward(*batch)
    changes = [flat([p.grad for p in part.parameters()]) for part in (made.network.encoder, made.network.decoder)]
    made.update(0.25, 0)
    for part, old, change, rate in zip((made.network.encoder, made.network.decoder), before, changes, (0.125, 0.25)):
        torch.testing.assert_close(flat(part.parameters()), old - rate * change)


def test_the_moving_average_follows_the_weights(batch):
    made = train_step(ema=0.3, lr=0.1)
    key, weight = next((k, p) for k, p in made.network.named_parameters() if p.ndim == 4)
    expected = None
    for number in range(4):
        made.backward(*batch)
        made.update(0.01, number)
        # timm's warm-up: the decay grows to the one that is asked for, from nothing at the first step.
        decay = min(0.3, 1 - (1 + number) ** (-2 / 3)) if number else 0.0
        now = weight.detach().clone()
        expected = now if expected is None else decay * expected + (1 - decay) * now
    torch.testing.assert_close(made.eval_network.state_dict()[key], expected)
    assert not torch.equal(made.eval_network.state_dict()[key], weight)


def test_half_precision_takes_the_same_step_but_for_its_rounding(batch):
    full, half = train_step(optimizer="sgd"), train_step(optimizer="sgd", precision="fp16")
    before = flat(full.network.parameters())
    for made in (full, half):
        made.backward(*(part[:1] for part in batch))
        made.update(0.1, 0)
    change, rounded = (flat(made.network.parameters()) - before for made in (full, half))
    assert torch.cosine_similarity(change, rounded, dim=0) > 0.99
    assert not torch.equal(change, rounded)


def test_gradients_that_float16_cannot_hold_at_any_scale_stop_it(batch):
    made = train_step(precision="fp16")
    made.scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    for number in range(2):
        made.backward(*(part[:1] for part in batch))
        next(p for p in made.network.parameters() if p.grad is not None).grad.fill_(float("inf"))
        before = flat(made.network.parameters())
        if number:
            with pytest.raises(FloatingPointError):
                made.update(1e-3, number)
        else:
            made.update(1e-3, number)
        assert torch.equal(flat(made.network.parameters()), before)


def test_the_state_holds_the_scale_of_the_gradients(batch):
    made, other = train_step(precision="fp16"), train_step(precision="fp16")
    made.scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    made.backward(*(part[:1] for part in batch))
    made.update(1e-3, 0)
    other.load_state_dict(made.state_dict())
    assert other.scaler.state_dict() == made.scaler.state_dict() != train_step(precision="fp16").scaler.state_dict()


def test_a_state_of_the_first_release_is_gone_on_with(batch):
    made, other = train_step(), train_step(precision="fp16")
    made.backward(*batch)
    made.update(1e-3, 0)
    state = {key: made.state_dict()[key] for key in ("network", "optimizer")}
    del state["optimizer"]["param_groups"][0]["lr_scale"]
    other.load_state_dict(state)
    assert torch.equal(flat(other.network.parameters()), flat(made.network.parameters()))
    other.backward(*batch)
    other.update(1e-3, 1)
    assert other.optimizer.param_groups[0]["lr"] == 1e-3


def test_an_encoder_that_no_recipe_freezes_is_left_as_it_was_built():
    made = train_step()
    made.network.encoder.requires_grad_(False)
    made.begin_epoch(1)
    assert not any(p.requires_grad for p in made.network.encoder.parameters())


def test_features_computed_twice_change_nothing(batch):
    kept, twice = (train_step(encoder="test_efficientnet", checkpointing=on) for on in (False, True))
    seen = []
    for module in twice.network.encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda *_: seen.append(1))
    for made in (kept, twice):
        for number in range(2):
            torch.manual_seed(number)
            made.backward(*batch)
            made.update(1e-3, number)
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in twice.network.encoder.modules())
    assert len(seen) > 2 * norms
    for (key, one), other in zip(kept.network.state_dict().items(), twice.network.state_dict().values()):
        if not key.endswith("num_batches_tracked"):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6, msg=key)


def test_a_compiled_network_trains_in_its_place(batch, monkeypatch):
    calls = []

    def compiled(network):
        return lambda images: calls.append(1) or network(images)

    monkeypatch.setattr(torch, "compile", compiled)
    plain, fast = train_step(), train_step(compile=True)
    assert fast.backward(*batch) == plain.backward(*batch)
    assert calls == [1]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TorchDynamoException("no compiler\nand a page of reasons"), "no compiler"),
        (InductorError(InvalidCxxCompiler(), None), "InvalidCxxCompiler"),
    ],
)
def test_a_network_that_cannot_be_compiled_stops_with_advice(batch, monkeypatch, error, reason):
    def compiled(network):
        def forward(images):
            raise error

        return forward

    monkeypatch.setattr(torch, "compile", compiled)
    with pytest.raises(UserError, match=rf"torch\.compile fails here \(.*{reason}.*\); give --set compile=false$"):
        train_step(compile=True).backward(*batch)


def test_an_error_of_the_network_itself_is_no_compilers_fault(batch):
    images, labels = batch
    with pytest.raises(RuntimeError):
        train_step().backward(images[:, :, :2], labels)


def test_a_step_measures_its_scenes_where_the_hard_ones_are_sampled(batch):
    assert train_step().scene_losses == []
    made = train_step(sample_hard=0.5)
    loss = float(made.backward(*batch))  # BCE, the mean of the scenes' own
    assert len(set(made.scene_losses)) == 4
    assert sum(made.scene_losses) / 4 == pytest.approx(loss, rel=1e-5)

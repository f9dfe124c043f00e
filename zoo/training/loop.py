"""The loop: epochs over the examples, the held-out fold counted after each, the best kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from core.errors import UserError
from core.files import make_folder, sha256_of_file, write_json, write_text
from zoo.augment import augment, crop, jitter
from zoo.data import SIZE
from zoo.losses import recipe_loss
from zoo.members import Recipe
from zoo.models import Segmenter, build
from zoo.registration import resize
from zoo.training.checkpoints import load_state, save_state, save_weights, write_lines
from zoo.training.devices import autocast, choose_device
from zoo.training.examples import Examples
from zoo.training.runs import Run
from zoo.training.schedule import learning_rate

OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One line of epochs.jsonl. Dice is global over the held-out fold, at its best threshold and at 0.5."""

    epoch: int
    loss: float
    lr: float
    seconds: float
    cpu_seconds: float = 0.0  # of all threads: what the epoch cost whatever else the machine did
    dice: float | None = None
    threshold: float | None = None
    dice_at_half: float | None = None


def train(
    run: Run,
    seen: Examples,
    held: Examples,
    device_name: str = "auto",
    advance: Callable[..., None] = lambda n=1, note="": None,
    report: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train `run` to its end, going on from its last state; returns all its epochs.

    `advance` is called once a step, `report` once an epoch. Without held-out records (`full`) the last epoch
    is the best one. A file named `stop` in the run's folder ends it after its epoch, as if trained to its end.
    """
    recipe, device = run.recipe, choose_device(device_name)
    make_folder(run.folder)
    write_text(run.folder / "recipe.toml", run.recipe.as_toml())
    torch.manual_seed(run.random_seed("weights") % 2**63)
    # Without the best weights a state is of no use: the run would end with nothing to predict with.
    state = load_state(run.folder / "last.pt") if run.best.is_file() else None
    network = build(recipe, "none" if state else None).to(device, memory_format=torch.channels_last)  # type: ignore
    optimizer = OPTIMIZERS[recipe.optimizer](network.parameters(), lr=recipe.lr, **_optimizer_options(run))
    history: list[Epoch] = []
    if state:
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        history = [Epoch(**row) for row in state["epochs"]]
        advance(len(history) * steps_of(run.recipe, len(seen)))
    for number in range(len(history), recipe.epochs):
        epoch = _epoch(run, number, network, optimizer, seen, held, device, advance)
        history.append(epoch)
        if _best(history) is epoch:
            save_weights(run.best, network)
        rows = [asdict(e) for e in history]
        state = {"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epochs": rows}
        save_state(run.folder / "last.pt", state)
        write_lines(run.folder / "epochs.jsonl", rows)
        report(epoch)
        if run.stop.exists():
            break
    write_json(run.result, _result(run, history, seen, held))
    return history


def best_dice(positives: NDArray[np.int64], negatives: NDArray[np.int64]) -> tuple[float, float, float]:
    """The best global Dice over all thresholds of uint8 maps, its threshold, and the Dice at 0.5.

    positives, negatives: (256,) int64, how many contrail and other pixels have each value.
    """
    tp = positives[::-1].cumsum()[::-1]
    predicted = tp + negatives[::-1].cumsum()[::-1]
    total = predicted + positives.sum()
    dice = np.where(total > 0, 2 * tp / np.maximum(total, 1), 1.0)
    best = 1 + int(dice[1:].argmax())  # level 0 would call everything a contrail
    return float(dice[best]), best / 255, float(dice[128])


def _epoch(
    run: Run,
    number: int,
    network: Segmenter,
    optimizer: torch.optim.Optimizer,
    seen: Examples,
    held: Examples,
    device: torch.device,
    advance: Callable[..., None],
) -> Epoch:
    start, cpu_start = time.perf_counter(), time.process_time()
    recipe, steps = run.recipe, steps_of(run.recipe, len(seen))
    # Everything random in an epoch follows from its number: a resumed run draws what an undisturbed one does.
    generator = torch.Generator().manual_seed(run.random_seed("epoch", number) % 2**63)
    order = torch.randperm(len(seen), generator=generator).tolist()
    torch.manual_seed(run.random_seed("network", number) % 2**63)  # dropout and its kin
    network.train()
    losses = []
    for step in range(steps):
        # Every step has a full batch: a last one of one or two scenes would upset BatchNorm.
        numbers = [order[i % len(order)] for i in range(step * recipe.batch, (step + 1) * recipe.batch)]
        rate = learning_rate(recipe, number * steps + step, recipe.epochs * steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        images, labels = seen.batch(numbers)
        images, labels = crop(images, labels, recipe.crop, recipe.crop_on_contrails, generator)
        images, labels = augment(images, labels, recipe.augment, recipe.registered, generator)
        images = jitter(images, recipe.jitter, generator)
        loss = _loss(network, images.to(device), labels.to(device), run)
        if not bool(torch.isfinite(loss)):
            ids = ", ".join(seen.records[i].id for i in numbers)
            raise UserError(
                f"{recipe.name} fold {run.fold}: the loss is not finite at epoch {number + 1}, step {step + 1} "
                f"(records {ids}); a lower rate may help: --set lr={recipe.lr / 3:.1g}"
            )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
        advance(1, f"epoch {number + 1}/{recipe.epochs} loss {losses[-1]:.3f}")
    found = _score(network, held, device, recipe.batch) if len(held) else (None, None, None)
    return Epoch(
        epoch=number + 1,
        loss=round(float(np.mean(losses)), 6),
        lr=rate,
        seconds=round(time.perf_counter() - start, 2),
        cpu_seconds=round(time.process_time() - cpu_start, 2),
        dice=found[0],
        threshold=found[1],
        dice_at_half=found[2],
    )


def _loss(network: nn.Module, images: Tensor, labels: Tensor, run: Run) -> Tensor:
    with autocast(images.device):
        logits = network(images).float()
    if run.recipe.loss_at == "label":
        logits = resize(logits, labels.shape[-1])
    else:
        labels = resize(labels, logits.shape[-1])
    return recipe_loss(run.recipe)(logits, labels)


@torch.inference_mode()
def _score(network: nn.Module, held: Examples, device: torch.device, batch: int) -> tuple[float, float, float]:
    network.eval()
    positives, negatives = np.zeros(256, np.int64), np.zeros(256, np.int64)
    for images, labels in held.batches(batch):
        with autocast(device):
            logits = network(images.to(device)).float()
        values = (resize(logits, SIZE).sigmoid() * 255).round().byte().cpu().numpy()
        truth = labels.numpy() > 0.5
        positives += np.bincount(values[truth], minlength=256)
        negatives += np.bincount(values[~truth], minlength=256)
    return best_dice(positives, negatives)


def steps_of(recipe: Recipe, records: int) -> int:
    """Steps of an epoch: it sees as many pixels as the records have."""
    crops = (SIZE // recipe.crop) ** 2 if recipe.crop else 1
    return max(1, round(records * crops / recipe.batch))


def _optimizer_options(run: Run) -> dict[str, Any]:
    options: dict[str, Any] = {"weight_decay": run.recipe.weight_decay}
    return options | ({"momentum": 0.9} if run.recipe.optimizer == "sgd" else {})


def _best(history: list[Epoch]) -> Epoch:
    """The first of the epochs with the highest Dice; the last one where none was scored."""
    return history[-1] if history[-1].dice is None else max(history, key=lambda epoch: epoch.dice or 0.0)


def _result(run: Run, history: list[Epoch], seen: Examples, held: Examples) -> dict[str, Any]:
    best = _best(history)
    return {
        "format": 1,
        "member": run.recipe.name,
        "fold": run.fold,
        "seed": run.seed,
        "with_val": run.with_val,
        "folds_sha256": run.folds_sha256,
        "epochs": len(history),
        "best_epoch": best.epoch,
        "weights_sha256": sha256_of_file(run.best),
        "dice": best.dice,
        "threshold": best.threshold,
        "trained_on": len(seen),
        "held_out": len(held),
        "seconds": round(sum(epoch.seconds for epoch in history), 1),
        "cpu_seconds": round(sum(epoch.cpu_seconds for epoch in history), 1),
    }

"""Train step: gradients of batches, updates of the weights, and the state that a resumed run needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from timm.utils import ModelEmaV3, dispatch_clip_grad
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.modules.batchnorm import _BatchNorm

from core.errors import UsageError, UserError
from core.listener import SILENT, Listener
from zoo.geometry import align, resize
from zoo.losses import recipe_loss
from zoo.members import Recipe
from zoo.models import Segmenter, build
from zoo.runtime.precision import autocast, keep_depthwise_in_float32, training_precision
from zoo.training.optimizers import make_optimizer
from zoo.training.parameter_groups import parameter_groups
from zoo.training.warm_start import load_warm_start


class TrainStep:
    """Network, loss and optimizer of a recipe on a device.

    weights: overrides the recipe's key; "none" if a state or a warm start brings them all.
    """

    def __init__(
        self,
        recipe: Recipe,
        device: torch.device,
        weights: str | None = None,
        listener: Listener = SILENT,
    ) -> None:
        self.recipe, self.device, self.listener = recipe, device, listener
        self.precision = training_precision(recipe.precision, device)
        layout = torch.channels_last if recipe.channels_last else torch.contiguous_format
        self.network: Segmenter = build(recipe, weights).to(device, memory_format=layout)  # type: ignore
        # What decides the last bits of its gradients beside the device.
        self.choices: dict[str, str | int] = {"layout": "channels_last" if recipe.channels_last else "contiguous"}
        if self.precision == "bf16" and device.type == "cpu":
            keep_depthwise_in_float32(self.network)
            self.choices["depthwise"] = "fp32"
        if recipe.checkpointing:
            save_memory(self.network, recipe)
        self.forward: nn.Module = torch.compile(self.network) if recipe.compile else self.network  # type: ignore
        self._loss = recipe_loss(recipe)
        # Cross-entropy of each scene of the last batch, by the first head; only of a recipe with `sample_hard`.
        self.scene_losses: list[float] = []
        self._label_loss = recipe_loss(replace(recipe, deep_supervision=()))
        self.optimizer = make_optimizer(recipe, parameter_groups(recipe, self.network))
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        # Its decay grows with the steps: a short run is not the mean of its first, bad weights.
        self.ema = ModelEmaV3(self.network, decay=recipe.ema, use_warmup=True) if recipe.ema else None

    @property
    def eval_network(self) -> nn.Module:
        """Network that is scored and kept: the moving average of the weights if the recipe asks for one."""
        return self.ema.module if self.ema else self.network

    def warm_start(self, path: Path) -> None:
        """Load those of the weights in `path` that fit; UserError if they are of another encoder."""
        lacking = load_warm_start(self.network, path)
        if lacking:
            what = f"{len(lacking)} tensors are not in {path} and start from random values, {lacking[0]} first"
            self.listener.info(f"{self.recipe.name}: {what}")
        if self.ema:
            self.ema.set(self.network)

    def begin_epoch(self, number: int) -> None:
        """Set the network to training mode; a frozen encoder stays in evaluation, BatchNorm statistics included."""
        self.network.train()
        if self.recipe.freeze:
            frozen = number < round(self.recipe.freeze * self.recipe.epochs)
            self.network.encoder.train(not frozen)
            self.network.encoder.requires_grad_(not frozen)

    def backward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Add the gradients of one batch to those of the step's other batches; returns its loss, on the device.

        Reading the loss waits for the device: the loop does so for many steps together.

        images: float32 (n, frames, channels, h, w); labels: float32 (n, heads, h, w). UserError if the recipe asks for
        torch.compile and it fails.
        """
        images, labels = images.to(self.device), labels.to(self.device)
        with _compile_errors(self.recipe):
            loss = self.loss(images, labels)
            with _frozen_statistics(self.network, self.recipe.checkpointing):
                self.scaler.scale(loss / self.recipe.accumulate).backward()
        return loss.detach()

    def update(self, lr: float, number: int) -> None:
        """Update the weights by the gradients that were added; `number` counts the run's updates from 0.

        Raises FloatingPointError if float16 can hold no gradient at any scale.
        """
        if self.recipe.clip:
            self.scaler.unscale_(self.optimizer)
            dispatch_clip_grad(self.network.parameters(), self.recipe.clip, self.recipe.clip_mode)
        for group in self.optimizer.param_groups:
            group["lr"] = lr * group.get("lr_scale", 1.0)  # the first release's states have no such factor
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.scaler.is_enabled() and self.scaler.get_scale() < 1:
            raise FloatingPointError
        if self.ema:
            self.ema.update(self.network, step=number + 1)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Loss of one batch, a scalar, at the label's size or at the network's own, as the recipe has it.

        With a label head, the logits learn the labels on the image's grid, and the head's the labels as they are.
        """
        with autocast(self.device, self.precision):
            logits = self.forward(images).float()
        head, weight = self.network.label_head, self.recipe.record_head
        maps = logits[:, :-1] if weight else logits
        at = labels.shape[-1] if self.recipe.loss_at == "label" else maps.shape[-1]
        seen, wanted = resize(maps, at), align(labels, at, self.recipe.view_offset if head else 0.0)
        if self.recipe.sample_hard:
            each = binary_cross_entropy_with_logits(seen[:, 0].detach(), wanted[:, 0], reduction="none")
            self.scene_losses = each.mean(dim=(1, 2)).tolist()
        loss = self._loss(seen, wanted)
        if head:
            loss = loss + self._label_loss(head(maps[:, : labels.shape[1]]), labels)
        if weight:  # the largest label of a scene: soft where labelers differ, or where scenes are mixed
            has_contrail = labels[:, 0].amax(dim=(1, 2))
            loss = loss + weight * binary_cross_entropy_with_logits(logits[:, -1, 0, 0], has_contrail)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """State from which a resumed run gives the curve of an undisturbed one."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.precision,
            "scaler": self.scaler.state_dict(),
        }
        return state | ({"ema": self.ema.module.state_dict()} if self.ema else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from `state`, in its precision."""
        self.precision = state.get("precision", self.precision)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        if "scaler" in state:  # the first release's states have none
            self.scaler.load_state_dict(state["scaler"])
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.ema:
            self.ema.module.load_state_dict(state["ema"])


def save_memory(network: Segmenter, recipe: Recipe) -> None:
    """Turn on gradient checkpointing in the encoder; UsageError if it has none."""
    try:
        network.encoder.set_grad_checkpointing(True)  # type: ignore
    except (AttributeError, AssertionError) as error:
        raise UsageError(
            f"{recipe.name}: encoder {recipe.encoder} has no gradient checkpointing; give --set checkpointing=false"
        ) from error


@contextmanager
def _compile_errors(recipe: Recipe) -> Iterator[None]:
    """Turn a failure of torch.compile, forward or backward, into a UserError that says how to train without it."""
    if not recipe.compile:
        yield
        return
    from torch._dynamo.exc import TorchDynamoException  # base of the compilers' errors; seconds of import

    try:
        yield
    except TorchDynamoException as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"{recipe.name}: torch.compile fails here ({reason}); give --set compile=false") from error


@contextmanager
def _frozen_statistics(network: nn.Module, needed: bool) -> Iterator[None]:
    """Keep BatchNorm from counting features a second time that checkpointing computes a second time."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)] if needed else []
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum

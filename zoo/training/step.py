"""The network and what teaches it: gradients of batches, steps of the optimizer, and the state of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from timm.utils import ModelEmaV3, dispatch_clip_grad
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from core.errors import UsageError, UserError
from core.listener import SILENT, Listener
from zoo.geometry import resize
from zoo.losses import recipe_loss
from zoo.members import Recipe
from zoo.models import Segmenter, build
from zoo.runtime.precision import autocast, training_precision
from zoo.training.optimizers import make_optimizer
from zoo.training.warm_start import load_start


class Learner:
    """A network that learns by a recipe on a device.

    `weights` overrides the recipe's (none: for a state, or a start, that brings them all).
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
        if recipe.checkpointing:
            save_memory(self.network, recipe)
        self.forward: nn.Module = torch.compile(self.network) if recipe.compile else self.network  # type: ignore
        self._loss = recipe_loss(recipe)
        self.optimizer = make_optimizer(recipe, self.network.parameters())
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision == "fp16")
        # Its decay grows with the steps: a short run is not the mean of its first, bad weights.
        self.ema = ModelEmaV3(self.network, decay=recipe.ema, use_warmup=True) if recipe.ema else None

    @property
    def scored(self) -> nn.Module:
        """The weights that are scored and kept: the moving average where there is one."""
        return self.ema.module if self.ema else self.network

    def start(self, path: Path) -> None:
        """Begin with those of the weights in `path` that fit."""
        lacking = load_start(self.network, path)
        if lacking:
            what = f"{len(lacking)} tensors are not in {path} and start from random values, {lacking[0]} first"
            self.listener.info(f"{self.recipe.name}: {what}")
        if self.ema:
            self.ema.set(self.network)

    def begin_epoch(self, number: int) -> None:
        """To training; scoring left it in evaluation. A frozen encoder stays as it is, its BatchNorm's counts too."""
        self.network.train()
        if self.recipe.freeze:
            frozen = number < round(self.recipe.freeze * self.recipe.epochs)
            self.network.encoder.train(not frozen)
            self.network.encoder.requires_grad_(not frozen)

    def add_gradients(self, images: Tensor, labels: Tensor) -> float:
        """The loss of one batch, its gradients added to those of the step's other batches; changes no weight.

        images: float32 (n, frames, channels, h, w); labels: float32 (n, heads, h, w). UserError where torch.compile,
        if the recipe asks for it, fails.
        """
        images, labels = images.to(self.device), labels.to(self.device)
        with _compile_errors(self.recipe):
            loss = self.loss(images, labels)
            with _statistics_at_rest(self.network, self.recipe.checkpointing):
                self.scaler.scale(loss / self.recipe.accumulate).backward()
        return float(loss.detach())

    def step(self, rate: float, number: int) -> None:
        """Change the weights by the gradients that were added, at this learning rate; `number` of all, from 0.

        Raises FloatingPointError where float16 can hold no gradient at any scale.
        """
        if self.recipe.clip:
            self.scaler.unscale_(self.optimizer)
            dispatch_clip_grad(self.network.parameters(), self.recipe.clip, self.recipe.clip_mode)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.scaler.is_enabled() and self.scaler.get_scale() < 1:
            raise FloatingPointError
        if self.ema:
            self.ema.update(self.network, step=number + 1)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The recipe's loss, a scalar, at the label's size or at the network's own."""
        with autocast(self.device, self.precision):
            logits = self.forward(images).float()
        if self.recipe.loss_at == "label":
            logits = resize(logits, labels.shape[-1])
        else:
            labels = resize(labels, logits.shape[-1])
        return self._loss(logits, labels)

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs to go on as if nothing had happened."""
        state = {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.precision,
            "scaler": self.scaler.state_dict(),
        }
        return state | ({"ema": self.ema.module.state_dict()} if self.ema else {})

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`, in its precision."""
        self.precision = state.get("precision", self.precision)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        if "scaler" in state:  # the first release's states have none
            self.scaler.load_state_dict(state["scaler"])
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.ema:
            self.ema.module.load_state_dict(state["ema"])


def save_memory(network: Segmenter, recipe: Recipe) -> None:
    """Let the encoder compute its features again for the gradients, not keep them; UsageError where it cannot."""
    try:
        network.encoder.set_grad_checkpointing(True)  # type: ignore
    except (AttributeError, AssertionError) as error:
        raise UsageError(
            f"{recipe.name}: encoder {recipe.encoder} cannot compute its features twice; give --set checkpointing=false"
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
def _statistics_at_rest(network: nn.Module, needed: bool) -> Iterator[None]:
    """Features that are computed a second time are not to be counted a second time by BatchNorm."""
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)] if needed else []
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta):
            norm.momentum = momentum

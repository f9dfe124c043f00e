"""The network and what teaches it: gradients of batches, steps of the optimizer, and the state of both."""

from __future__ import annotations

from typing import Any

import torch
from timm.utils import dispatch_clip_grad
from torch import Tensor

from zoo.losses import recipe_loss
from zoo.members import Recipe
from zoo.models import Segmenter, build
from zoo.registration import resize
from zoo.training.devices import autocast
from zoo.training.optimizers import make_optimizer


class Learner:
    """A network that learns by a recipe on a device.

    `weights` overrides the recipe's (none: for a state that brings them all).
    """

    def __init__(self, recipe: Recipe, device: torch.device, weights: str | None = None) -> None:
        self.recipe, self.device = recipe, device
        self.network: Segmenter = build(recipe, weights).to(device, memory_format=torch.channels_last)  # type: ignore
        self._loss = recipe_loss(recipe)
        self.optimizer = make_optimizer(recipe, self.network.parameters())

    def begin_epoch(self, number: int) -> None:
        """To training; scoring left it in evaluation. A frozen encoder stays as it is, its BatchNorm's counts too."""
        frozen = number < round(self.recipe.freeze * self.recipe.epochs)
        self.network.train()
        self.network.encoder.train(not frozen)
        self.network.encoder.requires_grad_(not frozen)

    def add_gradients(self, images: Tensor, labels: Tensor) -> float:
        """The loss of one batch, its gradients added to those of the step's other batches; changes no weight.

        images: float32 (n, frames, channels, h, w); labels: float32 (n, 1, h, w).
        """
        loss = self.loss(images.to(self.device), labels.to(self.device))
        (loss / self.recipe.accumulate).backward()
        return float(loss.detach())

    def step(self, rate: float) -> None:
        """Change the weights by the gradients that were added, at this learning rate."""
        if self.recipe.clip:
            dispatch_clip_grad(self.network.parameters(), self.recipe.clip, self.recipe.clip_mode)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """The recipe's loss, a scalar, at the label's size or at the network's own."""
        with autocast(self.device):
            logits = self.network(images).float()
        if self.recipe.loss_at == "label":
            logits = resize(logits, labels.shape[-1])
        else:
            labels = resize(labels, logits.shape[-1])
        return self._loss(logits, labels)

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs to go on as if nothing had happened."""
        return {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])

"""Parameter groups of a network: their learning rates relative to the recipe's, and which of them decay."""

from typing import Any

from torch import nn

from zoo.members import Recipe
from zoo.models import Segmenter
from zoo.models.encoders import layer_numbers, undecayed

Group = dict[str, Any]


def parameter_groups(recipe: Recipe, network: Segmenter) -> list[Group]:
    """Group all parameters by rate and decay, as optimizers take them; one group without any of the keys.

    A group's `lr_scale` is its rate as a factor of the step's, timm's name for it. The encoder has `encoder_lr`, times
    `layer_decay` for each layer between a parameter and the decoder (BEiT's rule, arXiv:2106.08254). Without
    `decay_norms`, a group of norms, biases and tables of positions has no weight decay.
    """
    scales = _encoder_scales(recipe, network.encoder)
    exempt = set() if recipe.decay_norms else _undecayed(recipe, network)
    groups: dict[tuple[float, bool], Group] = {}
    for name, parameter in network.named_parameters():
        scale, decays = scales.get(name, 1.0), name not in exempt
        new: Group = {"params": [], "lr_scale": scale} | ({} if decays else {"weight_decay": 0.0})
        groups.setdefault((scale, decays), new)["params"].append(parameter)
    return list(groups.values())


def _encoder_scales(recipe: Recipe, encoder: nn.Module) -> dict[str, float]:
    """Factor of the rate of each parameter of the encoder, by its name in the network."""
    names = [name for name, _ in encoder.named_parameters()]
    if recipe.layer_decay == 1:
        return dict.fromkeys((f"encoder.{name}" for name in names), recipe.encoder_lr)
    layers = layer_numbers(recipe.encoder, encoder)
    last = max(layers.values())
    depths = {name: 1 + last - layers.get(name, last) for name in names}
    return {f"encoder.{name}": recipe.encoder_lr * recipe.layer_decay**depth for name, depth in depths.items()}


def _undecayed(recipe: Recipe, network: Segmenter) -> set[str]:
    flat = {name for name, parameter in network.named_parameters() if parameter.ndim <= 1}
    return flat | {f"encoder.{name}" for name in undecayed(recipe.encoder, network.encoder)}

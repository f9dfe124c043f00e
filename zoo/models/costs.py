"""Count the cost of a network, without memory or arithmetic; `python -m zoo.models.costs` writes the shipped table.

In: a Recipe. Out: its `Cost`. Counted on the meta device, so that the largest member takes seconds.
"""

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from core.files import write_text
from zoo.data import SIZE
from zoo.inputs import INPUTS
from zoo.members import Recipe, load_member, member_names
from zoo.members.costs import TABLE, Cost, Network, network_of, table_lines
from zoo.models.segmenter import sketch
from zoo.models.weights import licence_of

SCENES = 2  # some decoders normalise over single pixels and refuse one scene


def count(recipe: Recipe) -> Cost:
    """Count weights, multiply-adds of a prediction, and bytes kept for the gradients of a scene, each storage once."""
    network = sketch(recipe.final).train()
    kept: dict[int, torch.UntypedStorage] = {}
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    channels = INPUTS.facts(recipe.input).channels
    images = torch.empty(SCENES, len(recipe.frames), channels, SIZE, SIZE, device="meta")
    with FlopCounterMode(display=False) as counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        network(images)
    return Cost(
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        gmacs=round(counter.get_total_flops() / 2e9 / SCENES, 3),
        activation_mb=round(sum(storage.nbytes() for storage in kept.values()) / 1e6 / SCENES, 1),
        licence=licence_of(recipe.encoder),
    )


def count_members() -> dict[Network, Cost]:
    """Costs of the networks of every shipped member, in every stage."""
    stages = [stage for name in member_names() for stage in load_member(name).staged]
    return {network: count(stage) for network, stage in {network_of(stage): stage for stage in stages}.items()}


if __name__ == "__main__":
    write_text(TABLE, table_lines(count_members()))
    print(f"{TABLE}: written")

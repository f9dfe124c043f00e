"""BatchNorm folded into the convolutions before it, in a network that only predicts."""

import copy

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

# Largest difference of a folded network's logits, relative to the largest of them: rounding is far below, also that of
# a card's TF32; what a wrong fold changes is far above.
CLOSE = 1e-2


def fold_batch_norms(network: nn.Module, images: Tensor) -> nn.Module:
    """Copy of a network, for prediction alone, with each BatchNorm in the convolution before it.

    Which BatchNorms follow a convolution is seen in a forward pass of `images`, in evaluation mode. The network itself
    is returned if the copy gives other logits, because something else uses what such a convolution gives.
    """
    folded = copy.deepcopy(network)
    pairs, before = _convolutions_before_norms(folded, images)
    for convolution, norm in pairs:
        assert norm.running_mean is not None and norm.running_var is not None
        weight, bias = fuse_conv_bn_weights(
            convolution.weight, convolution.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        convolution.weight, convolution.bias = weight, bias
    rest = {norm: _after(norm) for _, norm in pairs}
    for parent in list(folded.modules()):
        for name, child in list(parent.named_children()):
            if child in rest:
                setattr(parent, name, rest[child])
    difference = (folded(images) - before).abs().max()
    return folded if difference <= CLOSE * before.abs().max().clamp(min=1) else network


def _convolutions_before_norms(
    network: nn.Module, images: Tensor
) -> tuple[list[tuple[nn.Conv2d, nn.BatchNorm2d]], Tensor]:
    """Pairs that pass a tensor on from one to the other, and the logits; layers that are used twice are left out."""
    made: dict[int, tuple[nn.Conv2d, Tensor]] = {}  # the tensors are held, so that no other takes their place
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    calls: dict[nn.Module, int] = {}

    def after_convolution(layer: nn.Module, given: tuple[Tensor, ...], found: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d)
        calls[layer] = calls.get(layer, 0) + 1
        made[id(found)] = (layer, found)

    def before_norm(layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, nn.BatchNorm2d)
        calls[layer] = calls.get(layer, 0) + 1
        if id(given[0]) in made and layer.track_running_stats:
            pairs.append((made[id(given[0])][0], layer))

    hooks = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            hooks.append(layer.register_forward_hook(after_convolution))
        elif isinstance(layer, nn.BatchNorm2d):
            hooks.append(layer.register_forward_pre_hook(before_norm))
    logits = network(images)
    for hook in hooks:
        hook.remove()
    return [(layer, norm) for layer, norm in pairs if calls[layer] == calls[norm] == 1], logits


def _after(norm: nn.BatchNorm2d) -> nn.Module:
    """What is left of a BatchNorm without its statistics: the activation of timm's layers, which hold both."""
    activation = getattr(norm, "act", None)
    return activation if isinstance(activation, nn.Module) else nn.Identity()

"""BatchNorm with the statistics of a batch that several processes share.

PyTorch's SyncBatchNorm computes on GPUs only; the classes here do so on a CPU, with the same weights.
"""

from typing import Any

import torch
import torch.distributed as dist
from timm.layers.norm_act import BatchNormAct2d, convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def synchronise_norms(network: nn.Module) -> None:
    """Give every BatchNorm in `network` the statistics of the whole batch; names and weights stay the same."""
    if next(network.parameters()).is_cuda:
        convert_sync_batchnorm(network)
        return
    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.__class__ = _SyncNormAct if isinstance(layer, BatchNormAct2d) else _SyncNorm


class _SyncNorm(_BatchNorm):
    """BatchNorm of any number of axes, on a CPU."""

    def forward(self, input: Tensor) -> Tensor:
        return _normalised(self, input) if self.training else super().forward(input)

    def _check_input_dim(self, input: Tensor) -> None:
        return None


class _SyncNormAct(BatchNormAct2d):
    """timm's BatchNorm with its activation, on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        found: Tensor = self.act(self.drop(_normalised(self, x)))
        return found


def _normalised(layer: _BatchNorm, maps: Tensor) -> Tensor:
    """Normalise by mean and variance over all processes, and update the running ones; float32 within."""
    axes, shape = [0, *range(2, maps.dim())], (1, -1, *[1] * (maps.dim() - 2))
    with torch.autocast("cpu", enabled=False):
        values = maps.float()
        count = values.new_tensor([values.numel() / values.shape[1]])
        dist.all_reduce(count)
        mean = _SumOfAll.apply(values.sum(axes)) / count
        centred = values - mean.view(shape)
        variance = _SumOfAll.apply(centred.square().sum(axes)) / count
        _update(layer, mean.detach(), (variance * count / (count - 1)).detach())
        scale = (variance + layer.eps).rsqrt()
        found = centred * (scale * layer.weight if layer.affine else scale).view(shape)
        return (found + layer.bias.view(shape) if layer.affine else found).to(maps.dtype)


def _update(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    if layer.running_mean is None or layer.running_var is None or layer.num_batches_tracked is None:
        return
    layer.num_batches_tracked += 1
    share = 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance, share)


class _SumOfAll(torch.autograd.Function):
    """Sum over the processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total

"""Precision in which a device computes, decided by what the device can do and never by a measured time.

bfloat16 without hardware support is 5 to 50 times slower than float32 on a CPU, float16 needs scaled gradients, and
some cards only emulate one of them. `half_precision` is the table of devices that compute faster in a half precision:

| device | half precision |
|---|---|
| CPU with AMX or AVX512-BF16 | bf16 |
| CUDA card of capability 8.0 (Ampere) or higher | bf16 |
| CUDA card of capability 7.x (Volta, Turing) | fp16 |
| any other CPU or card, MPS | none: fp32 |
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import torch
from torch import Tensor, nn

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
# Private names of torch.cpu, some of which older releases lack; its public `get_capabilities` is newer still.
CPU_BF16 = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which the layers that can compute in `precision` (fp32, bf16, fp16) do so."""
    return torch.autocast(device.type, dtype=HALVES[precision]) if precision in HALVES else nullcontext()


def training_precision(wanted: str, device: torch.device) -> str:
    """Precision to train in: the recipe's own, or for `auto` the device's half precision if it has one."""
    return half_precision(device) or "fp32" if wanted == "auto" else wanted


def prediction_precision(wanted: str, device: torch.device) -> str:
    """Precision to predict in: fp32 on a CPU or if the recipe asks for it, else the device's half precision.

    The same command writes the same bytes on every CPU.
    """
    return "fp32" if wanted == "fp32" or device.type == "cpu" else half_precision(device) or "fp32"


def half_precision(device: torch.device) -> str | None:
    """Half precision in which the device computes faster than in fp32, None if there is none."""
    if device.type == "cpu":
        return "bf16" if any(getattr(torch.cpu, name, lambda: False)() for name in CPU_BF16) else None
    if device.type == "cuda":
        major, _ = torch.cuda.get_device_capability(device)
        return "bf16" if major >= 8 else "fp16" if major == 7 else None
    return None


def keep_depthwise_in_float32(network: nn.Module) -> None:
    """Make the depthwise convolutions of `network` compute in float32 under autocast on a CPU.

    oneDNN has no fast backward pass for them in bfloat16 (`benchmarks.training_step` measures it). The names of the
    weights stay the same.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.groups == layer.in_channels > 1:
            layer.forward = partial(_in_float32, layer.forward)  # type: ignore


def _in_float32(forward: Callable[[Tensor], Tensor], maps: Tensor) -> Tensor:
    if maps.device.type != "cpu":
        return forward(maps)
    with torch.autocast("cpu", enabled=False):
        return forward(maps.float())

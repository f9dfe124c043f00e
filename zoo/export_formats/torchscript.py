"""torchscript: a trace, for programs that load TorchScript."""

import io

import torch
from torch import Tensor, nn

from zoo.export_formats import FORMATS, Answer
from zoo.export_formats._tensors import on_arrays


def _run(content: bytes) -> Answer:
    return on_arrays(torch.jit.load(io.BytesIO(content)))


@FORMATS.register("torchscript", run=_run, suffixes=(".pt", ".ts"))
def _write(module: nn.Module, example: Tensor, any_number: bool) -> bytes:
    file = io.BytesIO()
    torch.jit.save(torch.jit.trace(module, (example,)), file)
    return file.getvalue()

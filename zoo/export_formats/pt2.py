"""pt2: torch.export's own files."""

import io

import torch
from torch import Tensor, nn

from zoo.export_formats import FORMATS, Answer
from zoo.export_formats._tensors import on_arrays, program


def _run(content: bytes) -> Answer:
    return on_arrays(torch.export.load(io.BytesIO(content)).module())


@FORMATS.register("pt2", run=_run, suffixes=(".pt2",))
def _write(module: nn.Module, example: Tensor, any_number: bool) -> bytes:
    file = io.BytesIO()
    torch.export.save(program(module, example, any_number), file)
    return file.getvalue()

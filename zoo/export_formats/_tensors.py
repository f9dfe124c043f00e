"""Functions that two formats share: the exported program of a module, and a module called on arrays."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from zoo.export_formats import Answer, Floats


def program(module: nn.Module, example: Tensor, any_number: bool) -> Any:
    """Program of torch.export, for any number of records or for that of the example."""
    return torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")} if any_number else None,))


def on_arrays(module: Callable[[Tensor], Tensor]) -> "Answer":
    """Function from arrays to arrays of a function on tensors."""

    @torch.inference_mode()
    def answer(kelvin: "Floats") -> "Floats":
        result: Floats = module(torch.from_numpy(kelvin)).numpy()
        return result

    return answer

"""Functions that two formats share: the exported program of a module, and a module called on arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.export_formats import Answer


def program(module: nn.Module, example: Tensor, any_number: bool) -> Any:
    """Program of torch.export, for any number of records or for that of the example."""
    return torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")} if any_number else None,))


def on_arrays(module: Callable[[Tensor], Tensor]) -> Answer:
    """Function from arrays to arrays of a function on tensors."""

    @torch.inference_mode()
    def answer(kelvin: NDArray[np.float32]) -> Any:
        return module(torch.from_numpy(kelvin)).numpy()

    return answer

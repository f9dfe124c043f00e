"""Checkpoints: the last state, to resume from; the best weights, as safetensors, to predict with."""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import UserError
from core.files import atomic_write


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Save tensors and plain values, atomically."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def load_state(path: Path) -> dict[str, Any] | None:
    """Load a state; None if there is none or it is damaged, and the run starts over."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a torn file raises whatever its reader meets first
        return None
    return state


def weights_of(network: nn.Module) -> bytes:
    """Serialise all weights and buffers as safetensors."""
    from safetensors.torch import save

    # The file holds no strides, which channels_last changes.
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    content: bytes = save(tensors)
    return content


def write_weights(path: Path, weights: bytes) -> None:
    """Write what `weights_of` returned, atomically."""
    with atomic_write(path) as file:
        file.write(weights)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name; UserError if the file is damaged."""
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except Exception as error:
        raise UserError(f"{path}: holds no weights ({error}); train the run again") from error
    return tensors


def load_weights(path: Path, network: nn.Module) -> None:
    """Load weights into `network`; UserError if the file is damaged or of another network."""
    try:
        network.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise UserError(f"{path}: holds no weights of this network ({error}); train the run again") from error

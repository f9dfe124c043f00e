"""Checkpoints: the last state, to resume from, and weights as safetensors, to predict with; both with a digest."""

import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import Damaged, UserError, is_out_of_memory
from core.files import LARGEST_FILE, atomic_write, read_bytes
from zoo.runs.seals import state_content, state_header, weights_digest, weights_match


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Save tensors and plain values with their digest, atomically."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    with atomic_write(path) as file:
        file.write(state_header(content))
        file.write(content)


def load_state(path: Path) -> dict[str, Any] | None:
    """Load a state; None if it is absent or damaged, so that the run starts over.

    UserError if the file exists and cannot be read.
    """
    if not path.exists():
        return None
    content = state_content(read_bytes(path, LARGEST_FILE))
    if content is None:
        return None
    try:
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # a torn file raises whatever its reader meets first
        if is_out_of_memory(error):
            raise
        return None
    return state


def weights_of(network: nn.Module) -> bytes:
    """Serialise all weights and buffers as safetensors, with their digest in the header's metadata."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    stored: set[int] = set()
    for key, value in network.state_dict().items():
        # The file holds no strides, which channels_last changes, and no tensor twice: CoaT has layers of two names.
        tensor = value.detach().cpu().contiguous()
        tensors[key] = tensor.clone() if tensor.data_ptr() in stored else tensor
        stored.add(tensor.data_ptr())
    content: bytes = save(tensors, {"digest": weights_digest(save(tensors))})
    return content


def write_weights(path: Path, weights: bytes) -> None:
    """Write what `weights_of` returned, atomically."""
    with atomic_write(path) as file:
        file.write(weights)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read tensors by name; Damaged if they do not match their digest, UserError if the file cannot be read."""
    from safetensors.torch import load

    content = read_bytes(path, LARGEST_FILE)
    try:
        tensors: dict[str, Tensor] = load(content)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise Damaged(f"{path}: holds no weights ({error}); train the run again") from error
    if not weights_match(content):
        raise Damaged(f"{path}: has been changed since it was written; train the run again")
    return tensors


def load_weights(path: Path, network: nn.Module) -> None:
    """Load weights into `network`; UserError if the file is damaged or of another network."""
    try:
        network.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise UserError(f"{path}: holds no weights of this network ({error}); train the run again") from error

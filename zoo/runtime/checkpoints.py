"""A run's files: the last state, to go on from; the best weights, to predict with."""

import io
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.errors import UserError
from core.files import atomic_write, write_text


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Tensors and plain values, atomically."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with atomic_write(path) as file:
        file.write(buffer.getbuffer())


def load_state(path: Path) -> dict[str, Any] | None:
    """The state, or None where there is none or it is torn: the run then starts anew."""
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever a torn file makes its reader raise
        return None
    return state


def weights_of(network: nn.Module) -> bytes:
    """All weights and buffers as safetensors."""
    from safetensors.torch import save

    # channels_last strides are not the file's business.
    tensors = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    content: bytes = save(tensors)
    return content


def write_weights(path: Path, weights: bytes) -> None:
    """What `weights_of` gave, atomically."""
    with atomic_write(path) as file:
        file.write(weights)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors by name; UserError where the file is torn."""
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except Exception as error:
        raise UserError(f"{path}: holds no weights ({error}); train it again") from error
    return tensors


def load_weights(path: Path, network: nn.Module) -> None:
    """Fill `network`; UserError where the file is torn or of another network."""
    try:
        network.load_state_dict(read_weights(path))
    except RuntimeError as error:
        raise UserError(f"{path}: holds no weights of this network ({error}); train it again") from error


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """JSON lines, rewritten whole: a resumed run drops what lies beyond the state it goes on from."""
    write_text(path, "".join(json.dumps(row) + "\n" for row in rows))

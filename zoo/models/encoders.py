"""Encoders: any timm `features_only` model that gives a pyramid, with its weights.

Out: features, finest first. Strides start at 2 or 4 (or 1), sides may be fixed (timm is told them), channels may
stand behind (the segmenter turns them).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import timm
import torch
from torch import Tensor, nn

from core.errors import UnknownName, UsageError, UserError
from zoo.models.weights import fetch, locate, read_state


def make_encoder(name: str, weights: str, channels: int, side: int, output_stride: int | None = None) -> nn.Module:
    """The timm encoder `name`, with `weights` none, imagenet, or the path of a file or folder (zoo.models.weights).

    channels: of the input image; other than 3, timm's rule adapts the first convolution.
    side: of the input in pixels, for encoders that are built for one size.
    output_stride: where the stride stops growing and dilation takes its place (`holds_stride`).
    """
    _check_name(name)
    given: dict[str, Any] = {"in_chans": channels} | ({"output_stride": output_stride} if output_stride else {})
    if weights == "none":
        return _create(name, side, given)
    found = fetch(locate(name, weights))
    return _filled(name, side, given, read_state(found), str(found.path))


def check_sides(name: str, built_for: int, sides: Iterable[int]) -> None:
    """UsageError where the encoder, built for images of `built_for` pixels, cannot see one of `sides`.

    It is tried without memory or arithmetic, on the meta device.
    """
    _check_name(name)
    config = timm.get_pretrained_cfg(name)
    if not config or not config.fixed_input_size:
        return
    with torch.device("meta"):
        encoder = _create(name, built_for, {}).eval()
    for side in sides:
        try:
            encoder(torch.empty(1, 3, side, side, device="meta"))
        except (AssertionError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            what = "is built for one size and cannot see crops of" if side != built_for else "cannot see images of"
            cure = "give crop = 0" if side != built_for else "give another size"
            raise UsageError(f"encoder {name}: {what} {side} pixels ({reason}); {cure}") from error


def holds_stride(name: str, side: int, output_stride: int) -> bool:
    """Whether the encoder's stride can be held where a decoder needs it; most transformers' cannot."""
    try:
        with torch.device("meta"):
            encoder = _create(name, side, {"output_stride": output_stride})
    except UsageError:
        return False
    return max(pyramid(encoder)[1]) == output_stride


def normalisation(name: str) -> tuple[Tensor, Tensor]:
    """Mean and std, (3,) each, of the images that the encoder's weights were trained on."""
    config = timm.get_pretrained_cfg(name)
    mean = config.mean if config else (0.5, 0.5, 0.5)
    std = config.std if config else (0.5, 0.5, 0.5)
    return torch.tensor(mean), torch.tensor(std)


def pyramid(encoder: nn.Module) -> tuple[list[int], list[int]]:
    """Channels and strides of the levels, finest first."""
    return list(encoder.feature_info.channels()), list(encoder.feature_info.reduction())  # type: ignore


def channels_behind(encoder: nn.Module) -> bool:
    """Whether its features are (n, H, W, channels), as those of Swin and MambaOut are."""
    return bool(getattr(encoder, "output_fmt", None) == "NHWC")


def _check_name(name: str) -> None:
    if not timm.is_model(name):
        raise UnknownName("encoder", name, timm.list_models())
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # the name of a model, but no weights under that tag
        known = timm.list_pretrained(name.partition(".")[0] + ".*")
        raise UnknownName("encoder", name, known) from error


def _create(name: str, side: int, given: dict[str, Any]) -> nn.Module:
    """timm's features-only model; UsageError where there is none."""
    refusal: Exception | None = None
    attempts: tuple[dict[str, Any], ...] = ({"img_size": side}, {})  # most take any size and no such argument
    for sized in attempts:
        try:
            encoder: nn.Module = timm.create_model(name, features_only=True, **sized, **given)
            return encoder
        except TypeError as error:
            refusal = error
        except (RuntimeError, ValueError, AttributeError, AssertionError) as error:
            if "pretrained" in given:
                raise
            raise UsageError(f"encoder {name}: gives no pyramid of features ({error}); choose another") from error
    raise UsageError(f"encoder {name}: cannot be built ({refusal}); choose another") from refusal


def _filled(name: str, side: int, given: dict[str, Any], state: dict[str, Tensor], where: str) -> nn.Module:
    """The encoder with the weights of `state`: a whole timm model's, or those of a features-only one."""
    encoder = _create(name, side, given)
    if set(encoder.state_dict()) == set(state):
        try:
            encoder.load_state_dict(state)
            return encoder
        except RuntimeError:  # other shapes: of another size or number of channels, which timm knows to adapt
            pass
    # timm loads what fits and leaves the rest at random without a word. So two are made: what differs was left.
    overlay = {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": state}}
    try:
        with torch.random.fork_rng(devices=[]):
            encoder, other = (_create(name, side, given | overlay) for _ in range(2))
    except Exception as error:
        raise UserError(f"encoder {name}: the weights of {where} do not fit it ({_first(error)})") from error
    for (key, one), two in zip(encoder.state_dict().items(), other.state_dict().values()):
        if not torch.equal(one, two):
            raise UserError(f'encoder {name}: the weights of {where} do not fit it (they lack "{key}")')
    return encoder


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

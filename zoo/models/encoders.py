"""Encoders: any timm `features_only` model that gives a pyramid, with its weights.

Out: features, finest first. Strides start at 2 or 4 (or 1), sides may be fixed (timm is told them), channels may
stand behind (the segmenter turns them).
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import timm
import torch
from torch import Tensor, nn

from core.errors import UnknownName, UsageError, UserError
from zoo.models.weights import Located, fetch, locate, read_state

COMPUTED = {"relative_position_index", "relative_coords_table", "attn_mask"}  # older files hold these buffers too
# It warns of every head that a features-only model leaves over; whether the weights fit is seen below.
logging.getLogger("timm.models._builder").setLevel(logging.ERROR)


def make_encoder(name: str, weights: str, channels: int, side: int, output_stride: int | None = None) -> nn.Module:
    """The timm encoder `name`, with `weights` none, imagenet, or the path of a file or folder (zoo.models.weights).

    channels: of the input image; other than 3, timm's rule adapts the first convolution.
    side: of the input in pixels, for encoders that are built for one size.
    output_stride: where the stride stops growing and dilation takes its place (`supports_stride`).
    """
    check_encoder(name)
    given: dict[str, Any] = {"in_chans": channels} | ({"output_stride": output_stride} if output_stride else {})
    if weights == "none":
        return _create(name, side, given)
    return _filled(name, side, given, fetch(locate(name, weights)))


def check_sides(name: str, built_for: int, sides: Iterable[int]) -> None:
    """UsageError where the encoder, built for images of `built_for` pixels, cannot see one of `sides`.

    It is tried without memory or arithmetic, on the meta device.
    """
    check_encoder(name)
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


def supports_stride(name: str, side: int, output_stride: int) -> bool:
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


def gives_nhwc(encoder: nn.Module) -> bool:
    """Whether its features are (n, H, W, channels), as those of Swin and MambaOut are."""
    return bool(getattr(encoder, "output_fmt", None) == "NHWC")


def check_encoder(name: str) -> None:
    """UnknownName where timm has no such model, or none of its weights under such a tag."""
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


def _filled(name: str, side: int, given: dict[str, Any], found: Located) -> nn.Module:
    """The encoder with what was found: a whole timm model's weights, or those of a features-only one."""
    state = read_state(found)
    refused = f"encoder {name}: the weights of {found.path} do not fit it"
    encoder = _create(name, side, given)
    own = encoder.state_dict()
    if not found.vouched and (odd := _foreign(name, own, state)):
        raise UserError(f'{refused} (it has no "{odd}")')
    if all(key in state and state[key].shape == value.shape for key, value in own.items()):
        encoder.load_state_dict({key: state[key] for key in own})
        return encoder
    # Other names, another size or number of channels: timm's own rules adapt them, and leave what they do not find at
    # random without a word. So weights that nobody vouches for are filled in twice: what differs was left.
    overlay = {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": state}}
    try:
        with torch.random.fork_rng(devices=[]):
            encoder, *others = (_create(name, side, given | overlay) for _ in range(1 if found.vouched else 2))
    except Exception as error:
        raise UserError(f"{refused} ({_first(error)})") from error
    filled = encoder.state_dict()
    for key, value in (item for other in others for item in other.state_dict().items()):
        if not torch.equal(filled[key], value):
            raise UserError(f'{refused} (they lack "{key}")')
    return encoder


def _foreign(name: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str | None:
    """A name that the model does not have, beside others that it has: a bigger relative's weights would pass else.

    Where all are foreign they are an original's own, and timm may have rules for them.
    """
    with torch.device("meta"):
        whole = timm.create_model(name).state_dict()
    odd = [k for k in state if k not in own and k not in whole and k.rpartition(".")[2] not in COMPUTED]
    return odd[0] if odd and len(odd) < len(state) else None


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

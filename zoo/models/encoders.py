"""Encoders: any timm `features_only` model that gives a pyramid, with its weights.

Out: features, finest first. Strides start at 1, 2 or 4; some encoders are built for one side (timm is given it), some
give features (n, H, W, channels), which the segmenter permutes.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import timm
import torch
from timm.models import group_parameters
from torch import Tensor, nn

from core.errors import UnknownName, UsageError, UserError, is_out_of_memory
from zoo.models.weights import WeightsSource, fetch, is_computed, locate, read_state

# It warns of every head that a features-only model has no use for; that weights fit is checked below.
logging.getLogger("timm.models._builder").setLevel(logging.ERROR)


def make_encoder(
    name: str,
    weights: str,
    channels: int,
    side: int,
    output_stride: int | None = None,
    drop_path: float = 0.0,
    colour: bool = False,
) -> nn.Module:
    """Build the timm encoder `name`, with `weights` none, imagenet, or the path of a file or folder.

    channels: of the input image; other than 3, timm's rule adapts the first convolution, which repeats its filters.
    colour: the first three channels are an image: they keep its filters, and those of the others start at zero.
    side: of the input in pixels, for encoders that are built for one size.
    output_stride: where the stride stops growing and dilation takes its place (`supports_stride`).
    drop_path: highest rate of stochastic depth, in the last block; UsageError for an encoder that has none.
    """
    asked = {"output_stride": output_stride, "drop_path_rate": drop_path}
    given: dict[str, Any] = {"in_chans": channels} | {key: value for key, value in asked.items() if value}
    if weights == "none":
        return _create(name, side, given)
    found = fetch(locate(name, weights))
    if colour and channels > 3:
        return _widened(_filled(name, side, given | {"in_chans": 3}, found), _create(name, side, given), name)
    return _filled(name, side, given, found)


def check_sides(name: str, built_for: int, sides: Iterable[int]) -> None:
    """UsageError if the encoder, built for images of `built_for` pixels, cannot take one of `sides`.

    Tried on the meta device, without memory or arithmetic.
    """
    config = timm.get_pretrained_cfg(name)
    if not config or not config.fixed_input_size:
        return
    with torch.device("meta"):
        encoder = _create(name, built_for, {}).eval()
    for side in sides:
        try:
            encoder(torch.empty(1, 3, side, side, device="meta"))
        except (AssertionError, RuntimeError) as error:
            what = "is built for one size and cannot see crops of" if side != built_for else "cannot see images of"
            cure = "give crop = 0" if side != built_for else "give another size"
            raise UsageError(f"encoder {name}: {what} {side} pixels ({_reason(error)}); {cure}") from error


def supports_stride(name: str, side: int, output_stride: int) -> bool:
    """True if the encoder can keep this output stride by dilation, which most transformers cannot."""
    try:
        with torch.device("meta"):
            encoder = _create(name, side, {"output_stride": output_stride})
    except UsageError:
        return False
    return max(pyramid(encoder)[1]) == output_stride


def normalisation(name: str) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (3,) each, of the images that the encoder's weights were trained on."""
    config = timm.get_pretrained_cfg(name)
    mean, std = (config.mean, config.std) if config else ((0.5,) * 3, (0.5,) * 3)
    return torch.tensor(mean), torch.tensor(std)


def pyramid(encoder: nn.Module) -> tuple[list[int], list[int]]:
    """Channels and strides of the feature levels, finest first."""
    return list(encoder.feature_info.channels()), list(encoder.feature_info.reduction())  # type: ignore


def refine_stem(name: str, encoder: nn.Module) -> None:
    """Let the encoder's first convolution move pixel by pixel: every level is twice as fine (place 2).

    UsageError if it does not move by two pixels, as patches of transformers do, or the encoder is built for one size.
    """
    first = next(module for module in encoder.modules() if isinstance(module, nn.Conv2d))
    config = timm.get_pretrained_cfg(name)
    if first.stride != (2, 2) or (config and config.fixed_input_size):
        raise UsageError(
            f"encoder {name}: has no first convolution of stride 2 that could be finer; give stem_stride = 2"
        )
    first.stride = (1, 1)
    for level in encoder.feature_info.info:  # type: ignore
        level["reduction"] //= 2


def layer_numbers(name: str, encoder: nn.Module) -> dict[str, int]:
    """Layer of each parameter of the encoder, counted from 0 at the stem, as timm groups them for layer-wise rates.

    The modules at its top level are the layers of the few encoders that timm does not group, such as MetaFormer.
    """
    whole = _whole(name)
    if not hasattr(whole, "group_matcher"):
        tops = list(dict(encoder.named_children()))
        return {key: tops.index(key.partition(".")[0]) for key, _ in encoder.named_parameters()}
    layers = group_parameters(whole, whole.group_matcher(coarse=False), reverse=True)
    return _of_features(layers, encoder)


def undecayed(name: str, encoder: nn.Module) -> set[str]:
    """Parameters of the encoder that timm exempts from weight decay: mostly tables of positions."""
    whole = _whole(name)
    exempt: Iterable[str] = whole.no_weight_decay() if hasattr(whole, "no_weight_decay") else ()
    return set(_of_features(dict.fromkeys(exempt, 0), encoder))


def check_encoder(name: str) -> None:
    """UnknownName if timm has no such model, or no weights of it under this tag."""
    if not timm.is_model(name):
        raise UnknownName("encoder", name, timm.list_models())
    try:
        timm.get_pretrained_cfg(name)
    except RuntimeError as error:  # the name of a model, but no weights under that tag
        known = timm.list_pretrained(name.partition(".")[0] + ".*")
        raise UnknownName("encoder", name, known) from error


def _create(name: str, side: int, given: dict[str, Any]) -> nn.Module:
    """Create timm's features-only model; UsageError if there is none."""
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
    if "drop_path_rate" in str(refusal):
        raise UsageError(f"encoder {name}: has no stochastic depth; give drop_path = 0") from refusal
    raise UsageError(f"encoder {name}: cannot be built ({refusal}); choose another") from refusal


def _filled(name: str, side: int, given: dict[str, Any], found: WeightsSource) -> nn.Module:
    """Encoder with weights of a whole timm model or of a features-only one; UserError if they do not fit."""
    state = read_state(found)
    refused = f"encoder {name}: the weights of {found.path} do not fit it"
    encoder = _create(name, side, given)
    own = encoder.state_dict()
    if not found.trusted and (odd := _foreign(name, own, state)):
        raise UserError(f'{refused} (it has no "{odd}")')
    if all(key in state and state[key].shape == value.shape for key, value in own.items()):
        encoder.load_state_dict({key: state[key] for key in own})
        return encoder
    # Other names, another size or number of channels: timm's own rules adapt them, and silently leave as it was what
    # they do not find. So weights of unknown origin are loaded twice, once changed: tensors that agree were not found.
    states = [state] if found.trusted else [state, {key: _changed(value) for key, value in state.items()}]
    try:
        with torch.random.fork_rng(devices=[]):
            encoder, *others = (_adapted(name, side, given, each, seeded=not found.trusted) for each in states)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise UserError(f"{refused} ({_reason(error)})") from error
    filled = encoder.state_dict()
    for key, value in (item for other in others for item in other.state_dict().items()):
        if value.is_floating_point() and not is_computed(key) and torch.equal(filled[key], value):
            raise UserError(f'{refused} (they lack "{key}")')
    return encoder


def _widened(encoder: nn.Module, wider: nn.Module, name: str) -> nn.Module:
    """`wider`, of more input channels, with the encoder's weights; filters of the channels that it adds are zero."""
    weights, wide = encoder.state_dict(), wider.state_dict()
    for key, value in weights.items():
        if value.shape != wide[key].shape:
            more = [own - old for own, old in zip(wide[key].shape, value.shape)]
            if value.ndim != 4 or value.shape[1] != 3 or more[:1] + more[2:] != [0, 0, 0]:
                raise UsageError(f'encoder {name}: "{key}" has no filters of single channels; choose an input of three')
            weights[key] = nn.functional.pad(value, (0, 0, 0, 0, 0, more[1]))
    wider.load_state_dict(weights)
    return wider


def _adapted(name: str, side: int, given: dict[str, Any], state: Mapping[str, Tensor], seeded: bool) -> nn.Module:
    """Encoder with the weights of a state dict, adapted by timm's rules; new weights start from fixed random values."""
    if seeded:
        torch.manual_seed(0)
    return _create(name, side, given | {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": dict(state)}})


def _changed(value: Tensor) -> Tensor:
    return value.detach() + 1 if value.is_floating_point() else value


def _whole(name: str) -> Any:
    """Timm's model with its head, on the meta device."""
    with torch.device("meta"):
        return timm.create_model(name)


def _of_features(values: Mapping[str, int], encoder: nn.Module) -> dict[str, int]:
    """Values by name of the whole model's parameters, by name of the features-only model's.

    timm flattens the first level of names there, `stages.0.x` to `stages_0.x`, or puts one before them.
    """
    renamed = {
        own: value
        for key, value in values.items()
        for own in (key, key.replace(".", "_", 1), f"body.{key}", f"model.{key}")
    }
    return {key: renamed[key] for key, _ in encoder.named_parameters() if key in renamed}


def _foreign(name: str, own: Mapping[str, Tensor], state: Mapping[str, Tensor]) -> str | None:
    """Name that the model lacks while it has others of the file: weights of a larger relative would pass otherwise.

    If the model has none of the names, they are those of the original code, for which timm may have rules.
    """
    whole = _whole(name).state_dict()
    odd = [key for key in state if key not in own and key not in whole and not is_computed(key)]
    return odd[0] if odd and len(odd) < len(state) else None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

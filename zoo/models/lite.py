"""Rename the tensors of the lite packages of 2020 to timm's names."""

import re
from collections.abc import Mapping

from torch import Tensor, nn


def rename_lite(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Rename the tensors of a lite package to timm's names; `model` gives the number of blocks in each stage."""
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

"""Rates and weight decay of the parts of a network."""

import pytest

from tests.zoo.training.cases import TINY
from zoo.members import with_settings
from zoo.models import sketch
from zoo.training.parameter_groups import parameter_groups


def groups_by_name(**keys):
    """Group of each parameter by its name, with all names in order."""
    recipe = with_settings(TINY, keys)
    network = sketch(recipe)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = [(names[id(p)], group) for group in parameter_groups(recipe, network) for p in group["params"]]
    assert sorted(name for name, _ in found) == sorted(names.values())
    return dict(found)


def test_without_the_keys_all_parameters_are_one_group_in_their_order():
    network = sketch(TINY)
    (group,) = parameter_groups(TINY, network)
    assert all(one is other for one, other in zip(group["params"], network.parameters(), strict=True))
    assert group.keys() == {"params", "lr_scale"}
    assert group["lr_scale"] == 1


def test_the_encoder_learns_at_its_own_rate():
    scales = {name: group["lr_scale"] for name, group in groups_by_name(encoder_lr=0.1).items()}
    assert all(scale == (0.1 if name.startswith("encoder.") else 1) for name, scale in scales.items())


@pytest.mark.parametrize(
    ("encoder", "first", "last", "layers"),
    [
        ("test_resnet", "conv1.0.weight", "layer4.0.downsample.1.weight", 5),
        ("test_efficientnet", "conv_stem.weight", "blocks.4.0.conv_pwl.weight", 6),
        ("test_convnext", "stem_0.bias", "stages_3.blocks.1.mlp.fc2.bias", 10),
        ("xception41", "stem_0.conv.weight", "blocks_12.stack.conv3.conv_pw.weight", 14),
        ("poolformer_s12", "stem.conv.weight", "stages_3.blocks.0.mlp.fc1.weight", 5),  # timm does not group it
    ],
)
def test_the_rate_falls_from_layer_to_layer_towards_the_stem(encoder, first, last, layers):
    groups = groups_by_name(encoder=encoder, layer_decay=0.5, encoder_lr=0.25)
    scales = {name: group["lr_scale"] for name, group in groups.items()}
    assert sorted(set(scales.values())) == [0.25 * 0.5**n for n in range(layers, 0, -1)] + [1]
    assert scales[f"encoder.{first}"] == 0.25 * 0.5**layers
    assert scales[f"encoder.{last}"] == 0.25 * 0.5
    assert all(scales[name] == 1 for name in scales if not name.startswith("encoder."))


def test_norms_biases_and_tables_of_positions_decay_if_the_recipe_says_so():
    keys = {"encoder": "swin_tiny_patch4_window7_224", "size": 224, "time": "lstm", "frames": [4, 5]}
    groups = groups_by_name(decay_norms=False, **keys)
    exempt = {name for name, group in groups.items() if group.get("weight_decay") == 0}
    assert {name for name in groups if name.endswith(("bias", "relative_position_bias_table"))} <= exempt
    assert "encoder.layers_0.blocks.0.norm1.weight" in exempt
    assert not any(name.endswith(("qkv.weight", "fc1.weight", "weight_ih_l0")) for name in exempt)
    assert not any("weight_decay" in group for group in groups_by_name(**keys).values())

"""The weights of a trained run fit the network of today: names and shapes of every part that is ours.

`networks.json` holds a digest of each decoder's and each time mixing's; timm's and smp's own parts are theirs.
"""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from zoo.members import load_member, with_settings
from zoo.models.segmenter import sketch

GOLDEN = json.loads((Path(__file__).parent / "networks.json").read_text())
THEIRS = ("encoder.", "decoder.decoder.")


def digest(settings):
    network = sketch(with_settings(load_member("lite0-fc-t5"), {"encoder": "test_efficientnet", **settings}))
    weights = network.state_dict().items()
    lines = [f"{name} {tuple(value.shape)}" for name, value in weights if not name.startswith(THEIRS)]
    return sha256("\n".join(sorted(lines)).encode()).hexdigest()


@pytest.mark.parametrize("part", GOLDEN)
def test_names_and_shapes_of_weights_stay(part):
    assert digest(GOLDEN[part]["settings"]) == GOLDEN[part]["sha256"]

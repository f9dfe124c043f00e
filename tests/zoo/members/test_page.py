"""The pages on members and keys: the examples of an input, a loss, an augmentation and a member work as they stand."""

import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
import torch

from core.registry import Registry
from zoo.augment import AugmentationFacts
from zoo.inputs import INPUTS, InputFacts, mean_std
from zoo.losses import LOSSES, LossFacts
from zoo.members import load_member
from zoo.members.keys import COUNT
from zoo.members.options import options_of
from zoo.members.recipe import AUGMENTATION_NAMES
from zoo.members.terms import parse_terms
from zoo.targets import TARGETS

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "keys.md").read_text() + (DOCS / "members.md").read_text()


def registered_by_the_page(registry, facts):
    """The page's example, run as a file in the room would be, with a registry of its own."""
    block = next(b for b in re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S) if f"@{registry}." in b)
    own = Registry(registry, facts)
    names = {registry: own, "Tensor": torch.Tensor, "Generator": torch.Generator, "torch": torch}
    names |= {"Annotated": Annotated, "COUNT": COUNT, "Plane": Any, "Channels": tuple, "mean_std": mean_std}
    exec(block, names)
    (name,) = own.names()
    return own.entry(name)


def test_a_loss_takes_one_function_and_one_line():
    entry = registered_by_the_page("LOSSES", LossFacts)
    target = torch.tensor([0.0, 1.0]).reshape(1, 1, 1, 2)
    assert entry.make(torch.zeros(1, 1, 1, 2), target).item() == pytest.approx(0.25)
    (term,) = parse_terms("errors(power=1)", "loss", ["errors"], "mine")
    power = options_of(term, entry.make, "mine")
    assert entry.make(torch.zeros(1, 1, 1, 2), target, **power).item() == pytest.approx(0.5)


def test_an_augmentation_takes_one_function_and_one_line():
    entry = registered_by_the_page("AUGMENTATIONS", AugmentationFacts)
    images, labels = torch.ones(2, 3, 1, 8, 8), torch.zeros(2, 1, 8, 8)
    seen, marked = entry.make(images, labels, 0.5, torch.Generator().manual_seed(1))
    assert torch.equal(seen[:, 0], seen[:, 2])
    assert not torch.equal(seen, images)
    assert marked is labels


def test_an_input_takes_one_function_and_one_line():
    entry = registered_by_the_page("INPUTS", InputFacts)
    assert len(entry.make(*np.zeros((2, 4, 4), np.float32))) == entry.facts.channels


@pytest.mark.parametrize("text", re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S))
def test_a_member_takes_one_file(text, tmp_path):
    (tmp_path / "mine.toml").write_text(text)
    assert load_member("mine", tmp_path).name == "mine"


@pytest.mark.parametrize("name", [*INPUTS.names(), *LOSSES.names(), *TARGETS.names(), *AUGMENTATION_NAMES])
def test_every_name_is_on_the_page(name):
    assert f"`{name}`" in PAGE

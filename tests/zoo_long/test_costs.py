"""The long run: the shipped table of costs is what is counted, for every network of every member.

Which also builds every real encoder, sees its pyramid meet its decoder, and sends two scenes through it.
"""

from pathlib import Path

import pytest

from tests.zoo.members.test_contract import shrunk
from tests.zoo.models.test_costs import STAGES, TABLE, check_row
from zoo.members import member_names
from zoo.models import sketch
from zoo.models.encoders import pyramid

PAGE = Path(__file__).parents[2] / "docs" / "shipped.md"


@pytest.mark.long
@pytest.mark.parametrize("network", STAGES, ids=[f"{n}-{s.name}" for n, s in enumerate(STAGES.values())])
def test_the_shipped_table_is_what_is_counted(network):
    check_row(network, STAGES[network])


@pytest.mark.long
def test_the_table_is_whole():
    assert set(TABLE) == set(STAGES), "run: make costs"


@pytest.mark.long
@pytest.mark.parametrize("name", member_names())
def test_a_member_is_in_the_docs(name):
    assert f"\n| `{name}` | " in PAGE.read_text(), "write there: cli zoo list --sort row --markdown"


@pytest.mark.long
@pytest.mark.parametrize("stage", {stage.encoder: stage for stage in STAGES.values()}.values(), ids=lambda s: s.encoder)
def test_what_stands_for_an_encoder_in_the_contract_has_its_strides(stage):
    assert pyramid(sketch(shrunk(stage)).encoder)[1] == pyramid(sketch(stage).encoder)[1]

"""One registry shape for every choice."""

from dataclasses import dataclass

import pytest

from core.command import Command
from core.errors import UnknownName
from core.registry import Registry


@dataclass(frozen=True)
class ShapeFacts:
    sides: int
    round: bool = False


def make():
    shapes = Registry("shape", ShapeFacts)
    shapes.register("circle", sides=0)(lambda: "o")
    shapes.register("square", sides=4)(lambda: "#")
    return shapes


def test_facts_stand_beside_the_name():
    assert make().names() == ["circle", "square"]
    assert make().facts("square") == ShapeFacts(sides=4)
    assert make().get("circle")() == "o"


def test_an_unknown_name_is_answered_with_its_nearest():
    with pytest.raises(UnknownName, match='no shape "sqare"; did you mean "square"') as caught:
        make().get("sqare")
    assert caught.value.exit_code == 2


def test_a_name_far_from_all_is_answered_with_all():
    with pytest.raises(UnknownName, match="known: circle, square"):
        make().get("xyz")


def test_a_name_far_from_many_is_answered_with_the_nearest_and_the_command_that_lists_them():
    names = [f"member-{number:03}" for number in range(100)]
    said = str(UnknownName("member", "q9", names, listed_by=Command("zoo list")))
    assert said == 'no member "q9"; nearest of 100: member-099, member-098, member-097; run: cli zoo list'


def test_a_second_owner_of_a_name_is_refused():
    with pytest.raises(ValueError, match="twice"):
        make().register("circle", sides=0)(lambda: "")


@pytest.mark.parametrize("facts", [{}, {"sides": 3, "rounded": False}])
def test_a_missing_or_unknown_fact_is_an_error_where_the_entry_is_registered(facts):
    with pytest.raises(TypeError, match="sides|rounded"):
        make().register("triangle", **facts)


def test_a_package_of_registered_things_is_listed_without_importing_them(tmp_path, monkeypatch):
    folder = tmp_path / "shapes"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from core.registry import NoFacts, Registry\nSHAPES = Registry('shape', NoFacts, package=__name__)\n"
    )
    (folder / "_drawing.py").write_text("raise ValueError\n")
    (folder / "moon.py").write_text("raise ValueError\n")
    (folder / "star.py").write_text("from shapes import SHAPES\nSHAPES.register('star')('*')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from shapes import SHAPES

    assert SHAPES.names() == ["moon", "star"]
    assert SHAPES.get("star") == "*"
    assert SHAPES.get("star") == "*"


def test_a_name_may_have_hyphens_where_its_file_has_underscores(tmp_path, monkeypatch):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from core.registry import NoFacts, Registry\n"
        "FIGURES = Registry('figure', NoFacts, package=__name__, hyphens=True)\n"
    )
    (folder / "left_turn.py").write_text("from figures import FIGURES\nFIGURES.register('left-turn')('<')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    from figures import FIGURES

    assert FIGURES.names() == ["left-turn"]
    assert FIGURES.get("left-turn") == "<"

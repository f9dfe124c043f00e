"""Sets of test-time views: every spelling has one canonical name, which is safe as a folder and spells the same."""

import re
import subprocess
import sys
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from zoo.geometry import View
from zoo.tta import compose
from zoo.views import ALIASES, MERGES, most_turned_first, parse_views, single_views

VALUES = {
    "rot90": st.lists(st.sampled_from([0, 90, 180, 270]), max_size=4),
    "scale": st.lists(st.floats(0.25, 4), min_size=1, max_size=4),
    "multiply": st.lists(st.floats(0.1, 10), min_size=1, max_size=4),
}


@st.composite
def spellings(draw):
    """Steps in any order, with brackets or with dashes, and a merge mode."""
    turns = draw(st.sampled_from([(), ("rot90",), ("hflip", "rot90"), ("transpose", "vflip"), ("d4",), ("flips",)]))
    others = draw(st.lists(st.sampled_from(["scale", "multiply"]), unique=True))
    terms = []
    for name in draw(st.permutations([*turns, *others])):
        values = [f"{value:g}" for value in draw(VALUES.get(name, st.just([])))]
        listed, dashed = f"({','.join(values)})", "".join(f"-{value}" for value in values)
        terms.append(name + draw(st.sampled_from([listed, dashed])) if values else name)
    merge = draw(st.sampled_from(["", *MERGES]))
    return "+".join(terms or ["none"]) + (f"@{merge}" if merge else "")


@given(spellings() | st.lists(spellings().filter(lambda text: "@" not in text), max_size=3, min_size=2).map(",".join))
def test_the_canonical_name_spells_the_same_views_and_is_safe_as_a_folder(text):
    views = parse_views(text)
    assert re.fullmatch(r"[a-z0-9][a-z0-9.,+-]*", views.name)
    assert parse_views(views.name) == views
    assert parse_views(views.name).name == views.name


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        *((alias, alias, 2 ** len(steps)) for alias, steps in ALIASES.items()),
        ("vflip+hflip", "flips", 4),
        ("hflip+vflip+transpose", "d4", 8),
        ("hflip", "hflip", 2),
        ("none+hflip", "hflip", 2),
        ("none@mean", "none", 1),
        ("none@tsharpen", "none+tsharpen", 1),
        ("d4@gmean", "d4+gmean", 8),
        ("rot90(270),hflip,rot90(90)", "hflip,rot90-0-90-270", 4),
        ("rot90(90,270) , hflip @ gmean", "hflip,rot90-0-90-270+gmean", 4),
        ("hflip,none,flips", "flips", 4),
        ("vflip,d4,hflip+scale(0.5)", "d4,hflip+scale-0.5-1", 10),
        ("scale(0.5),scale(2),multiply(1.1)", "multiply-1-1.1,scale-0.5-1-2", 4),
        ("rot90(270, 90)", "rot90-0-90-270", 3),
        ("rot90(0,90,180,270)", "rot90", 4),
        ("scale(1.5)", "scale-1-1.5", 2),
        (" scale(1.5,0.75) + flips ", "flips+scale-0.75-1-1.5", 12),
        ("hflip+rot90+scale(0.75,1,1.5)+multiply(0.9,1,1.1)", "rot90+hflip+scale-0.75-1-1.5+multiply-0.9-1-1.1", 72),
    ],
)
def test_every_spelling_has_one_canonical_name(text, name, count):
    assert (parse_views(text).name, parse_views(text).count) == (name, count)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("d5", 'no view "d5"; did you mean "d4"?'),
        ("hflp+rot90", 'TTA "hflp+rot90": no view "hflp"; did you mean "hflip"?'),
        ("d4@gmaen", 'no merge "gmaen"; did you mean "gmean"?'),
        ("hflip,", 'no view ""'),
        ("hflip@max,vflip@gmean", "merges by max and gmean; give one"),
        ("d4@gmean+max", "merges by gmean and max; give one"),
        ("flips+hflip", "hflip is given twice"),
        ("hflip(1)", "hflip: takes no values"),
        ("d4(2)", "transpose: takes no values"),
        ("rot90(45)", "rot90: give angles of 0, 90, 180, 270"),
        ("scale", "scale: give factors of the network's size, 0.25 to 4"),
        ("scale(9)", "scale: give factors"),
        ("scale(a)", "'a' holds no numbers"),
        ("multiply(0)", "multiply: give factors of the channels"),
        ("scale[2]", "scale: give names joined by +"),
        ("", "names no views; give none, flips, d4, or steps"),
        ("flips+rot90", "16 flips and turns, of which 8 differ; give d4"),
        (f"multiply({','.join(f'{1 + n / 1000}' for n in range(60))})", "too long"),
    ],
)
def test_a_set_that_cannot_be_is_refused_with_advice(text, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        parse_views(text)


def test_sets_of_views_are_sorted_by_their_mirrored_and_turned_views():
    names = ["d4", "seen-by-others", "scale-0.75-1-1.25", "flips", "hflip", "none", "d4+gmean"]
    best_first = ["d4", "d4+gmean", "flips", "hflip", "none", "scale-0.75-1-1.25", "seen-by-others"]
    assert sorted(names, key=most_turned_first) == best_first


def test_views_are_spelled_without_torch():
    probe = "import sys, zoo.views; sys.exit(bool({'torch', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe]).returncode == 0


@pytest.mark.parametrize("text", ["d4", "hflip+rot90", "rot90", "transpose+rot90", "flips+scale(0.5)+multiply(2)"])
def test_single_views_are_what_their_steps_make_of_an_image(text):
    """Torch's transforms, one after the other, against the view that they add up to."""
    views = parse_views(text)
    image = torch.arange(16.0).reshape(1, 1, 1, 4, 4)
    chained = [view.augment_image(image) for view in compose(views, 32, 0.0)]
    singles = single_views(views)
    assert len(singles) == views.count == len(chained)
    for single, seen in zip(singles, chained):
        square = View(single.transpose, single.vflip, single.hflip)
        if single.scale == 1 and "scale" not in text:
            assert torch.equal(seen, square.apply(image) * single.multiply)
        assert (single.scale, single.multiply) in product((0.5, 1.0), (1.0, 2.0))

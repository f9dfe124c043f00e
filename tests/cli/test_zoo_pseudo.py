"""`cli zoo pseudo`, and rounds of it by the names of members alone."""

import json
import re
import shlex
from itertools import pairwise

import pytest

from tests.cli.conftest import Typed
from tests.scenes import write_record
from tests.zoo.training.cases import TINY_FILE, write_scenes


@pytest.fixture
def typed(tmp_path, typing_in) -> Typed:
    write_scenes(tmp_path / "scenes")
    return typing_in(tmp_path, "--data scenes --jobs 1")


def test_each_round_learns_from_the_labels_of_the_one_before(typed, tmp_path):
    teachers = {"first": None, "second": "first", "third": "second"}
    for name, teacher in teachers.items():
        learns = f'pseudo = "{teacher}"\npseudo_frames = [4]\n' if teacher else ""
        (tmp_path / f"{name}.toml").write_text(f"{TINY_FILE}batch = 2\nepochs = 1\n{learns}")
    assert typed("data folds --folds 2")[0] == 0
    code, said = typed("zoo train second.toml --fold all")
    assert code == 1
    assert 'second.toml: pseudo: no member "first", and none is trained in runs' in said.err
    found = {}
    for name in teachers:
        code, said = typed(f"zoo train {name}.toml --fold all --json")
        assert code == 0, said.err
        found[name] = json.loads(said.out)
        if name == "first":
            code, said = typed("zoo train second.toml --fold all")
            assert code == 1
            assert "has no labels of frame 4 in runs; run: cli zoo pseudo first --frames 4" in said.err
        if name != "third":
            code, said = typed(f"zoo pseudo {name} --frames 4")
            assert code == 0, said.err
            (line,) = said.out.splitlines()
            ref = line.partition(":")[0]
            assert line == f"{ref}: frame 4: 8 records by 2 sets"
            trained_as = f"runs/members/{ref.replace('@', '/')}/fold-0/recipe.toml"
            assert (
                f"next: cli zoo train {trained_as} --fold all --set pseudo={ref} --set 'pseudo_frames=[4]'" in said.err
            )
    assert [row["pseudo_samples"] for row in found["third"]] == [row["trained_on"] for row in found["third"]]
    (recipe,) = {path.read_text() for path in tmp_path.glob("runs/members/third/*/fold-*/recipe.toml")}
    assert 'pseudo = "second@' in recipe
    code, said = typed("zoo train third.toml --fold all")
    assert said.err.count("is trained already, reused") == 2
    assert typed("zoo verify")[0] == 0


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ("--frames 4,6,7", set()),
        ("--frames 7", {"pseudo_frames=[7]"}),
        ("--frames 5", {"pseudo_frames=[]", "distill=0.5"}),
        ("--unlabelled --tta hflip", {"pseudo_tta=hflip", "pseudo_frames=[]", "pseudo_unlabelled=[5]"}),
    ],
)
def test_next_command_trains_on_the_labels_that_were_made(typed, tmp_path, options, keys):
    (tmp_path / "first.toml").write_text(f"{TINY_FILE}batch = 2\nepochs = 1\n")
    write_record(tmp_path / "scenes", "test", "300")
    assert typed("data folds --folds 2")[0] == 0
    assert typed("zoo train first.toml --fold all --with-val")[0] == 0
    code, said = typed(f"zoo pseudo first {options}")
    assert code == 0, said.err
    (proposed,) = re.findall("^next: cli (.*)$", said.err, re.MULTILINE)
    words = shlex.split(proposed.replace(" --data scenes", ""))
    assert "--with-val" in words
    settings = {word for before, word in pairwise(words) if before == "--set"}
    assert {each for each in settings if not each.startswith("pseudo=first@")} == keys
    code, said = typed(f"{' '.join(words)} --plan")
    assert code == 0, said.err
    assert "zoo train" in said.out


@pytest.mark.parametrize("options", ["lite0-fc-t5 --ensemble default", "--ensemble default --tta d4", "--frames 4-6"])
def test_options_that_do_not_go_together_are_refused(typed, options):
    code, said = typed(f"zoo pseudo {options}")
    assert code == 2
    assert "give " in said.err

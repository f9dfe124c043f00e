"""`cli zoo export`, as it is typed."""

import json
import sys

import pytest

from cli.commands.zoo_export import export
from core.files import sha256_of_file, write_text
from tests.zoo.training.cases import trained, two_folds, write_scenes
from zoo.data import write_folds
from zoo.export import FORMATS


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    scenes = write_scenes(folder / "scenes")
    folds = two_folds(scenes)
    write_folds(folder / "runs" / "folds.csv", folds)
    trained(folder / "runs", scenes, folds, {"epochs": 1})
    return folder


@pytest.fixture
def typed(folder, typing_in):
    return typing_in(folder, "--data scenes --jobs 1")


def test_a_file_and_what_it_holds(typed, folder):
    code, said = typed("zoo export lite0-fc-t5 --fold 0 --format torchscript --out lite0.pt --json")
    assert code == 0, said.err
    document = json.loads(said.out)
    assert document == json.loads((folder / "lite0.pt.json").read_text())
    assert document["sha256"] == sha256_of_file(folder / "lite0.pt")
    assert document["input"]["shape"] == ["n", 3, 1, 256, 256]
    assert (document["input"]["bands"], document["input"]["frames"]) == ([11, 14, 15], [5])
    assert [one["fold"] for one in document["runs"]] == ["0"]
    assert document["compared"]["held_out"]
    assert document["compared"]["largest_difference"] <= 1e-4
    code, said = typed("zoo export lite0-fc-t5 --fold 0 --format torchscript --out lite0.pt")
    assert code == 2
    assert "exists already" in said.err
    code, said = typed(f"zoo export lite0-fc-t5@{document['recipe'][:6]} --fold 0 --format torchscript --out "
                       "lite0.pt --records 1 --force")  # fmt: skip
    assert code == 0, said.err
    assert "on 1 records" in said.out


def test_a_folder_is_no_file_to_write(typed):
    for force in ("", " --force"):
        code, said = typed(f"zoo export lite0-fc-t5 --fold 0 --format onnx --out .{force}")
        assert (code, said.err) == (2, "error: .: is a folder; name a file\n")


def test_which_of_several_recipes_is_taken_is_said(typed, folder):
    place = folder / "runs/members/lite0-fc-t5"
    (mine,) = (path.name for path in place.iterdir())
    (place / "another").mkdir()
    code, said = typed("zoo export lite0-fc-t5 --fold 0 --format torchscript --out which.pt --records 1")
    (place / "another").rmdir()
    assert code == 0, said.err
    assert f"note: lite0-fc-t5@{mine} is the newest that has these folds; others: lite0-fc-t5@another" in said.err


def test_a_fold_without_a_run_says_what_trains_it_by_the_same_recipe(typed, folder):
    (place,) = (folder / "runs/members/lite0-fc-t5").iterdir()
    code, said = typed("zoo export lite0-fc-t5 --format pt2 --out all.pt2")
    assert code == 1
    assert f"error: lite0-fc-t5@{place.name}: no complete run of fold 1; run: " in said.err
    assert "cli zoo train lite0-fc-t5 --fold 1 --set encoder=test_efficientnet --set weights=none" in said.err
    code, said = typed("zoo export lite0-fc-t5 --fold 2 --format pt2 --out all.pt2")
    assert code == 2
    assert "--fold 2: the split has folds 0 to 1" in said.err


@pytest.mark.parametrize(
    ("member", "fold", "words", "expected"),
    [
        ("lite0-fc-t", "0", 'runs: no trained member "lite0-fc-t"; did you mean "lite0-fc-t5"?', 2),
        ("xyz", "0", 'runs: no trained member "xyz"; known: lite0-fc-t5', 2),
        ("lite1-fc-t5", "0", "run: cli zoo train lite1-fc-t5 --fold 0", 1),
        ("lite1-fc-t5@zzz", "0", "run: cli zoo train lite1-fc-t5 --fold 0", 1),
        ("lite0-fc-t5@zzz", "0", "lite0-fc-t5@zzz: was not trained in runs; there are: lite0-fc-t5@{hash}", 1),
        (
            "lite0-fc-t5@{hash}",
            "1",
            "run: cli zoo train --member runs/members/lite0-fc-t5/{hash}/fold-0/recipe.toml --fold 1",
            1,
        ),
    ],
)
def test_what_is_not_trained_is_answered_with_what_is_or_what_can_be(typed, folder, member, fold, words, expected):
    (place,) = (folder / "runs/members/lite0-fc-t5").iterdir()
    member, words = member.format(hash=place.name), words.format(hash=place.name)
    code, said = typed(f"zoo export {member} --fold {fold} --format pt2 --out no.pt2")
    assert (code, words in said.err) == (expected, True), said.err


def test_a_listed_member_of_the_users_own_that_is_not_trained_is_answered_with_what_trains_it(typed, folder):
    write_text(folder / "own.toml", 'members = "own"\n')
    write_text(folder / "own/mine.toml", 'base = "lite0-fc-t5"\n')
    own = "--config own.toml --runs runs"
    for words in ("export mine --fold 0 --format pt2 --out no.pt2", "predict mine", "train lite0-fc-t5 --from mine"):
        code, said = typed(f"zoo {words} {own}")
        assert (code, "; run: cli zoo train mine --fold " in said.err) == (1, True), said.err


def test_a_missing_library_is_named_with_its_extra(typed, monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    code, said = typed("zoo export lite0-fc-t5 --fold 0 --format onnx --out m.onnx")
    assert code == 1
    assert "onnxscript is not installed; install the suite with its extra: contrail-ensemble[export]" in said.err
    assert not (folder / "m.onnx").exists()


@pytest.mark.parametrize(
    ("format_name", "name", "words"),
    [
        ("torchscript", "x.onnx", "x.onnx: is a name for onnx; give --format onnx, or --out x.pt"),
        ("onnx", "x.PT2", "x.PT2: is a name for pt2; give --format pt2, or --out x.onnx"),
        ("pt2", "x.pt", "x.pt: is a name for torchscript; give --format torchscript, or --out x.pt2"),
    ],
)
def test_a_name_of_another_format_is_refused_before_anything_is_read(typed, format_name, name, words):
    code, said = typed(f"zoo export nobody --format {format_name} --out {name}")
    assert (code, words in said.err, said.err.count("\n")) == (2, True, 1)


def test_the_formats_on_offer_are_those_there_are():
    (choice,) = [option.type.choices for option in export.params if option.name == "format_name"]
    assert list(choice) == FORMATS.names()

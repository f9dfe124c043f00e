"""`zoo.workflows.export`: a trained member as one file, and what is refused."""

import re
import shutil
import sys

import pytest

from core.errors import UsageError, UserError
from core.files import read_json, sha256_of_file, write_text
from tests.forks import Holding
from tests.heard import Heard
from tests.zoo.training.cases import trained_folder
from zoo.runs import Ref, Store
from zoo.workflows.export import export


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def scenes(folder):
    return trained_folder(folder, {"epochs": 1})[0]


@pytest.fixture
def exports(folder, scenes):
    """Export in the store of this module: result and what was heard."""

    def exports(member="lite0-fc-t5", out="no.pt2", **options):
        heard = Heard()
        options = {"form": "torchscript", "fold": "0", "jobs": 1, "listener": heard} | options
        return export(member, scenes, Store(folder / "runs"), folder / out, **options), heard

    return exports


@pytest.fixture
def recipe(folder, scenes):
    """Hash of the only recipe that is trained."""
    (place,) = (folder / "runs/members/lite0-fc-t5").iterdir()
    return place.name


def test_a_file_and_what_it_holds(exports, folder, recipe):
    exported, heard = exports(out="lite0.pt")
    document = exported.as_dict()
    assert document == read_json(folder / "lite0.pt.json")
    assert document["sha256"] == sha256_of_file(folder / "lite0.pt")
    assert document["input"]["shape"] == ["n", 3, 1, 256, 256]
    assert (document["input"]["bands"], document["input"]["frames"]) == ([11, 14, 15], [5])
    assert [one["fold"] for one in document["runs"]] == ["0"]
    assert exported.held_out
    assert exported.parity.largest_difference <= 1e-4
    assert heard.tasks == {"compare": [exported.parity.records] * 2}
    before = (folder / "lite0.pt").stat()
    Holding(folder / "lite0.pt").kill()
    same, heard = exports(out="lite0.pt", records=1)
    assert same.as_dict() == document and "reused" in heard.infos[-1]
    assert (folder / "lite0.pt").stat() == before
    assert not list(folder.glob(".*"))
    (folder / "lite0.pt.json").rename(folder / "aside")
    with pytest.raises(UsageError, match="exists with other content"):
        exports(out="lite0.pt")
    again, _ = exports(Ref("lite0-fc-t5", recipe[:6]), out="lite0.pt", records=1, force=True)
    assert again.parity.records == 1


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_is_no_file_to_write(exports, force):
    with pytest.raises(UsageError, match="is a folder, which is not replaced; name a file"):
        exports(out=".", force=force)


def test_which_of_several_recipes_is_taken_is_said(exports, folder, recipe):
    other = folder / "runs/members/lite0-fc-t5/another"
    other.mkdir()
    _, heard = exports(out="which.pt", records=1)
    shutil.rmtree(other)
    note = f"lite0-fc-t5@{recipe} is the newest with these folds; others: lite0-fc-t5@another"
    assert heard.notes == [note]


def test_a_fold_without_a_run_says_what_trains_it_by_the_same_recipe(exports, recipe):
    with pytest.raises(UserError, match=f"lite0-fc-t5@{recipe}: no complete run of fold 1") as raised:
        exports(fold="all", form="pt2")
    how = "cli zoo train lite0-fc-t5 --fold 1 --set encoder=test_efficientnet --set weights=none"
    assert str(raised.value.do).startswith(how)
    with pytest.raises(UsageError, match="--fold 2: the split has folds 0 to 1"):
        exports(fold="2", form="pt2")


@pytest.mark.parametrize(
    ("member", "fold", "words", "kind"),
    [
        ("lite0-fc-t", "0", '{runs}: no trained member "lite0-fc-t"; did you mean "lite0-fc-t5"?', UsageError),
        ("xyz", "0", '{runs}: no trained member "xyz"; known: lite0-fc-t5', UsageError),
        ("lite1-fc-t5", "0", "run: cli zoo train lite1-fc-t5 --fold 0", UserError),
        ("lite1-fc-t5@zzz", "0", "run: cli zoo train lite1-fc-t5 --fold 0", UserError),
        ("lite0-fc-t5@zzz", "0", "lite0-fc-t5@zzz: was not trained in {runs}; there are: {mine}", UserError),
        (
            "{mine}",
            "1",
            "run: cli zoo train {runs}/members/lite0-fc-t5/{recipe}/fold-0/recipe.toml",
            UserError,
        ),
    ],
)
def test_what_is_not_trained_is_answered_with_what_is_or_what_can_be(
    exports, folder, recipe, member, fold, words, kind
):
    names = {"runs": folder / "runs", "mine": f"lite0-fc-t5@{recipe}", "recipe": recipe}
    with pytest.raises(UserError, match=re.escape(words.format(**names))) as raised:
        exports(member.format(**names), fold=fold, form="pt2")
    assert isinstance(raised.value, UsageError) == (kind is UsageError)


def test_a_listed_member_of_the_users_own_that_is_not_trained_is_answered_with_what_trains_it(exports, folder):
    write_text(folder / "own/mine.toml", 'base = "lite0-fc-t5"\n')
    with pytest.raises(UserError) as raised:
        exports("mine", own_members=folder / "own", form="pt2")
    assert str(raised.value.do) == "cli zoo train mine --fold 0"


def test_a_missing_library_is_found_before_anything_is_written(exports, monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ModuleNotFoundError, match="onnxscript"):
        exports(out="m.onnx", form="onnx")
    assert not (folder / "m.onnx").exists()


@pytest.mark.parametrize(
    ("form", "name", "words"),
    [
        ("torchscript", "x.onnx", "x.onnx: is a name for format onnx; give --format onnx, or --out {folder}/x.pt"),
        ("onnx", "x.PT2", "x.PT2: is a name for format pt2; give --format pt2, or --out {folder}/x.onnx"),
        ("pt2", "x.pt", "x.pt: is a name for format torchscript; give --format torchscript, or --out {folder}/x.pt2"),
    ],
)
def test_a_name_of_another_format_is_refused_before_anything_is_read(exports, folder, form, name, words):
    with pytest.raises(UsageError, match=re.escape(words.format(folder=folder))):
        exports("nobody", out=name, form=form)

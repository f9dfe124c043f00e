"""Places in a store are found again as they were named, and the end of a run is read once."""

import sys
from pathlib import Path
from subprocess import run as execute

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from core.files import sha256_of_file, write_json
from zoo.runs import Ref, RunName, RunPlace, SetPlace, Store

REF = Ref("lite0-fc-t5", "3f2a00000000")


@pytest.fixture
def place(tmp_path):
    found = Store(tmp_path).run(REF, RunName("3", 7))
    found.folder.mkdir(parents=True)
    return found


def test_runs_lie_where_they_always_did(place, tmp_path):
    assert place.folder == tmp_path / "members/lite0-fc-t5/3f2a00000000/fold-3-seed-7"
    names = [path.name for path in (place.recipe_file, place.epochs, place.best, place.result, place.scaling)]
    assert names == ["recipe.toml", "epochs.jsonl", "best.safetensors", "result.json", "scaling.json"]
    assert [path.name for path in (place.state, place.stop, place.kept(4))] == [
        "last.pt",
        "stop",
        "epoch-4.safetensors",
    ]


def test_a_run_folder_is_found_and_no_other(place):
    for name in ("fold-3-seed-7-old", "notes", "fold-03"):
        (place.folder.parent / name).mkdir()
    (place.folder.parent / "fold-4").touch()
    store = place.store
    assert store.runs(REF) == [place]
    assert (store.trained_members(), store.recipes(REF.member)) == ([REF.member], [REF.recipe])
    assert store.runs(Ref("other", "a")) == store.recipes("other") == []


@given(fold=st.integers(0, 99).map(str), seed=st.integers(0, 99), split=st.sampled_from(["oof", "test", "mine"]))
def test_a_prediction_set_is_found_as_it_was_named(tmp_path_factory, fold, seed, split):
    place = SetPlace(Store(tmp_path_factory.mktemp("runs")), REF, split, RunName(fold, seed), "flips")
    place.folder.mkdir(parents=True)
    assert list(place.store.sets()) == list(place.store.sets(split, REF.member)) == [place]
    assert list(place.store.sets("else")) == []
    assert place.run == place.store.run(REF, RunName(fold, seed))


def end(place, weights=b"weights", **result):
    place.best.write_bytes(weights)
    place.write_result({"weights_sha256": sha256_of_file(place.best), **result})
    return place.ended()


def test_a_run_without_a_result_has_not_ended(place):
    place.best.write_bytes(b"weights")
    assert place.ended() is None


def test_the_end_of_a_run_is_what_its_files_were_when_they_were_read(place):
    ended = end(place, dice=0.5)
    assert (ended.complete, ended.done, ended.stopped, ended.result["dice"]) == (True, True, False, 0.5)
    place.best.write_bytes(b"other")
    assert ended.complete
    assert f"{place.best} has SHA-256 " in place.ended().fault


def test_weights_that_are_gone_and_a_torn_result_are_named(place):
    end(place)
    place.best.unlink()
    assert place.ended().fault == f"{place.best} is gone"
    for torn in ("", "{", "[]"):
        place.result.write_text(torn)
        ended = place.ended()
        assert (ended.fault, ended.done, ended.result) == (f"{place.result} is damaged", False, {})
    with pytest.raises(UserError, match=r"result\.json"):
        place.read_result()


def test_a_stopped_run_is_done_while_its_stop_file_is_there(place):
    place.stop.touch()
    assert end(place, stopped=True).done
    place.stop.unlink()
    ended = end(place, stopped=True)
    assert (ended.stopped, ended.complete, ended.done) == (True, True, False)


def test_ensembles_are_found_by_name(place):
    write_json(place.store.ensemble("mine"), {})
    assert place.store.ensembles() == ["mine"]


@pytest.mark.parametrize(("module", "absent"), [("zoo.runs", "numpy"), ("zoo.runs.find", "torch")])
def test_runs_are_found_without_torch(module, absent):
    probe = f"import {module}, sys; sys.exit('{absent}' in sys.modules)"
    assert execute([sys.executable, "-c", probe]).returncode == 0


def test_a_runs_recipe_file_tells_its_member_and_no_other_file_does(place, tmp_path, monkeypatch):
    assert RunPlace.member_of(place.recipe_file) == place.member
    monkeypatch.chdir(place.folder)
    assert RunPlace.member_of(Path("recipe.toml")) == place.member
    for other in (place.result, place.folder.with_name("notes") / "recipe.toml", tmp_path / "recipe.toml", Path("/a")):
        assert RunPlace.member_of(other) is None

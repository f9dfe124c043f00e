"""Recipes in stages, other runs' weights, a frozen encoder, an early end."""

import json
import shutil
from dataclasses import replace

import pytest
import torch

from core.errors import UnknownName, UsageError, UserError
from tests.heard import Heard
from tests.zoo.training.cases import TINY, complete, curve, done, plan, stopped, trained
from zoo.inference import load_network, predict_set
from zoo.members import load_member, with_settings
from zoo.models import build
from zoo.runs import Ref, Store
from zoo.runs.epochs import read_epochs
from zoo.runs.find import find_runs, most_trained
from zoo.runtime.checkpoints import read_weights
from zoo.training import check_run, pin_warm_start, run_datasets, train
from zoo.training.loop import is_trained
from zoo.training.warm_start import find_warm_start, load_warm_start, warm_start_changed

STAGES = {
    "batch": 2,
    "stages": [
        {"epochs": 1, "freeze": 1.0},
        {"epochs": 2, "freeze": 0.0, "augment": "flips"},
        {"size": 96, "epochs": 1},
    ],
}


@pytest.fixture(scope="module")
def staged(tmp_path_factory, scenes, folds):
    return trained(tmp_path_factory.mktemp("staged"), scenes, folds, STAGES)


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def encoder(weights):
    return {key: value for key, value in weights.items() if key.startswith("encoder.")}


def test_each_stage_changes_keys_of_the_one_before():
    recipe = with_settings(TINY, STAGES)
    assert [r.size for r in recipe.staged] == [64, 64, 96]
    assert [r.epochs for r in recipe.staged] == [1, 2, 1]
    assert [r.augment for r in recipe.staged] == ["d4", "flips", "flips"]
    assert recipe.final == recipe.staged[-1]
    assert TINY.staged == (TINY,)


def test_a_staged_member_reads_back_from_its_own_toml(tmp_path):
    recipe = with_settings(TINY, STAGES)
    (tmp_path / "mine.toml").write_text(recipe.as_toml())
    again = load_member("mine", tmp_path)
    assert again.staged[1:] == tuple(replace(r, name="mine") for r in recipe.staged[1:])
    assert again.hash(False, "x") == recipe.hash(False, "x") != TINY.hash(False, "x")


def test_what_is_set_holds_in_every_stage_or_in_the_one_that_is_named():
    recipe = with_settings(TINY, STAGES)
    assert [r.epochs for r in with_settings(recipe, {"epochs": 5}).staged] == [5, 5, 5]
    assert [r.size for r in with_settings(recipe, {"stages.2.size": 128, "lr": 0.5}).staged] == [64, 128, 96]
    assert with_settings(recipe, {"stages": []}).staged[0].size == 64
    one = {"stages.1.lr": 0.25, "stages.2.epochs": 7, "stages.3.epochs": 9, "epochs": 4}
    assert [(r.lr, r.epochs) for r in with_settings(recipe, one).staged] == [(0.25, 4), (recipe.lr, 7), (recipe.lr, 9)]


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"stages": [{"sise": 64}]}, UnknownName, 'stage 1: no key "sise"; did you mean "size"'),
        ({"stages": [{}, {"size": 3}]}, UsageError, "stage 2: size = 3; give a multiple"),
        ({"stages": [{"encoder": "resnet18"}]}, UsageError, "encoder is the same in all stages"),
        ({"stages": [3]}, UsageError, "give a table of keys"),
        ({"stages": 3}, UsageError, "stages = 3; give a list"),
        ({"stages.1.size": 64}, UsageError, "stages.1.size: has no stages; give size"),
        ({"stage": 3}, UnknownName, 'did you mean "stages"'),
        ({"freeze": 2}, UsageError, "give a share"),
        ({"patience": -1}, UsageError, "give 0 or more"),
        ({"start_from": "a@b@c"}, UsageError, "give MEMBER or MEMBER@HASH"),
    ],
)
def test_a_bad_stage_is_answered_in_one_line(settings, error, words):
    with pytest.raises(error) as caught:
        with_settings(TINY, settings)
    assert words in str(caught.value)
    assert type(caught.value) is error


def test_a_stage_starts_from_the_best_weights_of_the_one_before(staged):
    assert complete(staged)
    result = staged.read_result()
    assert [stage["epochs"] for stage in result["stages"]] == [1, 2, 1]
    assert result["dice"] == result["stages"][-1]["dice"]
    first, second, last = staged.stages
    assert last == staged
    assert second.read_result()["started_from"] == first.read_result()["weights_sha256"]
    assert result["started_from"] == second.read_result()["weights_sha256"]
    assert [epoch.stage for stage in staged.stages for epoch in read_epochs(stage)] == [1, 2, 2, 3]
    assert not any(stage.state.exists() for stage in staged.stages)


def test_a_frozen_encoder_stays_as_it_is(tmp_path, scenes, folds, staged):
    again = plan(tmp_path, folds, staged.recipe)
    torch.manual_seed(again.stages[0].random_seed("weights"))
    from zoo.models import build

    new = build(again.stages[0].taught).state_dict()
    first, second = (read_weights(stage.best) for stage in staged.stages[:2])
    assert same(encoder(first), encoder(new))  # its BatchNorm's statistics too
    assert not same(first, new)
    assert not same(encoder(second), encoder(first))


def test_an_encoder_thaws_in_the_middle_of_a_run(tmp_path, scenes, folds):
    keys = {"epochs": 2, "freeze": 0.5, "schedule": "constant", "warmup": 0.0}
    half = trained(tmp_path, scenes, folds, keys, fold="full")  # where the last epoch is the best
    torch.manual_seed(half.random_seed("weights"))
    new = build(half.taught).state_dict()
    assert not same(encoder(read_weights(half.best)), encoder(new))


def test_a_staged_run_cut_off_goes_on_with_the_same_curve(tmp_path, scenes, folds, staged):
    killed = plan(tmp_path, folds, staged.recipe)

    def kill(epoch):
        if (epoch.stage, epoch.epoch) == (2, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(killed, *run_datasets(killed, scenes, folds), "cpu", report=kill)
    assert not complete(killed)
    train(killed, *run_datasets(killed, scenes, folds), "cpu")
    assert [curve(stage) for stage in killed.stages] == [curve(stage) for stage in staged.stages]
    assert killed.best.read_bytes() == staged.best.read_bytes()


@pytest.mark.parametrize(("stage", "epochs", "trained_stages"), [(1, 1, [1]), (2, 1, [1, 1])])
def test_a_stop_file_ends_all_stages_and_once_it_is_gone_they_go_on(
    tmp_path, scenes, folds, staged, stage, epochs, trained_stages
):
    run = plan(tmp_path, folds, staged.recipe)
    seen, held = run_datasets(run, scenes, folds)

    def stop(epoch):
        if epoch.stage == stage:
            run.stop.touch()

    assert len(train(run, seen, held, "cpu", report=stop)) == len(trained_stages)
    assert (complete(run), stopped(run), done(run)) == (True, True, True)
    result = run.read_result()
    assert [row["epochs"] for row in result["stages"]] == trained_stages
    assert (result["stopped"], result["epochs"]) == (True, epochs)
    assert run.best.read_bytes() == run.stages[stage - 1].best.read_bytes()
    assert len(predict_set(run.ended(), scenes, held.records, split="oof").record_ids) == len(held)
    before = run.result.read_bytes()
    assert len(train(run, seen, held, "cpu")) == len(trained_stages)  # nothing is left to do
    assert run.result.read_bytes() == before
    run.stop.unlink()
    assert (complete(run), done(run)) == (True, False)
    train(run, seen, held, "cpu")
    assert (done(run), stopped(run)) == (True, False)
    assert [curve(one) for one in run.stages] == [curve(one) for one in staged.stages]
    assert run.best.read_bytes() == staged.best.read_bytes()


def test_the_score_of_stopped_stages_is_that_of_the_network_that_predicts(tmp_path, scenes, folds, staged, monkeypatch):
    monkeypatch.setattr("zoo.training.loop.score", lambda network, *_: (network.size / 1000, 0.25, 0.0))
    run = plan(tmp_path, folds, staged.recipe)
    run.folder.mkdir(parents=True)
    run.stop.touch()
    train(run, *run_datasets(run, scenes, folds), "cpu")
    assert load_network(run).size == 96
    result = run.read_result()
    assert (result["dice"], result["threshold"], result["stages"][0]["dice"]) == (0.096, 0.25, 0.064)


def test_a_stop_file_without_held_out_records_ends_all_stages(tmp_path, scenes, folds, staged):
    run = plan(tmp_path, folds, staged.recipe, fold="full")
    run.folder.mkdir(parents=True)
    run.stop.touch()
    assert len(train(run, *run_datasets(run, scenes, folds), "cpu")) == 1
    assert (done(run), run.read_result()["dice"]) == (True, None)


def test_a_stage_whose_start_has_changed_is_trained_again(tmp_path, scenes, folds):
    changes = {"stages": [{"epochs": 2}, {"epochs": 1}]}
    run = trained(tmp_path, scenes, folds, changes)
    first = run.stages[0]
    shutil.rmtree(run.folder / "stage-1")
    other = trained(tmp_path / "other", scenes, folds, changes | {"lr": 0.5}).stages[0]
    shutil.copytree(other.folder, first.folder)
    assert is_trained(first.ended(), find_warm_start(first))
    assert not is_trained(run.ended(), find_warm_start(run))
    train(run, *run_datasets(run, scenes, folds), "cpu")
    assert is_trained(run.ended(), find_warm_start(run))
    assert run.read_result()["started_from"] == other.read_result()["weights_sha256"]


def test_the_last_stage_predicts(scenes, folds, staged):
    _, held = run_datasets(staged, scenes, folds)
    made = predict_set(staged.ended(), scenes, held.records, split="oof")
    assert made.maps(made.record_ids).shape == (len(held), 256, 256)
    assert find_runs(staged.store, Ref(staged.recipe.name, staged.hash))[0].complete


def test_stages_whose_networks_differ_are_refused_before_anything_starts(tmp_path, scenes, folds):
    recipe = with_settings(TINY, {"stages": [{}, {"decoder_form": 1}]})
    with pytest.raises(UsageError, match="stage 2: its network differs from that of stage 1"):
        check_run(plan(tmp_path, folds, recipe), scenes, folds, "cpu")


def test_patience_ends_a_run_that_gets_no_better(tmp_path, scenes, folds, monkeypatch):
    scores = iter([0.2, 0.5, 0.4, 0.5, 0.9])
    monkeypatch.setattr("zoo.training.loop.score", lambda *_: (next(scores), 0.5, 0.0))
    run = trained(tmp_path, scenes, folds, {"epochs": 9, "patience": 2})
    assert complete(run)
    result = run.read_result()
    assert (result["epochs"], result["best_epoch"], result["lost_patience"]) == (4, 2, True)
    assert next(scores) == 0.9


def test_without_held_out_records_patience_has_no_end(tmp_path, scenes, folds):
    run = trained(tmp_path, scenes, folds, {"epochs": 3, "patience": 1}, fold="full")
    assert run.read_result()["epochs"] == 3


def test_a_run_starts_from_another_members_run_of_its_fold(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    recipe = with_settings(replace(TINY, name="heir"), {"epochs": 1, "lr": 1e-9, "start_from": source.recipe.name})
    pinned, _ = pin_warm_start(recipe, Store(tmp_path), ["0"], folds)
    assert pinned.start_from == f"{source.recipe.name}@{source.hash}"
    run = plan(tmp_path, folds, pinned)
    check_run(run, scenes, folds, "cpu")
    train(run, *run_datasets(run, scenes, folds), "cpu")
    assert run.read_result()["started_from"] == source.read_result()["weights_sha256"]
    names = [key for key, value in read_weights(source.best).items() if "weight" in key and value.ndim == 4]
    mine, theirs = read_weights(run.best), read_weights(source.best)
    for name in names:
        torch.testing.assert_close(mine[name], theirs[name], rtol=0, atol=1e-6)


def test_what_started_from_a_run_is_known_when_that_run_is_gone(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    recipe = with_settings(replace(TINY, name="heir"), {"epochs": 1, "start_from": source.recipe.name})
    run = plan(tmp_path, folds, pin_warm_start(recipe, Store(tmp_path), ["0"], folds)[0])
    train(run, *run_datasets(run, scenes, folds), "cpu")
    shutil.rmtree(source.folder.parents[1])
    assert [ended.run for ended in most_trained(Store(tmp_path), Ref("heir"), ["0"], folds.sha256)] == [run]


def test_a_stopped_run_is_no_start_until_it_is_trained_to_its_end(tmp_path, scenes, folds):
    source = plan(tmp_path, folds, with_settings(TINY, {"epochs": 2}))
    trained(tmp_path, scenes, folds, {"epochs": 2}, report=lambda epoch: source.stop.touch())
    recipe = with_settings(replace(TINY, name="heir"), {"epochs": 1, "start_from": source.recipe.name})
    pinned = replace(recipe, start_from=f"{source.recipe.name}@{source.hash}")
    assert stopped(source)
    for ask in (
        lambda: pin_warm_start(recipe, Store(tmp_path), ["0"], folds),
        lambda: check_run(plan(tmp_path, folds, pinned), scenes, folds, "cpu"),
    ):
        with pytest.raises(UserError, match=f"fold 0 was stopped before its end; remove {source.stop} if .* resume"):
            ask()
    source.stop.unlink()
    train(source, *run_datasets(source, scenes, folds), "cpu")
    assert pin_warm_start(recipe, Store(tmp_path), ["0"], folds)[0] == pinned


def test_a_start_of_another_seed_is_not_one_that_has_changed(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    start = f"{source.recipe.name}@{source.hash}"
    heir = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1, "start_from": start}), seed=1)
    train(heir, *run_datasets(heir, scenes, folds), "cpu")
    assert not warm_start_changed(heir.ended())
    own = replace(source, seed=1)
    train(own, *run_datasets(own, scenes, folds), "cpu")
    assert not warm_start_changed(heir.ended())
    shutil.rmtree(source.folder)
    assert warm_start_changed(heir.ended())


@pytest.mark.parametrize("wanted", [["1"], ["0", "1"], ["full"]])
def test_a_run_of_another_fold_is_no_start(tmp_path, scenes, folds, wanted):
    trained(tmp_path, scenes, folds, {"epochs": 1})
    recipe = with_settings(TINY, {"start_from": TINY.name})
    with pytest.raises(
        UserError, match="start_from: lite0-fc-t5: no complete run of fold .* run: cli zoo train lite0-fc-t5 --fold"
    ):
        pin_warm_start(recipe, Store(tmp_path), wanted, folds)


def test_a_foreign_folder_is_no_start_and_keeps_no_other_from_being_one(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    backup = source.folder.parent.with_name("backup")
    shutil.copytree(source.folder, backup / "fold-0")
    recipe, heard = with_settings(replace(TINY, name="heir"), {"start_from": TINY.name}), Heard()
    pinned, _ = pin_warm_start(recipe, Store(tmp_path), ["0"], folds, heard)
    assert pinned.start_from == f"{TINY.name}@{source.hash}"
    (note,) = heard.notes
    assert f"{backup / 'fold-0'}; remove them" in note


def test_a_run_of_another_split_is_no_start(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    other = replace(folds, rows=tuple(replace(row, fold=1 - row.fold) for row in folds.rows))
    assert other.sha256 != source.folds_sha256
    with pytest.raises(UserError, match="no complete run of fold 0 of this split"):
        pin_warm_start(with_settings(TINY, {"start_from": TINY.name}), Store(tmp_path), ["0"], other)


def test_weights_of_another_encoder_are_refused_before_anything_starts(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    start = f"{source.recipe.name}@{source.hash}"
    recipe = with_settings(TINY, {"encoder": "test_convnext", "start_from": start})
    with pytest.raises(UserError, match=r"of another encoder or input \(first odd name encoder\."):
        check_run(plan(tmp_path, folds, recipe), scenes, folds, "cpu")


def test_the_normalisation_of_the_input_is_no_weight(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    network = build(with_settings(TINY, {"weights": "none"}))
    network.mean.fill_(7.0)
    assert load_warm_start(network, source.best) == []
    assert (network.mean == 7).all()


def test_another_decoder_begins_anew_on_the_same_encoder(tmp_path, scenes, folds):
    source = trained(tmp_path, scenes, folds, {"epochs": 1})
    start = f"{source.recipe.name}@{source.hash}"
    run = trained(tmp_path, scenes, folds, {"decoder_form": 1, "start_from": start, "epochs": 1})
    assert complete(run)
    assert json.loads(run.result.read_text())["started_from"] == source.read_result()["weights_sha256"]

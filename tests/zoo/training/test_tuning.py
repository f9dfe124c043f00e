"""The search: what it tries first, that it goes on where it was cut off, what it prunes and writes."""

import re
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from optuna.trial import TrialState
from safetensors.torch import save_file

from core.dice import Counts
from core.errors import UsageError, UserError
from core.files import sha256_of_file
from tests.heard import Heard
from tests.scenes import write_record
from tests.zoo.training.cases import TINY, two_folds, write_scenes
from zoo.data import Assignment, Folds, open_scenes
from zoo.members import load_member, with_settings
from zoo.members.space import Choice, Range
from zoo.runs import Store
from zoo.training import tuning as module
from zoo.training.scoring import NotFinite
from zoo.training.tuned_member import tuned_member
from zoo.training.tuning import Tuning, is_baseline, remaining_space

SPACE = (("lr", Range(low=1e-4, high=1e-1, log=True)), ("frames", Choice(((5,), (4, 5)))), ("batch", Choice((2, 4))))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


def make_search(scenes, root, **keys):
    recipe = with_settings(TINY, {"epochs": 1})
    given = {"recipe": recipe, "space": SPACE, "fold": "0", "folds": two_folds(scenes), "store": Store(root)}
    return Tuning(**(given | keys))


@pytest.fixture
def search(scenes, tmp_path):
    return lambda **keys: make_search(scenes, tmp_path, **keys)


def score_without_training(monkeypatch):
    """Trials that cost nothing: an epoch's Dice is the rate's, so that the best is known."""

    def train(run, seen, held, device, listener, report):
        run.folder.mkdir(parents=True)
        for number in range(1, run.recipe.epochs + 1):
            report(module.Epoch(epoch=number, loss=1.0, lr=0.1, seconds=0.0, dice=run.recipe.lr, threshold=0.5))
        run.write_result({"dice": run.recipe.lr})

    monkeypatch.setattr(module, "train", train)
    monkeypatch.setattr(module, "run_datasets", lambda *_: ((), ()))
    monkeypatch.setattr(module, "held_out_counts", lambda *_: np.zeros((0, 3), np.int64))


@pytest.fixture
def scored(monkeypatch):
    score_without_training(monkeypatch)


@pytest.fixture(scope="module")
def undisturbed(scenes, tmp_path_factory):
    """The search of seed 1 after eight trials that nothing cut off."""
    tuning = make_search(scenes, tmp_path_factory.mktemp("undisturbed"), seed=1)
    with pytest.MonkeyPatch.context() as patch:
        score_without_training(patch)
        for _ in range(8):
            tuning.next_trial(scenes)
    return tuning


def test_a_real_trial_is_a_run_and_leaves_none_behind(search, scenes, tmp_path):
    tuning, epochs = search(), []
    trial = tuning.next_trial(scenes, "cpu", report=lambda run, epoch: epochs.append(epoch.dice))
    assert tuning.values_of(trial) == {"lr": TINY.lr, "frames": (5,), "batch": 2}  # the member as it is comes first
    assert trial.state == TrialState.COMPLETE
    assert [trial.value] == epochs
    counts = np.array(trial.user_attrs[module.COUNTS])
    assert Counts.of(counts).dice == pytest.approx(trial.value)  # of the same maps, at the same threshold
    assert len(counts) == sum(fold == 0 for fold in two_folds(scenes).fold_of.values())
    assert tuning.best_corrected == trial.value  # the only one
    assert not (tmp_path / "members" / "lite0-fc-t5.tuning").exists()
    assert [trial.number for trial in search().finished] == [0]  # the same call finds the same file


def test_the_search_goes_on_where_it_was_cut_off(search, scenes, scored, undisturbed, monkeypatch):
    cut = search(seed=1)
    for _ in range(3):
        cut.next_trial(scenes)
    whole = module.train
    monkeypatch.setattr(module, "train", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        cut.next_trial(scenes)
    monkeypatch.setattr(module, "train", whole)
    cut = replace(cut)  # another process knows no more than the file
    (killed,) = cut.study.get_trials(states=(TrialState.RUNNING,))
    again = cut.next_trial(scenes)
    assert again.params == killed.params
    assert [trial.params for trial in cut.finished] == [trial.params for trial in undisturbed.finished[:4]]
    assert cut.study.get_trials(states=(TrialState.RUNNING,)) == []


@pytest.mark.parametrize(("over", "drawn"), [(0, 0), (1, 0), (1, 1), (6, 1), (6, 3)])
def test_a_trial_that_was_killed_before_or_after_its_values_were_drawn_leaves_no_mark(
    search, scenes, scored, undisturbed, over, drawn
):
    cut = search(seed=1)
    for _ in range(over):
        cut.next_trial(scenes)
    cut._resume()
    cut.study.sampler = cut._sampler()
    killed = cut.study.ask({key: module._distribution(entry) for key, entry in SPACE[:drawn]})
    cut = replace(cut)
    while len(cut.finished) < 8:
        cut.next_trial(scenes)
    assert [cut.values_of(trial) for trial in cut.finished] == [
        undisturbed.values_of(trial) for trial in undisturbed.finished
    ]
    assert [trial.number for trial in cut.study.trials if trial.state == TrialState.FAIL] == [killed.number]


@pytest.mark.parametrize("stages", [(), ((("epochs", 1),), (("epochs", 2),))])
def test_a_trial_that_goes_on_has_all_its_epochs_judged(search, scenes, monkeypatch, stages):
    recipe = replace(TINY, stages=stages)
    whole = search(recipe=recipe, store=Store(search().store.root / "whole")).next_trial(scenes, "cpu")
    tuning = search(recipe=recipe)

    def kill(run, epoch):
        if tuning.study.trials[0].intermediate_values.keys() == {1}:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tuning.next_trial(scenes, "cpu", kill)
    told = []
    again = replace(tuning).next_trial(scenes, "cpu", lambda run, epoch: told.append(epoch))
    assert again.intermediate_values == whole.intermediate_values
    assert list(again.intermediate_values) == [1, 2, 3]
    assert len(told) == 1  # the first two were shown before


def test_a_trial_that_was_cut_off_before_it_was_judged_is_judged_first(search, scenes, scored, monkeypatch):
    tuning = search(recipe=with_settings(TINY, {"epochs": 8}), space=SPACE[:1])
    for _ in range(module.STARTUP):
        tuning.next_trial(scenes)
    rates = sorted(trial.params["lr"] for trial in tuning.finished)
    behind = [module.Epoch(epoch=n, loss=1.0, lr=0.1, seconds=0.0, dice=rates[0] / 2) for n in range(1, 8)]
    monkeypatch.setattr(module, "_trained_epochs", lambda run: run.folder.mkdir(parents=True) or behind)
    monkeypatch.setattr(module, "train", lambda *_, **__: pytest.fail("trained on"))
    assert tuning.next_trial(scenes).state == TrialState.PRUNED


def test_weights_that_are_searched_lie_beside_the_member_and_count_by_content(search, scenes, tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    torch.manual_seed(0)
    save_file(timm.create_model(TINY.encoder).state_dict(), tmp_path / "mine" / "own.safetensors")
    text = with_settings(TINY, {"epochs": 1}).as_toml() + '[tune]\nweights = ["none", "own.safetensors"]\n'
    (tmp_path / "mine" / "mine.toml").write_text(text)
    mine = load_member(str(tmp_path / "mine" / "mine.toml"))
    tuning = search(recipe=mine, space=mine.tune)
    tuning.check(scenes, "cpu")
    path = str(tmp_path / "mine" / "own.safetensors")
    before = tuning.run_of({"weights": path})
    assert before.recipe.weights_sha256 == sha256_of_file(tmp_path / "mine" / "own.safetensors")[:12]
    torch.manual_seed(1)
    save_file(timm.create_model(TINY.encoder).state_dict(), path)
    assert tuning.run_of({"weights": path}).hash != before.hash

    def train(run, *_, **__):
        run.folder.mkdir(parents=True)
        run.write_result({"dice": 0.9 if run.recipe.weights == path else 0.1})

    score_without_training(monkeypatch)
    monkeypatch.setattr(module, "train", train)
    for _ in range(6):
        tuning.next_trial(scenes)
    (tmp_path / "found.toml").write_text(tuned_member(tuning, str(tmp_path / "mine" / "mine.toml"), mine))
    assert load_member(str(tmp_path / "found.toml")).weights == path


def test_a_trial_that_others_leave_behind_is_pruned(search, scenes, scored):
    tuning = search(recipe=with_settings(TINY, {"epochs": 8}), space=SPACE[:1])
    for _ in range(module.STARTUP):
        tuning.next_trial(scenes)
    rates = sorted(trial.params["lr"] for trial in tuning.finished)
    tuning.study.enqueue_trial({"lr": rates[0] / 1.01})
    trial = tuning.next_trial(scenes)
    assert trial.state == TrialState.PRUNED
    assert 0 < len(trial.intermediate_values) < 8
    assert tuning.best.params["lr"] == rates[-1]


def test_a_trial_that_blows_up_is_a_bad_one_and_no_more(search, scenes, scored, monkeypatch):
    tuning = search()

    def blow_up(*_, **__):
        tuning.run_of({"lr": TINY.lr}).folder.mkdir(parents=True)
        raise NotFinite("step 1: the loss is not finite")

    monkeypatch.setattr(module, "train", blow_up)
    assert tuning.next_trial(scenes).state == TrialState.PRUNED


def test_values_that_were_tried_are_not_trained_again(search, scenes, scored, monkeypatch):
    tuning, trained, heard = search(space=(("lr", Choice((TINY.lr, 0.5))),)), [], Heard()
    whole = module.train
    monkeypatch.setattr(module, "train", lambda run, *rest, **keys: trained.append(run) or whole(run, *rest, **keys))
    trials = [tuning.next_trial(scenes, listener=heard) for _ in range(6)]
    assert len(trained) == 2
    assert {trial.value for trial in trials} == {TINY.lr, 0.5}
    assert [list(trial.intermediate_values) for trial in trials] == [[1]] * 6
    assert len(heard.infos) == 4
    same = [f"trial 5: has the same values as trial {number} and is not trained again" for number in range(3)]
    assert heard.infos[-1] in same


def test_what_is_found_is_a_member_that_says_how(search, scenes, scored, tmp_path):
    tuning = search()
    for _ in range(3):
        tuning.next_trial(scenes)
    text = tuned_member(tuning, "lite0-fc-t5", load_member("lite0-fc-t5"))
    (tmp_path / "found.toml").write_text(text)
    found, best = load_member(str(tmp_path / "found.toml")), tuning.values_of(tuning.best)
    assert {key: getattr(found, key) for key in best} == best
    assert found.encoder == TINY.encoder  # what --set changed stays changed
    assert found.epochs == load_member("lite0-fc-t5").epochs
    assert f"Dice {tuning.best.value:.4f} on fold 0: the best of 3 trials of 1 epoch" in text
    assert "optimistic" in text


def test_a_tuned_member_trains_as_long_as_its_stages_did(search, scenes, scored):
    shipped = load_member("lite0-fc-t5-staged")
    space = (("lr", Range(low=1e-4, high=1e-1, log=True)),)
    tuning = search(recipe=with_settings(replace(TINY, stages=shipped.stages), {"epochs": 1}), space=space)
    tuning.next_trial(scenes)
    text = tuned_member(tuning, shipped.name, shipped)
    assert "stages" not in text
    assert "epochs =" not in text


def test_values_that_clash_cost_one_trial_and_not_the_search(search, scenes, scored):
    space = (("schedule", Choice(("constant", "one_cycle"))), ("warmup", Choice((0.0, 0.3))))
    tuning = search(space=space, seed=3)
    for _ in range(8):
        tuning.next_trial(scenes)
    states = {trial.state for trial in tuning.finished}
    assert len(tuning.finished) == 8
    assert states == {TrialState.COMPLETE, TrialState.PRUNED}


@pytest.mark.parametrize("fold", ["full", "all", "7"])
def test_a_fold_that_cannot_judge_is_refused_with_those_that_can(search, fold):
    with pytest.raises(UsageError, match=f"--fold {fold}: .* the split has folds 0 to 1; give one of them"):
        search(fold=fold)


def test_a_fold_without_a_contrail_ranks_no_trial(search, tmp_path):
    for number in range(4):
        write_record(tmp_path / "empty", "train", str(number), mask=60 * (number < 2))
    folds = Folds(tuple(Assignment(str(number), int(number >= 2)) for number in range(4)))
    with pytest.raises(UserError, match="fold 1 holds no contrail pixel: its Dice ranks no trial"):
        search(fold="1", folds=folds).check(open_scenes(tmp_path / "empty"), "cpu")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("batch = [2, 0]", "batch: 0 cannot be tried: batch = 0; give 1 to 1,000,000"),
        ('optimizer = ["adamw", "adamm"]', "optimizer: 'adamm' cannot be tried: no optimizer \"adamm\"; did you mean"),
        ('encoder = ["test_resnt"]', "encoder: 'test_resnt' cannot be tried: no encoder \"test_resnt\"; did you mean"),
        ('loss = ["0.5bce"]', 'loss: \'0.5bce\' cannot be tried: loss = "0.5bce": "0.5bce" is not a valid term'),
        (
            'loss = ["dice", "tversky(alfa=1)"]',
            "'tversky(alfa=1)' cannot be tried: no option of tversky \"alfa\";",
        ),
        ('augment = ["d4+mosiac"]', "'d4+mosiac' cannot be tried: no augment \"mosiac\"; did you mean"),
        ("frames = [[5], [4]]", "frames: [4] cannot be tried"),
        ("size = { low = 64, high = 128 }", "size: 65 cannot be tried: size = 65; give a multiple of 32"),
        ("batch = { low = 1.5, high = 4.0 }", "batch: 1.5 cannot be tried: batch = 1.5; give a whole number"),
        ('decoder = ["deeplabv3plus"]', "decoder: 'deeplabv3plus' cannot be tried: "),
        ('input = ["fc", "all_bands_min_max"]', "input: 'all_bands_min_max' cannot be tried: "),
        ("label_smoothing = [0.1]", "label_smoothing: 0.1 cannot be tried: "),
        ("stages.1.lr = [1.0]", "stages.1.lr: 1.0 cannot be tried: stages.1.lr: has no stages; give lr"),
    ],
)
def test_a_value_that_no_trial_could_have_is_refused_before_the_first(search, scenes, tmp_path, line, words):
    """In one line, with the file, the key and the value."""
    encoder = "test_vit3" if "deeplab" in line else TINY.encoder
    recipe = with_settings(TINY, {"encoder": encoder, "decoder_channels": [], "loss": "dice"})
    (tmp_path / "mine.toml").write_text(recipe.as_toml() + f"[tune]\n{line}\n")
    mine = load_member("mine", tmp_path)
    with pytest.raises(UserError) as caught:
        search(recipe=mine, space=mine.tune).check(scenes, "cpu")
    said = str(caught.value)
    assert said.startswith(f"{tmp_path / 'mine.toml'}: [tune] ")
    assert words in said
    assert "\n" not in said
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("keys", [{"adapt": True}, {"soup": 2}])
def test_a_recipe_that_is_not_one_run_that_trains_is_refused(search, keys):
    with pytest.raises(UsageError, match=f"{next(iter(keys))}: trials are single runs that train"):
        search(recipe=with_settings(TINY, {"start_from": "m", **keys}))


def test_what_can_be_tried_is_not_refused(search, scenes):
    search().check(scenes, "cpu")
    for name in ("lite0-fc-t5", "lite0-fc-t5-staged"):
        shipped = load_member(name)
        changes = {"encoder": TINY.encoder, "weights": "none", "size": 64, "batch": 2}
        search(recipe=with_settings(shipped, changes), space=shipped.tune).check(scenes, "cpu")


STAGED = with_settings(TINY, {"stages": [{"epochs": 1, "lr": 0.01}, {"epochs": 1, "lr": 0.02}]})
OWN = {
    "of a stage": (STAGED, (("stages.2.lr", Choice((0.02, 0.5))),), {"stages.2.lr": 0.02}),
    "another in each stage": (STAGED, (("lr", Choice((0.01, 0.5))),), {"lr": None}),
    "outside of the space": (TINY, (("batch", Choice((4, 8))),), {"batch": 2}),
    "partly outside": (TINY, (("batch", Choice((4, 8))), ("lr", SPACE[0][1])), {"batch": 2, "lr": TINY.lr}),
}


@pytest.mark.parametrize("case", OWN)
def test_the_member_as_it_is_comes_first_whatever_the_space(search, scenes, monkeypatch, case):
    recipe, space, own = OWN[case]
    tuning, tried = search(recipe=recipe, space=space), []

    def train(run, *_, **__):
        tried.append(run.recipe)
        run.folder.mkdir(parents=True)
        run.write_result({"dice": 0.5})

    score_without_training(monkeypatch)
    monkeypatch.setattr(module, "train", train)
    first, second = tuning.next_trial(scenes), tuning.next_trial(scenes)
    assert tried[0].resolved == recipe.resolved != tried[1].resolved
    assert (tuning.baseline, tuning.best) == (first, first)  # the other is not better
    assert tuning.values_of(first) == own
    assert tuning.values_of(second) != own


def test_it_comes_first_again_where_it_was_cut_off(search, scenes, scored, monkeypatch):
    tuning, whole = search(), module.train
    monkeypatch.setattr(module, "train", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        tuning.next_trial(scenes)
    monkeypatch.setattr(module, "train", whole)
    again = replace(tuning)
    first = again.next_trial(scenes)
    again.next_trial(scenes)
    assert first.value == TINY.lr
    assert [is_baseline(trial) for trial in again.finished] == [True, False]


def test_what_was_set_by_hand_stands_apart_from_what_was_found(search, scenes, scored):
    tuning = search(space=(("lr", Choice((TINY.lr * 2,))),))
    for _ in range(2):
        tuning.next_trial(scenes)
    lines = tuned_member(tuning, "lite0-fc-t5", load_member("lite0-fc-t5")).splitlines()
    note = lines.index("# Not searched, but the same in all trials, by --set:")
    assert lines[lines.index('base = "lite0-fc-t5"') + 1 : note] == [f"lr = {TINY.lr * 2}"]
    assert [line.split(" = ")[0] for line in lines[note + 1 :]] == [
        *("encoder", "weights", "decoder_channels", "size", "crop", "batch", "precision")
    ]


GIVEN = {
    "lr": {"batch", "stages.2.epochs"},
    "stages.2.lr": {"batch", "stages.2.epochs"},
    "stages.1.lr": {"batch", "stages.2.lr", "stages.2.epochs"},
    "epochs": {"lr", "batch", "stages.2.lr"},
    "stages": {"lr", "batch"},
    "size": {"lr", "batch", "stages.2.lr", "stages.2.epochs"},
}


@pytest.mark.parametrize("given", GIVEN)
def test_what_is_given_is_not_searched_in_a_stage_either(given):
    space = tuple((key, Choice((1, 2))) for key in ("lr", "batch", "stages.2.lr", "stages.2.epochs"))
    assert dict(remaining_space(space, [given])).keys() == GIVEN[given]


def test_how_long_a_stage_goes_on_is_kept_where_that_was_searched(search, scenes, scored):
    recipe = replace(TINY, stages=load_member("lite0-fc-t5-staged").stages)
    space = (("stages.1.epochs", Choice((7,))), ("lr", Choice((0.5,))))
    tuning = search(recipe=with_settings(recipe, {"epochs": 1}), space=space)
    for _ in range(2):
        tuning.next_trial(scenes)
    text = tuned_member(tuning, "lite0-fc-t5-staged", load_member("lite0-fc-t5-staged"))
    (stages,) = [line for line in text.splitlines() if line.startswith("stages = ")]
    assert re.findall(r"epochs = \d+", stages) == [f"epochs = {number}" for number in (7, 3, 5, 4)]


def test_a_torn_file_of_trials_is_named(search, scenes):
    tuning = search()
    tuning.path.parent.mkdir(parents=True)
    tuning.path.write_bytes(b"no database")
    with pytest.raises(UserError, match="is not a file of trials"):
        tuning.next_trial(scenes)

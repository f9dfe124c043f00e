"""Runs that were killed or stopped: they go on with the curve of an undisturbed one."""

import os
import re
import signal

import pytest
import torch

from core.errors import UserError
from core.files import write_text
from tests.forks import exit_code, forked
from tests.heard import Heard
from tests.zoo.training.cases import TINY, complete, curve, done, plan, stopped, trained
from zoo.members import with_settings
from zoo.runs import Ref, Store
from zoo.runs.epochs import read_epochs
from zoo.runs.find import find_runs
from zoo.training import run_datasets, train
from zoo.training.loop import steps_per_epoch


def cut_off(run, scenes, folds, step, **keys):
    """Train until so many steps are done, then as if the process were interrupted."""

    def interrupt():
        if len(heard.steps) == step:
            raise KeyboardInterrupt

    heard = Heard(interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(run, *run_datasets(run, scenes, folds), "cpu", heard, **keys)
    assert not complete(run)


# Two steps of an epoch: cut off after the first epoch, and in the middle of the second one.
LONGER = {"crop": 128, "batch": 4, "epochs": 2}
WAYS = {
    "plain": {},
    "of SGD, accumulated": {"optimizer": "sgd", "lr": 0.01, "batch": 2, "accumulate": 2, "clip": 1.0},
    "of moving averages, of sampled scenes": {"ema": 0.9, "sample_positives": 0.5},
    "of hard records": {"sample_hard": 0.5},
    "half frozen, averaged": {"freeze": 0.5, "average_best": 2},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_cut_off_anywhere_goes_on_with_the_same_curve(tmp_path, scenes, folds, way):
    whole = trained(tmp_path / "whole", scenes, folds, LONGER | WAYS[way])
    steps = steps_per_epoch(whole.recipe, len(run_datasets(whole, scenes, folds)[0]))
    assert steps > 2
    for step in (steps - 1, steps + 2):
        killed = plan(tmp_path / f"killed-{step}", folds, whole.recipe)
        cut_off(killed, scenes, folds, step, save_every=0.0)
        heard = Heard()
        train(killed, *run_datasets(killed, scenes, folds), "cpu", heard)
        epoch, done = divmod(step - 1, steps)
        assert heard.infos == [f"{killed.label}: resumes from epoch {epoch + 1}/2, step {done + 1}/{steps}"]
        assert heard.steps[0] == step - 1  # the step that was cut off had not been saved
        assert heard.tasks == {killed.label: [2 * steps, 2 * steps]}
        assert curve(killed) == curve(whole)
        assert killed.best.read_bytes() == whole.best.read_bytes()


def test_a_process_killed_in_the_middle_of_an_epoch_goes_on_with_the_same_curve(tmp_path, scenes, folds):
    whole = trained(tmp_path / "whole", scenes, folds, LONGER)
    killed = plan(tmp_path / "killed", folds, whole.recipe)

    def kill():
        if len(heard.steps) == 6:
            os.kill(os.getpid(), signal.SIGKILL)

    heard = Heard(kill)
    datasets = run_datasets(killed, scenes, folds)
    child = forked(lambda: train(killed, *datasets, "cpu", heard, save_every=0.0))
    assert exit_code(child) == -signal.SIGKILL
    killed = trained(tmp_path / "killed", scenes, folds, LONGER)
    assert curve(killed) == curve(whole)
    assert killed.best.read_bytes() == whole.best.read_bytes()


@pytest.fixture
def threads():
    """Sets the number of threads that compute, until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_the_same_threads_give_the_same_bits_and_others_are_told_apart(tmp_path, scenes, folds, threads):
    made = []
    for number, count in enumerate((1, 2, 2)):
        threads(count)
        run = trained(tmp_path / str(number), scenes, folds, {"epochs": 1})
        made.append((run.read_result()["made_with"], run.best.read_bytes()))
    assert [each[0]["threads"] for each, _ in made] == [1, 2, 2]
    assert made[1] == made[2]


def test_a_run_that_goes_on_with_other_threads_says_so(tmp_path, scenes, folds, threads):
    threads(1)
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 2}))
    cut_off(run, scenes, folds, 3, save_every=0.0)
    threads(2)
    heard = Heard()
    train(run, *run_datasets(run, scenes, folds), "cpu", heard)
    (line,) = (line for line in heard.infos if "resumes with" in line)
    assert re.search(r"threads 2, torch \S+ instead of .*threads 1, .*: the last bits may differ", line)
    assert [each["threads"] for each in run.read_result()["made_with"]] == [1, 2]


def test_a_run_goes_on_in_the_precision_that_it_began_in(tmp_path, scenes, folds, monkeypatch):
    monkeypatch.setattr("zoo.training.step.training_precision", lambda *_: "fp16")

    def kill(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, scenes, folds, {"epochs": 2}, report=kill)
    monkeypatch.setattr("zoo.training.step.training_precision", lambda *_: "fp32")
    assert trained(tmp_path, scenes, folds, {"epochs": 2}).read_result()["precision"] == "fp16"


def test_a_run_cut_off_between_its_state_and_its_best_weights_makes_them_again(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 1}))

    def kill(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(run, *run_datasets(run, scenes, folds), "cpu", report=kill)
    good = run.best.read_bytes()
    run.best.write_bytes(b"of an epoch before")
    train(run, *run_datasets(run, scenes, folds), "cpu", report=lambda epoch: pytest.fail("trained again"))
    assert complete(run)
    assert run.best.read_bytes() == good


def test_the_state_goes_when_the_run_has_come_to_its_end(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    examples = run_datasets(run, scenes, folds)
    train(run, *examples, "cpu", report=told_to_stop(run))
    assert run.state.is_file()
    older = run.state.read_bytes()
    run.stop.unlink()
    train(run, *examples, "cpu")
    assert not run.state.exists()
    for state in (None, older):  # earlier releases left theirs
        if state:
            run.state.write_bytes(state)
        assert done(run)
        assert len(train(run, *examples, "cpu", report=lambda epoch: pytest.fail("trained again"))) == 3


def test_a_run_cut_off_before_the_lines_of_its_last_epoch_has_them_in_the_end(tmp_path, scenes, folds, monkeypatch):
    whole = trained(tmp_path / "whole", scenes, folds, {"epochs": 2})
    written = []

    def cut_off_at_the_last(path, text):
        if path.name == "epochs.jsonl" and text.count("\n") == 2 and not written:
            written.append(path)
            raise KeyboardInterrupt
        write_text(path, text)

    monkeypatch.setattr("zoo.training.loop.write_text", cut_off_at_the_last)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", scenes, folds, {"epochs": 2})
    assert curve(trained(tmp_path / "killed", scenes, folds, {"epochs": 2})) == curve(whole)


def test_best_weights_that_were_spoilt_are_trained_again(tmp_path, scenes, folds, monkeypatch):
    scores = iter([(0.5, 0.5, 0.5), (0.1, 0.5, 0.1)] * 2)
    monkeypatch.setattr("zoo.training.loop.score", lambda *_: next(scores))
    run = trained(tmp_path, scenes, folds, {"epochs": 2})
    good = run.best.read_bytes()
    run.best.write_bytes(good[:-1] + b"!")
    assert complete(trained(tmp_path, scenes, folds, {"epochs": 2}))
    assert run.best.read_bytes() == good


def test_a_torn_state_starts_anew(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    run.folder.mkdir(parents=True)
    (run.folder / "last.pt").write_bytes(b"torn")
    heard = Heard()
    assert len(train(run, *run_datasets(run, scenes, folds), "cpu", heard)) == 3
    why = f"{run.state} is damaged, of another start, or without its best weights; training restarts"
    assert heard.infos == [f"{run.label}: {why}"]


def test_a_changed_line_of_epochs_is_named(tmp_path, scenes, folds):
    run = trained(tmp_path, scenes, folds, {"epochs": 2})
    text = run.epochs.read_text()
    run.epochs.write_text(text.replace('"epoch": 2', '"epoch": 3'))
    with pytest.raises(UserError, match=r"epochs.jsonl: line 2 has been changed since it was written; if on purpose"):
        read_epochs(run)


def told_to_stop(run, after=1):
    """What `train` is to report to: the stop file appears when so many epochs are over."""
    return lambda epoch: epoch.epoch == after and run.stop.touch()


def test_a_stop_file_ends_a_run_cleanly(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    examples = run_datasets(run, scenes, folds)
    assert len(train(run, *examples, "cpu", report=told_to_stop(run))) == 1
    assert (complete(run), stopped(run), done(run)) == (True, True, True)
    result = run.read_result()
    assert (result["epochs"], result["planned_epochs"], result["stopped"]) == (1, 3, True)
    run.stop.unlink()
    assert (complete(run), done(run)) == (True, False)  # it can predict, and be trained on
    assert len(train(run, *examples, "cpu")) == 3
    assert (complete(run), stopped(run), done(run)) == (True, False, True)
    whole = trained(tmp_path / "whole", scenes, folds, {})
    assert curve(run) == curve(whole)


def test_a_stop_file_that_is_there_from_the_first_leaves_one_epoch(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    run.folder.mkdir(parents=True)
    run.stop.touch()
    assert len(train(run, *run_datasets(run, scenes, folds), "cpu")) == 1
    assert done(run)


def test_a_run_killed_when_it_had_stopped_trains_no_epoch_more(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)

    def stop_and_kill(epoch):
        run.stop.touch()
        raise KeyboardInterrupt

    examples = run_datasets(run, scenes, folds)
    with pytest.raises(KeyboardInterrupt):
        train(run, *examples, "cpu", report=stop_and_kill)
    assert not complete(run)
    assert len(train(run, *examples, "cpu")) == 1
    assert done(run)


def test_a_run_that_is_trained_on_is_not_complete_until_it_ends(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    examples = run_datasets(run, scenes, folds)
    train(run, *examples, "cpu", report=told_to_stop(run))
    assert [ended.run for ended in find_runs(Store(tmp_path), Ref(run.recipe.name, run.hash))] == [run]
    run.stop.unlink()
    cut_off(run, scenes, folds, 1)
    assert find_runs(Store(tmp_path), Ref(run.recipe.name, run.hash)) == []


def test_an_older_result_does_not_say_that_the_run_was_stopped(tmp_path, scenes, folds):
    run = plan(tmp_path, folds)
    train(run, *run_datasets(run, scenes, folds), "cpu", report=told_to_stop(run))
    result = run.read_result()
    del result["stopped"], result["planned_epochs"]
    run.write_result(result)
    assert stopped(run)
    run.write_result(result | {"lost_patience": True})
    assert not stopped(run)
    run.write_result(result | {"epochs": 3})
    assert not stopped(run)

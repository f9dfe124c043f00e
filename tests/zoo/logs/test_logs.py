"""Logs of a training: each epoch once, also of a run that was cut off, and nothing else about the run changes."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.app import run as typed
from core import extras
from core.errors import UnknownName, UserError
from core.files import sha256_of_file
from pipeline.removal import plan_removal
from pipeline.verify import verify
from tests.heard import Heard
from tests.zoo.training.cases import TINY, TINY_OPTIONS, curve, plan
from zoo.logs import LOGS, require_logs
from zoo.members import with_settings
from zoo.runs import Store
from zoo.training import run_datasets, train
from zoo.workflows.reuse import train_or_reuse

PNG = b"\x89PNG"


def read_tensorboard(folder: Path) -> dict[str, dict[int, float]]:
    """Curves of all runs, by name: step -> value; a step that is there twice is an error. Pictures are counted."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = {}
    for place in sorted({path.parent for path in folder.rglob("*tfevents*")}):
        events = EventAccumulator(str(place), size_guidance={"scalars": 0, "images": 0}).Reload()
        for tag in events.Tags()["scalars"]:
            steps = [(each.step, each.value) for each in events.Scalars(tag)]
            assert len(dict(steps)) == len(steps), tag
            found[f"{place.relative_to(folder)}/{tag}"] = dict(steps)
        for tag in events.Tags()["images"]:
            assert all(each.encoded_image_string.startswith(PNG) for each in events.Images(tag))
            found[f"{place.relative_to(folder)}/{tag}"] = {each.step: each.width for each in events.Images(tag)}
    return found


def read_mlflow(folder: Path) -> dict[str, dict[int, float]]:
    from zoo.logs.mlflow import MEMBER, RECIPE, RUN, _client

    client, found = _client(folder), {}
    for experiment in client.search_experiments(filter_string=f"tags.`{MEMBER}` LIKE '%'"):
        for run in client.search_runs([experiment.experiment_id]):
            tags = run.data.tags
            where = f"{tags.get(MEMBER, experiment.name)}/{tags[RECIPE]}/{tags[RUN]}"
            for tag in run.data.metrics:
                steps = [(each.step, each.value) for each in client.get_metric_history(run.info.run_id, tag)]
                assert len(dict(steps)) == len(steps), tag
                found[f"{where}/{tag}"] = dict(steps)
            for each in client.list_artifacts(run.info.run_id, "images"):
                if each.path.endswith(".png"):
                    name, step = re.match(r"images/scene (\w+)\Wstep\W(\d+)", each.path).groups()
                    found.setdefault(f"{where}/scenes/{name}", {})[int(step)] = 768
    return found


READ: dict[str, Callable[[Path], dict[str, dict[int, float]]]] = {
    "tensorboard": read_tensorboard,
    "mlflow": read_mlflow,
}


@pytest.fixture(params=LOGS.names())
def log(request):
    if missing := extras.missing_packages(request.param):
        pytest.skip(f"{', '.join(missing)} is not installed: the extra {request.param}")
    return request.param


def trained(runs, scenes, folds, log, changes, heard=None, **keys):
    run = plan(runs, folds, with_settings(TINY, changes))
    train(run, *run_datasets(run, scenes, folds), "cpu", heard or Heard(), **keys, logs=[log] if log else [])
    return run


def logged(run, log):
    return READ[log](run.store.logs / log)


def named(run, log, name):
    return logged(run, log)[f"{run.member}/{run.hash}/{run.name}/{name}"]


def assert_logs_its_curve(run, log):
    rows = [json.loads(line) for line in run.epochs.read_text().splitlines()]
    for name in ("loss", "dice", "lr", "seconds"):
        expected = {row["epoch"]: row[name] for row in rows if row[name] is not None}
        assert named(run, log, name) == pytest.approx(expected, rel=1e-6), name


def test_a_log_has_the_curves_and_pictures_of_scored_epochs(tmp_path, scenes, folds, log):
    changes = {"epochs": 3, "score_every": 2}
    run = trained(tmp_path / "logged", scenes, folds, log, changes)
    plain = trained(tmp_path / "plain", scenes, folds, None, changes)
    assert curve(run) == curve(plain)
    assert sha256_of_file(run.best) == sha256_of_file(plain.best)
    assert not plain.store.logs.exists()
    assert_logs_its_curve(run, log)
    pictures = {name: steps for name, steps in logged(run, log).items() if "/scenes/" in name}
    assert 1 <= len(pictures) <= 3
    assert all(steps == {1: 768, 3: 768} for steps in pictures.values())


def test_a_run_cut_off_goes_on_in_the_same_log(tmp_path, scenes, folds, log):
    def interrupt(epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    run = plan(tmp_path, folds, with_settings(TINY, {"epochs": 3}))
    with pytest.raises(KeyboardInterrupt):
        train(run, *run_datasets(run, scenes, folds), "cpu", report=interrupt, logs=[log])
    before = named(run, log, "loss")
    assert [*before] == [1, 2]
    with pytest.raises(KeyboardInterrupt):  # epochs that were trained without the log are added by the next start
        train(run, *run_datasets(run, scenes, folds), "cpu", report=lambda epoch: interrupt(plan_end(epoch)))
    train(run, *run_datasets(run, scenes, folds), "cpu", logs=[log])
    assert_logs_its_curve(run, log)
    assert before.items() <= named(run, log, "loss").items()


def plan_end(epoch):
    """An epoch that counts as the second."""
    return type(epoch)(epoch=2, loss=0.0, lr=0.0, seconds=0.0)


def test_a_training_that_starts_over_starts_its_log_over(tmp_path, scenes, folds, log):
    changes = {"epochs": 2}
    run = trained(tmp_path, scenes, folds, log, changes)
    named(run, log, "loss")
    for path in (run.best, run.result):
        path.unlink()
    run.epochs.write_text("")
    other = plan(tmp_path, folds, run.recipe)
    seen, held = run_datasets(other, scenes, folds)
    seen.records = seen.records[::-1]  # another curve
    train(other, seen, held, "cpu", logs=[log])
    assert_logs_its_curve(other, log)


def test_stages_have_a_log_each_and_folds_too(tmp_path, scenes, folds, log):
    run = trained(tmp_path, scenes, folds, log, {"stages": [{"epochs": 1}, {"epochs": 1}]})
    losses = {name: steps for name, steps in logged(run, log).items() if name.endswith("/loss")}
    assert {name: [*steps] for name, steps in losses.items()} == {
        f"{run.member}/{run.hash}/fold-0/loss": [1],
        f"{run.member}/{run.hash}/fold-0/stage-1/loss": [1],
    }


def test_a_log_goes_with_its_member_and_is_no_artefact(tmp_path, scenes, folds, log):
    one = trained(tmp_path, scenes, folds, log, {"epochs": 1})
    two = trained(tmp_path, scenes, folds, log, {"epochs": 1, "lr": 0.02})
    store = one.store
    assert verify(store).unknown == ()
    plan_removal(store, f"{one.member}@{one.hash}").take()
    assert {name.split("/")[1] for name in logged(two, log)} == {two.hash}
    plan_removal(store, two.member).take()
    assert logged(two, log) == {}


def test_a_log_that_fails_ends_with_a_warning(tmp_path, scenes, folds, log, monkeypatch):
    heard = Heard()
    (tmp_path / "logs").write_text("in the way")
    run = trained(tmp_path, scenes, folds, log, {"epochs": 1}, heard)
    assert run.ended().complete
    (warning,) = heard.warnings
    assert warning.startswith(f"{run.label}: log {log} ends here, training goes on (")


def test_a_log_that_is_not_there_is_refused_before_anything(tmp_path, scenes, monkeypatch):
    with pytest.raises(UnknownName, match='did you mean "tensorboard"'):
        require_logs(["tensorbord"])
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    for name in LOGS.names():
        with pytest.raises(UserError, match=rf'^{name} is not installed; run: pip install ".*\[{name}\]"$'):
            train_or_reuse([TINY], scenes, Store(tmp_path), log=[name])
    assert not (tmp_path / "folds.csv").exists()


def test_logs_are_named_by_option_or_configuration(tmp_path, scenes, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("contrails.toml").write_text(f'data = {json.dumps(str(scenes.paths[0]))}\nlog = ["tensorbord"]\n')
    words = ["zoo", "train", "lite0-fc-t5", "--fold", "0", "--epochs", "1", "--jobs", "1", *TINY_OPTIONS]
    assert typed(words) == 2
    assert 'no log "tensorbord"; did you mean "tensorboard"' in capsys.readouterr().err
    Path("contrails.toml").write_text(f"data = {json.dumps(str(scenes.paths[0]))}\nlog = 3\n")
    assert typed(words) == 2
    assert "log = 3; give a list of logs" in capsys.readouterr().err
    Path("contrails.toml").write_text(f"data = {json.dumps(str(scenes.paths[0]))}\n")
    assert typed([*words, "--plan", "--log", "tensorboard"]) == 0
    assert "--log tensorboard" in capsys.readouterr().out
    assert typed([*words, "--log", "tensorboard"]) == 0
    assert len(read_tensorboard(tmp_path / "runs" / "logs" / "tensorboard")) > 5

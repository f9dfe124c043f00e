"""The audit of views: the figures of the leaderboard for the same views, each view computed once."""

import json

import numpy as np
import pytest

import pipeline.view_audit
from cli.app import run
from cli.tables.page import Page
from cli.tables.view_audit import print_audit
from tests.zoo.training.cases import TINY, write_scenes
from zoo.data import read_folds
from zoo.inference import predict_records, predict_views
from zoo.runs import Ref, Store
from zoo.views import SingleView, parse_views


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Folder, scenes, a store with a tiny member trained on two folds, and its audit."""
    from pipeline.view_audit import audit_views
    from zoo.data import make_folds, write_folds
    from zoo.workflows.train import train

    folder = tmp_path_factory.mktemp("audit")
    scenes, store = write_scenes(folder / "scenes"), Store(folder / "runs")
    write_folds(store.folds, make_folds(scenes, 2))
    train(TINY, scenes, store, epochs=1, with_val=True, device="cpu", jobs=1, allow_ungrouped=True)
    with pytest.MonkeyPatch.context() as patch:  # a few of the sets, for time
        patch.setattr(pipeline.view_audit, "SETS", ("none", "flips", "hflip,rot90(90,270)", "d4", "scale(0.75)"))
        audit = audit_views(store, scenes, Ref(TINY.name), device="cpu", jobs=1)
    return folder, scenes, store, audit


def test_a_set_is_scored_as_the_leaderboard_scores_its_predictions(audited):
    from pipeline.leaderboard import leaderboard
    from zoo.workflows.predict import predict

    _, scenes, store, audit = audited
    document = json.loads(json.dumps(audit.as_dict(), allow_nan=False))
    by_name = {row["name"]: row for row in document["sets"]}
    for tta in ("none", "flips"):
        predict(TINY.name, scenes, store, tta=tta, device="cpu", jobs=1)
        (row,) = leaderboard(store, scenes, [Ref(TINY.name)], tta=parse_views(tta).name, jobs=1).rows
        assert by_name[tta]["dice"] == pytest.approx(row.dice, abs=1e-9)


def test_every_view_is_there_alone_with_its_gain_shift_and_cost(audited):
    document = audited[-1].as_dict()
    views = {row["name"]: row for row in document["views"]}
    assert len(views) == 9 and "shift" not in views["none"]
    assert views["none"]["gain"]["value"] == 0 and views["none"]["cost"] == 1
    assert all({"dy", "dx"} <= set(row["shift"]) for name, row in views.items() if name != "none")
    sets = {row["name"]: row for row in document["sets"]}
    assert len(sets["d4"]["views"]) == 8
    assert sets["d4"]["cost"] == pytest.approx(sum(views[view]["cost"] for view in sets["d4"]["views"]))
    assert len(sets["hflip,rot90(90,270)"]["views"]) == 4
    assert document["proposed"] in sets and document["records"] == len(read_folds(audited[2].folds).fold_of)


def test_views_apart_are_those_that_a_set_merges(audited):
    from zoo.runs.find import find_runs

    _, scenes, store, _ = audited
    ended = next(each for recipe in store.recipes(TINY.name) for each in find_runs(store, Ref(TINY.name, recipe)))
    (batch,) = predict_views(ended.run, scenes, scenes.labelled[:2], [parse_views("d4")], "cpu")
    assert len(batch.maps) == 8 and SingleView(True, True, False) in batch.maps
    merged = dict(predict_records(ended.run, scenes, scenes.labelled[:2], "d4", "cpu"))
    for number, record in enumerate(batch.record_ids):
        mean = np.mean([maps[number] for maps in batch.maps.values()], axis=0)
        np.testing.assert_allclose(mean, merged[record], atol=1e-6)


def test_the_audit_is_printed_as_tables(audited, capsys):
    *_, audit = audited
    print_audit(Page(width=120), audit)
    out = capsys.readouterr().out
    assert "views keep the label's offset of 0.5 px" in out and "proposed: " in out
    assert "hflip,rot90(90,270)" in out


def test_a_member_without_runs_is_named_with_the_command_that_trains_it(audited, capsys):
    folder = audited[0]
    assert run(["zoo", "tta", "lite1-fc-t5", "--data", f"{folder}/scenes", "--runs", f"{folder}/runs"]) == 1
    assert "no complete run of fold" in capsys.readouterr().err

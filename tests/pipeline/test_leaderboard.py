"""Leaderboard as a function: rows, tables, what is kept."""

import csv
import io
import json
from dataclasses import replace
from statistics import stdev

import numpy as np
import pytest

from cli.tables.leaderboard import print_leaderboard
from cli.tables.page import Page
from core.errors import Damaged, UserError
from core.files import read_json, write_json
from core.locks import lock_of
from pipeline.leaderboard import current_leaderboard, leaderboard, own_scores
from pipeline.leaderboard_rows import Leaderboard, Row, read_kept
from pipeline.members import describe_member, list_members
from tests.ensemble.runs import fake_runs
from tests.forks import Holding
from tests.heard import Heard
from zoo.data import open_scenes
from zoo.runs import Ref, Store


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """m0 and m1 on all three folds, m2 on two."""
    return fake_runs(tmp_path_factory.mktemp("fake"), records=18, lacking=[("m2", 2)])


@pytest.fixture
def board(made):
    return leaderboard(Store(made.runs), open_scenes([made.data]))


def test_rows_fall_by_dice_and_are_kept(made, board):
    dice = [row.dice for row in board.rows]
    assert dice == sorted(dice, reverse=True) and len(dice) == 3
    assert {row.digest: row for row in board.rows} == read_kept(Store(made.runs))


def test_documents_and_rows_tell_the_same(board):
    documents = json.loads(json.dumps(board.as_dict()))
    assert tuple(map(Row.from_document, documents)) == board.rows


def test_the_frame_holds_what_the_csv_holds(board):
    frame, rows = board.to_frame(), list(csv.DictReader(io.StringIO(board.to_csv())))
    assert list(frame.columns) == list(rows[0])
    assert frame["dice"].tolist() == [float(row["dice"]) for row in rows]
    assert frame["name"].tolist() == [row["name"] for row in rows]


def test_shared_records_are_the_same_for_all_and_keep_nothing(made, board):
    kept = read_kept(Store(made.runs))
    shared = leaderboard(Store(made.runs), open_scenes([made.data]), shared=True)
    assert {row.records for row in shared.rows} == {12}
    assert shared.rows[0].behind["value"] == 0 and all(row.behind["value"] >= 0 for row in shared.rows)
    assert read_kept(Store(made.runs)) == kept


def test_kept_rows_are_behind_the_first_while_they_are_compared_with_the_same_others(made, board, monkeypatch):
    store, scenes = Store(made.runs), open_scenes([made.data])
    behind = {row.name: row.behind for row in board.rows}
    assert behind["m1"]["value"] > 0 and behind["m2"] is None  # which is on fewer records
    with monkeypatch.context() as patched:
        patched.setattr("pipeline.leaderboard.score_member", None)
        Holding(store.leaderboard).kill()
        for kept in (current_leaderboard(store), current_leaderboard(store, scenes)):
            assert not lock_of(store.leaderboard).exists()
            assert {row.name: row.behind for row in kept.rows} == behind
    leaderboard(store, scenes, [Ref("m0"), Ref("m2")])  # m0 is compared with nobody now
    assert [row.behind for row in current_leaderboard(store).rows] == [None, behind["m1"], None]
    assert {row.name: row.behind for row in current_leaderboard(store, scenes).rows} == behind


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    """m1 on all three folds; m0 on the last alone, whose records hold no contrail pixel."""
    made = fake_runs(tmp_path_factory.mktemp("idle"), records=18, noise=(1.0, 1.2), lacking=[("m0", 0), ("m0", 1)])
    for record in made.folds.records(2):
        np.save(made.data / "train" / record / "human_pixel_masks.npy", np.zeros((256, 256, 1), np.int32))
    return made


def test_the_best_member_of_a_single_fold_comes_after_all_that_are_cross_fitted(tmp_path):
    made = fake_runs(tmp_path, records=18, noise=(0.3, 2.5), lacking=[("m0", 1), ("m0", 2)])
    store, scenes = Store(made.runs), open_scenes([made.data])
    scored = leaderboard(store, scenes)
    assert [(row.name, row.kind) for row in scored.rows] == [("m1", "cross_fitted"), ("m0", "in_sample")]
    assert scored.rows[0].dice < scored.rows[1].dice
    assert [row.name for row in current_leaderboard(store).rows] == ["m1", "m0"], "from what is kept"


def test_a_member_that_was_judged_on_nothing_has_no_dice_and_comes_last(idle):
    store, heard = Store(idle.runs), Heard()
    board = leaderboard(store, open_scenes([idle.data]), listener=heard)
    first, last = board.rows
    assert (first.name, first.kind, first.records) == ("m1", "cross_fitted", 18)
    assert first.per_fold["2"] is None
    assert first.spread == pytest.approx(stdev([first.per_fold["0"], first.per_fold["1"]]))
    assert (last.name, last.dice, last.interval, last.kind, last.records) == ("m0", None, None, "unscored", 6)
    assert (last.per_fold, last.spread, last.threshold) == ({"2": None}, None, None)
    assert "m0: its 6 records hold no contrail pixel, so it has no Dice" in heard.notes
    assert tuple(map(Row.from_document, json.loads(json.dumps(board.as_dict())))) == board.rows
    assert board.to_frame()["dice"].isna().tolist() == [False, True]
    assert set(read_kept(store)) == {row.digest for row in board.rows}
    console = Page(file=io.StringIO(), width=120)
    print_leaderboard(console, board)
    (line,) = [line for line in console.file.getvalue().splitlines() if line.startswith("m0")]
    assert line.split()[:3] == ["m0", "-", "-"]


def test_nothing_that_all_predicted_ranks_nobody(idle):
    board = leaderboard(Store(idle.runs), open_scenes([idle.data]), shared=True)
    assert {row.dice for row in board.rows} == {None}


def test_a_member_whose_maps_are_damaged_is_left_out_and_the_others_are_scored(tmp_path):
    made = fake_runs(tmp_path, records=6, noise=(1.0, 1.2))
    store, scenes, heard = Store(made.runs), open_scenes([made.data]), Heard()
    (alone,) = leaderboard(store, scenes, [Ref("m1")]).rows
    shard = next(made.runs.glob("predictions/m0/*/oof/fold-0/none/shard-0000.zst"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\0")
    (row,) = leaderboard(store, scenes, listener=heard).rows
    assert (row.name, row.dice, row.interval) == ("m1", alone.dice, alone.interval)
    assert [note.startswith(f"left out: {shard}") for note in heard.notes] == [True]
    with pytest.raises(UserError, match=str(shard)):
        leaderboard(store, scenes, [Ref("m0")])


def test_a_label_that_was_lost_is_a_note_of_the_list_and_named_by_the_board(tmp_path):
    made = fake_runs(tmp_path, records=6, noise=(1.0,))
    store, heard = Store(made.runs), Heard()
    leaderboard(store, open_scenes([made.data]))
    mask = made.data / "train" / made.case.ids[0] / "human_pixel_masks.npy"
    mask.unlink()
    mask.symlink_to("gone.npy")
    assert own_scores(store, open_scenes([made.data]), listener=heard) == {}
    assert f"{mask}: cannot be read" in heard.notes[0]
    with pytest.raises(UserError, match=f"{mask}: no such file"):
        leaderboard(store, open_scenes([made.data]))


def test_members_are_named_by_refs(made):
    assert [row.name for row in leaderboard(Store(made.runs), open_scenes([made.data]), [Ref("m1")]).rows] == ["m1"]


def test_a_folder_named_as_a_member_of_no_file_is_none_of_its_business(made, tmp_path, monkeypatch, board):
    (tmp_path / "m0").mkdir()
    monkeypatch.chdir(tmp_path)
    assert leaderboard(Store(made.runs), open_scenes([made.data])) == board


def test_a_row_of_an_earlier_release_is_read(made, board):
    document = {key: value for key, value in board.rows[0].as_dict().items() if key != "epochs_trained"}
    assert Row.from_document(document) == replace(board.rows[0], epochs_trained=None)


def test_a_fold_is_a_number(board):
    with pytest.raises(Damaged, match="the row: names folds that are no numbers"):
        Row.from_document(board.rows[0].as_dict() | {"per_fold": {"x": 0.5}})


def test_a_file_that_is_no_leaderboard_names_what_makes_it(made, board):
    path = Store(made.runs).leaderboard
    before = read_json(path)
    write_json(path, {"format": 1, "rows": [{"digest": "x"}]})
    try:
        with pytest.raises(UserError, match=r"name is None, not a text; make it again; run: cli zoo leaderboard"):
            read_kept(Store(made.runs))
    finally:
        write_json(path, before)


def test_changed_scores_are_refused_and_made_again(made):
    path = Store(made.runs).leaderboard
    path.unlink(missing_ok=True)  # other tests keep other rows, too
    board = leaderboard(Store(made.runs), open_scenes([made.data]))
    before = read_json(path)
    write_json(path, before | {"rows": before["rows"][1:]})
    with pytest.raises(UserError, match="been changed since it was written; make it again; run: cli zoo leaderboard"):
        read_kept(Store(made.runs))
    heard = Heard()
    assert leaderboard(Store(made.runs), open_scenes([made.data]), listener=heard) == board
    assert heard.warnings == [f"{path}: has been changed since it was written; only the members scored now are kept"]
    assert read_json(path) == before


def test_the_list_joins_the_scores_of_trained_members(made, board):
    assert set(own_scores(Store(made.runs))) == {"m0", "m1", "m2"}
    found = list_members(Store(made.runs), containing="lite0", sort="-epochs")
    epochs = [row["epochs"] for row in found.table.rows]
    assert epochs == sorted(epochs, reverse=True) and all("lite0" in row["name"] for row in found.table.rows)
    assert all(row["dice"] is None for row in found.table.rows)  # m0, m1, m2 are no listed members


def test_a_member_is_described_with_its_costs(made):
    found = describe_member(Store(made.runs), "lite0-fc-t5")
    assert (found.ref, found.changed) == (Ref("lite0-fc-t5"), None)
    assert found.as_dict()["encoder"] == found.recipe.encoder and found.cost.parameters > 1e6


def test_an_empty_leaderboard_has_an_empty_document():
    assert Leaderboard(()).as_dict() == []

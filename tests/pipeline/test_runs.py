"""`open_runs`: the tables of a runs folder, each the same as its function gives."""

import subprocess
import sys

import pytest

import pipeline
from core.errors import UnknownName, UsageError, UserError
from pipeline import open_runs
from pipeline.leaderboard import leaderboard
from pipeline.members import SCORE_COLUMNS, MemberList
from tests.ensemble.runs import fake_runs
from zoo.data import open_scenes, read_folds
from zoo.members import load_member
from zoo.members.table import MemberTable
from zoo.runs import Ref, Store


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return fake_runs(tmp_path_factory.mktemp("fake"), records=12)


def test_every_table_of_the_folder_is_there(made):
    runs, scenes = open_runs(str(made.runs)), open_scenes(made.data)
    assert runs.folds() == read_folds(made.runs / "folds.csv")
    board = runs.leaderboard(scenes, ["m1", "m0"])
    assert board == leaderboard(Store(made.runs), scenes, [Ref("m0"), Ref("m1")])
    assert len(runs.leaderboard(scenes, "m1").rows) == 1
    with pytest.raises(UsageError, match="needs scenes"):
        runs.leaderboard()
    assert not len(runs.ledger().entries)
    maps = runs.predictions("m0")
    assert (maps.maps(made.case.ids) == made.case.maps[0]).all()
    with pytest.raises(UserError, match="nobody"):
        runs.predictions("nobody")
    with pytest.raises(UnknownName, match='no predicted member "m00"; did you mean "m0"'):
        runs.predictions("m00")
    with pytest.raises(UserError, match="run: cli zoo train lite0-fc-t5"):
        runs.predictions("lite0-fc-t5")
    with pytest.raises(UserError, match="no such ensemble"):
        runs.ensemble()


def test_members_are_a_table_with_their_scores():
    pytest.importorskip("pandas")
    scored = {"lite0-fc-t5": dict.fromkeys((*SCORE_COLUMNS, "folds")) | {"dice": 0.5, "interval": (0.4, 0.6)}}
    recipes = [load_member(name) for name in ("lite0-fc-t5", "lite1-fc-t5")]
    table = MemberTable.of(recipes).joined((*SCORE_COLUMNS, "folds"), scored)
    nobody = MemberList(table.filtered("nobody"), {}).to_frame()
    plain = MemberList(table, {}).to_frame()
    assert (len(nobody), list(nobody.columns), nobody.index.equals(plain.index[:0])) == (0, list(plain.columns), True)
    frame = plain.set_index("name")
    assert frame.loc["lite0-fc-t5", ["low", "dice", "high"]].tolist() == [0.4, 0.5, 0.6]
    assert frame.loc["lite1-fc-t5", ["low", "dice", "high"]].isna().all()


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    runs = open_runs(tmp_path / "none")
    assert not runs.ledger().entries
    with pytest.raises(UserError, match="cli data folds"):
        runs.folds()


@pytest.mark.parametrize("name", pipeline.__all__)
def test_every_export_is_there(name):
    assert getattr(pipeline, name).__name__ == name


def test_an_unknown_export_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'open_run'"):
        pipeline.open_run  # noqa: B018


def test_importing_the_rooms_loads_neither_torch_nor_pandas():
    code = (
        "import core, zoo, ensemble, submissions, pipeline, cli, sys\n"
        "assert callable(pipeline.open_runs) and callable(zoo.open_scenes)\n"
        "sys.exit(bool({'torch', 'pandas', 'numba'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

"""Units on a Dask cluster: a killed worker's unit runs again, one that kills its workers ends with its name."""

import os
import signal
from functools import partial

import pytest

from core.cluster import Unit, run_units
from core.command import Command
from core.errors import UsageError, UserError
from tests.dask_cluster import dask_cluster
from tests.heard import Heard


@pytest.fixture(scope="module")
def address():
    with dask_cluster() as address:
        yield address


def writes(path, listener):
    path.write_text(str(os.getpid()))
    listener.info(f"{path.name} is written")


def dies(path, listener, times):
    """Kill the worker the first `times` times, then write."""
    with path.with_suffix(".tries").open("a") as tries:
        tries.write("x")
    if len(path.with_suffix(".tries").read_text()) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    writes(path, listener)


def refuses(path, listener):
    path.write_text("refused")
    raise UserError(f"{path.name}: there is no such fold", Command("data folds"))


def breaks(path, listener):
    with path.open("a") as tries:
        tries.write("x")
    raise OSError("the disk is full")


def units(folder, **works):
    return [Unit(name, partial(work, folder / name)) for name, work in works.items()]


def test_units_run_once_and_their_reports_are_heard(address, tmp_path):
    heard = Heard()
    run_units(address, units(tmp_path, one=writes, two=writes, three=partial(dies, times=0)), heard)
    assert {path.stem for path in tmp_path.iterdir()} == {"one", "two", "three"}
    assert (tmp_path / "three.tries").read_text() == "x"
    assert os.getpid() not in {int((tmp_path / name).read_text()) for name in ("one", "two", "three")}
    assert heard.tasks == {address: [3, 3]}
    assert {"one: done", "two: done", "three: done"} <= {*heard.infos}


def test_a_unit_that_kills_its_worker_once_runs_again(address, tmp_path):
    run_units(address, units(tmp_path, once=partial(dies, times=1), other=writes))
    assert (tmp_path / "once.tries").read_text() == "xx"
    assert (tmp_path / "once").is_file()


def test_a_unit_that_kills_every_worker_ends_with_its_name_and_the_others_complete(address, tmp_path):
    works = {"killer": partial(dies, times=99), **{f"unit-{number}": writes for number in range(5)}}
    heard = Heard()
    with pytest.raises(UserError, match=r"^killer: 2 workers died with it, the last at tcp://127.0.0.1:\d+; perhaps"):
        run_units(address, units(tmp_path, **works), heard)
    assert all((tmp_path / f"unit-{number}").is_file() for number in range(5))
    assert (tmp_path / "killer.tries").read_text() == "xxxx"
    assert any(line.startswith("killer: ") and line.endswith("once more, on its own") for line in heard.infos)


def test_faults_are_named_and_only_those_of_the_system_are_tried_again(address, tmp_path):
    with pytest.raises(UserError, match=r"^one: there is no such fold; run: cli data folds$") as refused:
        run_units(address, units(tmp_path, one=refuses))
    assert refused.value.do == Command("data folds")
    with pytest.raises(UserError, match="^2 of 3 units failed: ") as several:
        run_units(address, units(tmp_path, one=refuses, two=breaks, three=writes))
    assert {"one", "two"} <= {word.strip(",;:") for word in str(several.value).split()}
    assert (tmp_path / "two").read_text() == "xxx"
    assert (tmp_path / "three").is_file()


def test_an_address_without_a_scheduler_is_one_line(monkeypatch):
    with pytest.raises(UsageError, match="--on localhost: give the address"):
        run_units("localhost", [])
    monkeypatch.setattr("core.cluster.CONNECT", 0.2)
    with pytest.raises(
        UserError, match=r"tcp://127.0.0.1:9: no Dask scheduler answers .*start one with `dask scheduler`"
    ):
        run_units("tcp://127.0.0.1:9", [])

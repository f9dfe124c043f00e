"""The long form goes on after what its log holds, and says what failed."""

import json

import pytest

from tests.faults import soak


def test_the_same_call_goes_on_after_the_log(tmp_path, capsys):
    log = tmp_path / "soak.jsonl"
    call = ["--only", "sign", "--only", "log --public", "--no-faults", "--log", str(log), "--cycles"]
    assert soak.main([*call, "1"]) == 0
    first = log.read_bytes()
    log.write_bytes(first[:-20])  # killed in the middle of its last line
    assert soak.main([*call, "50"]) == 0
    rows = [json.loads(line) for line in log.read_bytes().splitlines() if line.endswith(b"}")]
    assert [row["case"] for row in rows if row["command"] == "sign"] == ["cycle 0", "cycle 1"]
    assert "| log --public | 2 |" in capsys.readouterr().out


def test_a_failure_is_told_and_counted(tmp_path, monkeypatch, capsys):
    def fail(*_):
        raise AssertionError("other bytes")

    monkeypatch.setattr(soak, "check_kills", fail)
    call = ["--only", "sign", "--no-faults", "--log", str(tmp_path / "soak.jsonl"), "--cycles", "1"]
    assert soak.main(call) == 1
    out = capsys.readouterr().out
    assert "FAILED sign, cycle 0: other bytes" in out and "| all | 1 | 0 | 0 | 1 |" in out
    monkeypatch.setattr(soak, "check_kills", lambda *_: 3)
    assert soak.main(call) == 0  # what failed is tried again
    assert "| all | 1 | 3 | 0 | 0 |" in capsys.readouterr().out


@pytest.mark.parametrize("cycles", [100, 2000])
def test_every_command_has_its_share(cycles):
    cases = soak.series(cycles, list(soak.COMMANDS))
    assert abs(len(cases) - cycles) <= len(soak.COMMANDS)
    assert {name for name, _ in cases} == set(soak.COMMANDS)
    assert len(set(cases)) == len(cases)

"""Files of today's formats, as these commands wrote them when the formats were new, are read by every later version.

    cli data folds --folds 2
    cli data check
    cli zoo train tiny --fold all --with-val
    cli zoo leaderboard
    cli ensemble fit --members tiny
    cli submit --out submission.csv
    cli submissions log --public 0.61

With the scenes and the member of `test_runs`, whose files are of the formats before. They are not to be changed: a
format that changes gets a number and files of its own.
"""

from pathlib import Path

import pytest

from cli.app import run
from core.files import read_json
from ensemble import Ensemble
from pipeline.artefacts import is_signed, kind_of
from submissions.ledger import read_ledger
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs

RUNS = Path(__file__).parent / "formats" / "runs"
FILES = sorted(path for path in RUNS.rglob("*") if path.is_file() and path.suffix != ".zst")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_read_and_its_digest_is_known(path):
    kind = kind_of(path)
    kind.check(path)
    assert is_signed(path)


def test_documents_are_of_the_newest_format():
    numbers = {path.name: read_json(path)["format"] for path in FILES if path.suffix == ".json"}
    others = {"manifest.json": 1}
    assert numbers == {name: others.get(name, 2) for name in numbers} and len(numbers) == 7


def test_what_was_written_is_what_is_read(capsys):
    store = Store(RUNS)
    (entry,) = read_ledger(store.ledger).entries
    assert (entry.number, entry.public, entry.sent.ensemble) == (1, 0.61, "default")
    ensemble = Ensemble.load(store.ensemble("default"))
    assert ensemble.shown["dice"]["cross_fitted"] == entry.sent.local
    (ended,) = find_runs(store, Ref("tiny", "2a81ce0e49e1"))
    assert ended.complete and ended.result["epochs"] == 16
    assert run(["ensemble", "show", "--runs", str(RUNS)]) == 0
    assert "cross-fitted" in capsys.readouterr().out

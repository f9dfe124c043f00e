"""Epochs of a run, read without torch."""

from pathlib import Path

import pytest

from core.errors import Damaged
from core.signing import signed_line
from tests.golden.test_runs import KEPT
from zoo.runs import Ref, RunName, Store
from zoo.runs.epochs import read_all_epochs, read_epochs


def test_the_stages_of_an_older_release_come_in_order():
    (place,) = Store(KEPT).runs(Ref("tiny-staged", "901ff498bb85"))
    epochs = read_all_epochs(place)
    assert [epoch.stage for epoch in epochs] == sorted(epoch.stage for epoch in epochs)
    assert {epoch.stage for epoch in epochs} == {1, 2}


def test_a_run_without_an_epoch_has_none_and_a_line_that_is_none_is_named(tmp_path: Path):
    place = Store(tmp_path).run(Ref("m", "abc"), RunName("0", 0))
    assert read_all_epochs(place) == []
    place.folder.mkdir(parents=True)
    good = signed_line({"epoch": 1, "loss": 0.5, "lr": 0.1, "seconds": 2.0})
    place.epochs.write_text(good + signed_line({"epoch": 2}))
    with pytest.raises(Damaged, match=r"epochs.jsonl: line 2: the document lacks loss"):
        read_epochs(place)
    place.epochs.write_text(good + good.replace("0.5", "0.6"))
    with pytest.raises(Damaged, match="line 2"):
        read_epochs(place)

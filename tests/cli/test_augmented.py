"""`cli zoo show M --augmented`: the picture beside the recipe."""

import json

from cli.app import run
from tests.scenes import write_record
from zoo.augment import AUGMENTATIONS


def test_the_picture_is_drawn_and_the_answer_stays_on_stdout(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(AUGMENTATIONS, "names", lambda: ["d4"])
    write_record(tmp_path / "scenes", "train", "17", mask=60)
    path = tmp_path / "augmented.png"
    call = ["zoo", "show", "lite0-fc-t5", "--augmented", str(path), "--data", str(tmp_path / "scenes"), "--json"]
    assert run(call) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["name"] == "lite0-fc-t5"
    assert f"{path}: each augmentation on 1 scenes" in told.err
    assert path.is_file()

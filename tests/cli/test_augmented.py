"""`cli zoo show M --augmented`: a picture of every augmentation, of scenes of one's own or synthetic ones."""

import json

import numpy as np
import pytest

from cli.app import run
from tests.scenes import write_record
from zoo.augment import AUGMENTATIONS, gallery
from zoo.data import BANDS, open_scenes
from zoo.inputs import INPUTS, read_channels
from zoo.members import load_member, with_settings

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("scenes")
    for number in range(3):
        write_record(place, "train", str(100 + number), bands=BANDS, mask=60 * number, labelers=2)
    return place


@pytest.mark.parametrize("name", ["fc", "split_window", "all_bands_mean_std"])
def test_a_gallery_shows_every_augmentation(folder, name):
    assert name in INPUTS.names()
    scenes = open_scenes([folder])
    recipe = with_settings(load_member("lite0-fc-t5"), {"input": name, "target": "mean_min_max", "frames": [4, 5]})
    exhibits = gallery(recipe, scenes, scenes.labelled, 0)
    assert [exhibit.title for exhibit in exhibits[2:]] == AUGMENTATIONS.names()
    assert exhibits[1].title == "as trained: d4, crop 128"
    for exhibit in exhibits:
        assert exhibit.colours.shape[0] == exhibit.labels.shape[0] == 3
        assert exhibit.colours.shape[-1] == 3
        assert ((exhibit.colours >= 0) & (exhibit.colours <= 1)).all()
    assert exhibits[0].labels.sum() == 180
    if name == "fc":  # the colours that the labelers saw
        ash = read_channels(scenes, scenes.labelled[0], "fc", (5,))[0]
        assert np.array_equal(exhibits[0].colours[0], np.moveaxis(ash, 0, -1))


def test_the_picture_is_drawn_and_the_answer_stays_on_stdout(folder, tmp_path, capsys):
    path = tmp_path / "augmented.png"
    assert run(["zoo", "show", "lite0-fc-t5", "--augmented", str(path), "--data", str(folder), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["name"] == "lite0-fc-t5"
    assert f"{path}: each augmentation on 3 scenes" in told.err
    assert path.read_bytes().startswith(PNG)


def test_without_scenes_synthetic_ones_are_drawn(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("cli.augmented.SYNTHETIC", 1)
    path = tmp_path / "augmented.png"
    assert run(["zoo", "show", "resnet18-fc-t5", "--augmented", str(path), "--jobs", "1"]) == 0
    assert "no --data: synthetic scenes" in capsys.readouterr().err
    assert path.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("name", "said"), [("a.jpg", "give a name that ends in .png"), ("a", ".png"), ("none/a.png", "there is no folder")]
)
def test_a_name_that_is_no_pngs_or_lies_nowhere_is_refused_at_once(folder, tmp_path, capsys, name, said):
    path = tmp_path / name
    assert run(["zoo", "show", "lite0-fc-t5", "--augmented", str(path), "--data", str(folder)]) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, list(tmp_path.iterdir())) == ("", [])


def test_an_input_that_the_scenes_cannot_give_is_refused(tmp_path, capsys):
    write_record(tmp_path / "scenes", "train", "17", mask=9)
    (tmp_path / "mine.toml").write_text('base = "lite0-fc-t5"\ninput = "all_bands_min_max"\n')
    picture = tmp_path / "augmented.png"
    call = ["zoo", "show", str(tmp_path / "mine.toml"), "--augmented", str(picture), "--data", str(tmp_path / "scenes")]
    assert run(call) == 1
    assert "lacks band 08" in capsys.readouterr().err
    assert not picture.exists()

"""The picture of every augmentation, of given scenes or synthetic ones."""

import numpy as np
import pytest

from core.errors import UsageError, UserError
from tests.heard import Heard
from tests.scenes import write_record
from zoo.augment import AUGMENTATIONS, draw_augmentations
from zoo.augment._picture import gallery
from zoo.data import BANDS, open_scenes
from zoo.inputs import INPUTS, read_channels
from zoo.members import load_member, with_settings

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    place = tmp_path_factory.mktemp("scenes")
    for number in range(3):
        write_record(place, "train", str(100 + number), bands=BANDS, mask=60 * number, labelers=2)
    return open_scenes(place)


@pytest.fixture
def few(monkeypatch):
    """Two augmentations: each takes its time to draw."""
    monkeypatch.setattr(AUGMENTATIONS, "names", lambda: ["d4", "mixup"])


@pytest.mark.parametrize("name", ["fc", "split_window", "all_bands_mean_std"])
def test_a_gallery_shows_every_augmentation(scenes, name):
    assert name in INPUTS.names()
    recipe = with_settings(load_member("lite0-fc-t5"), {"input": name, "target": "mean_min_max", "frames": [4, 5]})
    exhibits = gallery(recipe, scenes, scenes.labelled, 0)
    fits_not = {"copy_paste", "time_reversal"}  # frames 4 and 5
    assert [exhibit.title for exhibit in exhibits[2:]] == [n for n in AUGMENTATIONS.names() if n not in fits_not]
    assert exhibits[1].title == "as trained: d4, crop 128"
    for exhibit in exhibits:
        assert exhibit.colours.shape[0] == exhibit.labels.shape[0] == 3
        assert exhibit.colours.shape[-1] == 3
        assert ((exhibit.colours >= 0) & (exhibit.colours <= 1)).all()
    assert exhibits[0].labels.sum() == 180
    if name == "fc":  # the colours that the labelers saw
        ash = read_channels(scenes, scenes.labelled[0], "fc", (5,))[0]
        assert np.array_equal(exhibits[0].colours[0], np.moveaxis(ash, 0, -1))


def test_without_scenes_synthetic_ones_are_drawn(few, tmp_path):
    path, heard = tmp_path / "augmented.png", Heard()
    draw_augmentations(load_member("resnet18-fc-t5"), path, synthetic=1, listener=heard)
    assert heard.infos == [
        "no --data: synthetic scenes",
        f"{path}: each augmentation on 1 scenes; labels are outlined",
    ]
    assert path.read_bytes().startswith(PNG)


@pytest.mark.parametrize(
    ("name", "said"), [("a.jpg", "give a name that ends in .png"), ("a", ".png"), ("none/a.png", "there is no folder")]
)
def test_a_name_that_is_no_pngs_or_lies_nowhere_is_refused_at_once(scenes, tmp_path, name, said):
    with pytest.raises(UsageError, match=said):
        draw_augmentations(load_member("lite0-fc-t5"), tmp_path / name, scenes)
    assert list(tmp_path.iterdir()) == []


def test_scenes_that_cannot_be_drawn_are_refused(tmp_path):
    write_record(tmp_path / "scenes", "train", "17", mask=9)
    write_record(tmp_path / "unlabelled", "train", "17", mask=None)
    recipe = with_settings(load_member("lite0-fc-t5"), {"input": "all_bands_min_max"})
    picture = tmp_path / "augmented.png"
    for folder, said in (("scenes", "lacks bands 08"), ("unlabelled", "none of these sources has a label")):
        with pytest.raises(UserError, match=said):
            draw_augmentations(recipe, picture, open_scenes(tmp_path / folder))
    assert not picture.exists()

"""The offset of a source's labels: half a pixel, or what its `source.toml` states."""

import pytest

from core.errors import UserError
from tests.scenes import write_ash, write_record
from zoo.data import open_scenes
from zoo.data.label_offset import LABEL_OFFSET, read_label_offset


def test_labels_are_those_of_open_contrails_unless_the_source_states_another(tmp_path):
    write_record(tmp_path, "train", "1")
    assert open_scenes(tmp_path).label_offset == LABEL_OFFSET == 0.5
    for text, offset in (("", 0.5), ("label_offset = 0", 0.0), ("label_offset = -1.5", -1.5)):
        (tmp_path / "source.toml").write_text(text)
        assert open_scenes(tmp_path).label_offset == offset


WRONG = {
    "label_offset = 0.4": "give a multiple of 0.5 from -8 to 8 pixels",
    "label_offset = 9": "give a multiple of 0.5 from -8 to 8 pixels",
    "label_offset = nan": "give a multiple of 0.5 from -8 to 8 pixels",
    'label_offset = "0.5"': "label_offset = '0.5'; give",
    "label_offset = true": "label_offset = True; give",
    "offset = 0.5": 'no key "offset"; the file states label_offset alone',
    "label_offset": "is not readable TOML",
}


@pytest.mark.parametrize(("text", "words"), WRONG.items(), ids=WRONG.keys())
def test_a_file_that_states_no_offset_is_refused_by_name(text, words, tmp_path):
    (tmp_path / "source.toml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_label_offset(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "source.toml")) and words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sources_of_different_offsets_have_none_in_common(tmp_path):
    write_record(tmp_path / "own", "train", "1")
    (tmp_path / "own" / "source.toml").write_text("label_offset = 0.0")
    write_ash(tmp_path / "ash", "2")
    scenes = open_scenes([tmp_path / "own", tmp_path / "ash"])
    with pytest.raises(UserError, match=r"ash lie 0\.5 px off, those of .*own 0 px .*--set registered=false"):
        _ = scenes.label_offset


def test_a_source_without_labels_has_no_say(tmp_path):
    write_record(tmp_path / "tests", "test", "1")
    (tmp_path / "tests" / "source.toml").write_text("label_offset = 0.0")
    write_record(tmp_path / "own", "train", "2")
    assert open_scenes([tmp_path / "tests", tmp_path / "own"]).label_offset == 0.5

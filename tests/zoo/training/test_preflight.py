"""What cannot be trained is refused before anything starts, in one line, and leaves nothing behind."""

import pytest

from core.errors import UsageError
from tests.zoo.training.cases import TINY, plan, two_folds, write_scenes
from zoo.members import with_settings
from zoo.training import check_run

OWN = {"decoder_channels": [], "decoder": "unet"}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write_scenes(tmp_path_factory.mktemp("scenes"))


def check(folder, scenes, changes):
    folds = two_folds(scenes)
    return check_run(plan(folder, folds, with_settings(TINY, changes)), scenes, folds, "cpu")


@pytest.mark.parametrize("changes", [{"size": 32, "encoder": "resnet18"}, {"size": 64, "encoder": "resnest14d"}])
def test_a_network_that_normalises_over_one_value_is_refused_a_batch_of_one(tmp_path, scenes, changes):
    changes = {**OWN, **changes}
    with pytest.raises(UsageError, match="cannot be trained on one image at a time; give batch 2 or more"):
        check(tmp_path, scenes, {**changes, "batch": 1})
    assert not any(tmp_path.iterdir())
    check(tmp_path, scenes, {**changes, "batch": 2})


def test_a_frozen_encoder_normalises_nothing(tmp_path, scenes):
    check(tmp_path, scenes, {"encoder": "test_resnet", "batch": 1, "freeze": 1.0})


@pytest.mark.parametrize(
    ("encoder", "size"), [("legacy_xception", 64), ("levit_128s", 96), ("inception_v3", 64), ("inception_v3", 256)]
)
def test_an_encoder_whose_levels_do_not_fit_is_refused_by_name_with_decoder_and_size(tmp_path, scenes, encoder, size):
    words = f"decoder unet cannot take the features of encoder {encoder} from images of {size} pixels"
    with pytest.raises(UsageError, match=words) as caught:
        check(tmp_path, scenes, {**OWN, "encoder": encoder, "size": size})
    assert "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir())

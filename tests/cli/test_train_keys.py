"""`cli zoo train` with other inputs, targets, losses and augmentations: what the run writes down, what it says."""

import json

import pytest
import timm
from safetensors.torch import save_file

from cli.app import run
from tests.scenes import write_record
from zoo.data import BANDS

TINY = ["encoder=test_efficientnet", "weights=none", "size=64", "batch=2", "crop=0"]


@pytest.fixture
def train(tmp_path):
    for number in range(4):
        folder = tmp_path / "scenes"
        write_record(folder, "train", str(100 + number), bands=BANDS, mask=60 * number, labelers=3 * (number > 0))
    (tmp_path / "runs").mkdir()
    rows = "".join(f"{100 + number},{number % 2}\n" for number in range(4))
    (tmp_path / "runs" / "folds.csv").write_text(f"record_id,fold\n{rows}")

    def with_keys(*keys):
        where = ["--data", str(tmp_path / "scenes"), "--runs", str(tmp_path / "runs"), "--jobs", "1"]
        settings = [word for key in (*TINY, *keys) for word in ("--set", key)]
        return run(["zoo", "train", "lite0-fc-t5", "--fold", "1", "--epochs", "1", *settings, *where, "--json"])

    return with_keys


def test_a_run_of_eleven_channels_learns_from_labelers_and_predicts_from_its_own_folder(train, tmp_path, capsys):
    keys = ["input=differences_and_bands", "target=mean_min_max", "loss=0.9*bce+0.1*dice", "label_smoothing=0.05"]
    assert train(*keys, "augment=d4+0.5*mosaic+mixup+cutout") == 0
    told = capsys.readouterr()
    assert "1 of 2 records have no labelers; their mask is the target" in told.err
    (row,) = json.loads(told.out)
    (scaling,) = (tmp_path / "runs" / "members").rglob("scaling.json")
    assert str(scaling.parent) == row["folder"]
    assert len(json.loads(scaling.read_text())["shift"]) == 11
    assert len(list((tmp_path / "runs" / "predictions").rglob("manifest.json"))) == 1


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("augment=d4+mosiac", 'no augment "mosiac"; did you mean "mosaic"?'),
        ("loss=bce+1e*dice", '"1e" is not a number above 0'),
        ("target=average", 'no target "average"'),
        ("input=allbands", 'no input "allbands"'),
        ("weights=imagnet", 'imagnet: no such file or folder; did you mean "imagenet"?'),
        ("optimizer=adamx", 'lite0-fc-t5: no optimizer "adamx"; did you mean "adamax"?'),
        ("encoder=resnet81", 'no encoder "resnet81"; did you mean "resnet18"?'),
    ],
)
def test_a_key_that_cannot_be_meant_is_answered_in_one_line(train, capsys, key, words):
    assert train(key) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert (told.out, told.err.count("\n")) == ("", 1)


def test_a_run_from_a_file_of_weights_is_found_again_when_the_file_is_gone(train, tmp_path, capsys):
    path = tmp_path / "mine.safetensors"
    save_file(timm.create_model("test_efficientnet").state_dict(), path)
    assert train(f"weights={path}") == 0
    (run,) = json.loads(capsys.readouterr().out)
    path.unlink()
    assert train(f"weights={path}") == 0
    told = capsys.readouterr()
    assert "is trained already, reused" in told.err
    assert json.loads(told.out)[0]["folder"] == run["folder"]
    assert train(f"weights={path}", "lr=0.1") == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_smoothing_without_a_cross_entropy_is_refused_before_anything_starts(train, tmp_path, capsys):
    assert train("loss=dice", "label_smoothing=0.1") == 2
    assert "dice has no cross-entropy" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "members").exists()

"""Weights come from packages, files, folders and timm's cache, and nothing foreign or torn is taken."""

import re
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from core.errors import UnknownName, UserError
from core.files import write_json
from tests.zoo.models.cases import cached_weights, recipe
from zoo.members import load_member, member_names, with_settings
from zoo.models import build, weights
from zoo.models.encoders import check_encoder, make_encoder
from zoo.models.packing import survey
from zoo.models.weights import PACKAGED, licence_of, locate, read_state

HEAD = {"conv_head", "bn2", "classifier"}


@pytest.mark.parametrize("name", PACKAGED)
def test_a_packaged_encoder_takes_the_weights_that_come_with_the_install(name):
    """All of them, BatchNorm included; eight tensors of the head are left over, and no other."""
    state = read_state(locate(name, "imagenet"))
    with torch.device("meta"):
        whole = timm.create_model(name)
    assert {k: v.shape for k, v in state.items()} == {k: v.shape for k, v in whole.state_dict().items()}
    encoder = make_encoder(name, "imagenet", 3, 64)
    own = encoder.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in own.items())
    over = set(state) - set(own)
    assert len(over) == 8
    assert {key.split(".")[0] for key in over} == HEAD


@pytest.mark.parametrize("channels", [1, 6])
def test_other_channels_adapt_the_first_convolution_alone(channels, caplog):
    name = "tf_efficientnet_lite0"
    three, other = (make_encoder(name, "imagenet", count, 64).state_dict() for count in (3, channels))
    assert not caplog.records  # nothing alarming is said of the head that is left over
    assert other["conv_stem.weight"].shape[1] == channels
    assert torch.allclose(other["conv_stem.weight"].sum(1), three["conv_stem.weight"].sum(1), atol=1e-5)
    assert all(torch.equal(three[key], other[key]) for key in three if key != "conv_stem.weight")


# Names kept, names flattened, channels behind, one size.
@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_mambaout", "test_maxvit"])
@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_a_whole_models_file_fills_the_encoder_at_another_size_and_channels(name, suffix, tmp_path):
    torch.manual_seed(3)
    sized = {"img_size": 160} if name == "test_maxvit" else {}
    whole = timm.create_model(name, **sized)
    path = tmp_path / f"{name}{suffix}"
    save_file(whole.state_dict(), path) if suffix == ".safetensors" else torch.save(whole.state_dict(), path)
    encoder = make_encoder(name, str(path), 3, 64)
    fresh = {str(value.sum().item()) for value in whole.state_dict().values() if value.numel() > 64}
    own = [value for key, value in encoder.state_dict().items() if value.numel() > 64 and "relative" not in key]
    assert all(str(value.sum().item()) in fresh for value in own)
    assert make_encoder(name, str(tmp_path), 5, 64) is not None  # the folder, and other channels


def test_the_weights_of_a_run_fill_its_encoder_for_other_channels_too(tmp_path):
    trained = build(recipe()).state_dict()
    save_file(trained, tmp_path / "best.safetensors")
    encoder = make_encoder("test_resnet", str(tmp_path / "best.safetensors"), 3, 64)
    assert all(torch.equal(value, trained[f"encoder.{key}"]) for key, value in encoder.state_dict().items())
    assert make_encoder("test_resnet", str(tmp_path / "best.safetensors"), 5, 64) is not None
    with pytest.raises(UserError, match=r"best\.safetensors do not fit it"):
        make_encoder("test_efficientnet", str(tmp_path / "best.safetensors"), 3, 64)


def test_weights_of_another_encoder_are_refused(tmp_path):
    path = tmp_path / "foreign.pt"
    torch.save(make_encoder("test_resnet", "none", 3, 64).state_dict(), path)
    with pytest.raises(UserError, match=r"the weights of .*foreign\.pt do not fit it"):
        make_encoder("test_efficientnet", str(path), 3, 64)
    assert make_encoder("test_resnet", str(path), 3, 64) is not None


@pytest.mark.parametrize(("big", "small"), [("resnet34", "resnet18"), ("test_convnext3", "test_convnext2")])
def test_a_bigger_relatives_weights_are_refused(big, small, tmp_path):
    """resnet34 has every name of resnet18, in the same shapes."""
    torch.save(timm.create_model(big).state_dict(), tmp_path / "big.pt")
    with pytest.raises(UserError, match=r"big\.pt do not fit it"):
        make_encoder(small, str(tmp_path / "big.pt"), 3, 64)


def test_weights_with_holes_are_refused(tmp_path):
    state = timm.create_model("test_convnext").state_dict()
    del state["stages.1.blocks.0.conv_dw.weight"]
    torch.save(state, tmp_path / "holes.pt")
    with pytest.raises(UserError, match=r"they lack \"stages_1\.blocks\.0\.conv_dw\.weight\""):
        make_encoder("test_convnext", str(tmp_path / "holes.pt"), 3, 64)


@pytest.mark.parametrize("channels", [3, 5])
@pytest.mark.parametrize("lacking", ["running_mean", "running_var", "bn1.weight", "bn1.bias"])
def test_weights_without_norms_or_their_statistics_are_refused(tmp_path, lacking, channels):
    """They start at 0 and 1 whatever the seed, so that two builds agree in them."""
    state = timm.create_model("test_resnet").state_dict()
    torch.save({key: value for key, value in state.items() if not key.endswith(lacking)}, tmp_path / "ema.pt")
    with pytest.raises(UserError, match=rf'ema\.pt do not fit it \(they lack ".*{lacking}"\)'):
        make_encoder("test_resnet", str(tmp_path / "ema.pt"), channels, 64)


def test_an_average_of_parameters_alone_is_refused(tmp_path):
    torch.save(dict(timm.create_model("test_resnet").named_parameters()), tmp_path / "ema.pt")
    with pytest.raises(UserError, match='they lack ".*running_mean"'):
        make_encoder("test_resnet", str(tmp_path / "ema.pt"), 3, 64)


@pytest.mark.parametrize("key", ["conv1.weight", "layer4.0.bn2.running_var"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(tmp_path, key, value):
    state = timm.create_model("test_resnet").state_dict()
    key = key if key in state else next(each for each in state if each.endswith(key.rpartition(".")[2]))
    state[key].view(-1)[0] = value
    torch.save(state, tmp_path / "test_resnet.pt")
    with pytest.raises(UserError, match=rf"test_resnet\.pt: {key} has values that are not finite"):
        make_encoder("test_resnet", str(tmp_path), 3, 64)
    (row,) = survey([with_settings(load_member("resnet18-fc-t5"), {"encoder": "test_resnet"})], tmp_path)
    assert f"{key} has values that are not finite" in row.fault


def test_what_is_torn_or_no_state_dict_is_refused(tmp_path):
    (tmp_path / "torn.pt").write_bytes(b"PK\x03\x04")
    torch.save({"epochs": 3}, tmp_path / "other.pt")
    for name in ("torn.pt", "other.pt"):
        with pytest.raises(UserError, match=name):
            make_encoder("test_resnet", str(tmp_path / name), 3, 64)


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        make_encoder("test_resnet", str(tmp_path / "nothing.pt"), 3, 64)
    with pytest.raises(UserError, match=r"holds no test_resnet\.safetensors; .*--pack"):
        make_encoder("test_resnet", str(tmp_path), 3, 64)


def test_weights_that_cannot_be_had_name_the_file_and_how_to_bring_it(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"model\.safetensors of timm/resnet18.*--pack FOLDER.*--set weights=none"):
        build(load_member("resnet18-fc-t5"))


def test_what_timms_cache_holds_is_taken_without_asking_the_hub(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    whole, blob = cached_weights(tmp_path, "test_resnet", "r160_in1k")
    own = make_encoder("test_resnet", "imagenet", 3, 64).state_dict()
    assert all(torch.equal(value, whole[key]) for key, value in own.items())
    blob.write_bytes(blob.read_bytes()[:-1])
    with pytest.raises(UserError, match="is damaged or changed"):
        make_encoder("test_resnet", "imagenet", 3, 64)


def test_a_hub_that_is_away_is_asked_once(monkeypatch, tmp_path):
    asked = []

    def session():
        asked.append(1)
        raise OSError("no network")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(weights, "get_session", session)
    weights._hub_error.cache_clear()
    for name in ("test_resnet", "test_convnext"):
        with pytest.raises(UserError, match=f"encoder {name}: .* cannot be fetched"):
            make_encoder(name, "imagenet", 3, 64)
    weights._hub_error.cache_clear()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": 1, "weights": [{"encoder": "test_resnet"}]}', r"weights\[0\] lacks file"),
        ('{"format": 2, "weights": []}', "format 2"),
        ("{", "not readable JSON"),
    ],
)
def test_a_torn_list_of_packed_weights_is_refused(text, words, tmp_path):
    (tmp_path / "weights.json").write_text(text)
    with pytest.raises(UserError, match=words):
        make_encoder("test_resnet", str(tmp_path), 3, 64)


def test_a_packed_list_names_no_file_of_another_folder(tmp_path):
    row = {"encoder": "a", "file": "../a.pt", "source": "", "licence": "", "bytes": 1, "sha256": ""}
    write_json(tmp_path / "weights.json", {"format": 1, "weights": [row]})
    with pytest.raises(UserError, match="another folder"):
        weights.read_manifest(tmp_path)


def test_a_licence_is_that_of_the_weights():
    assert licence_of("convnextv2_base") == "cc-by-nc-4.0"
    assert licence_of("resnet18") == "apache-2.0"


@pytest.mark.parametrize(("name", "near"), [("resnet_18", "resnet18"), ("resnet18.a9_in1k", "resnet18.a")])
def test_an_unknown_encoder_is_answered_with_its_nearest(name, near):
    with pytest.raises(UnknownName, match=near):
        check_encoder(name)


def test_the_weights_of_every_shipped_member_have_a_licence_that_the_page_names():
    page = (Path(__file__).parents[3] / "docs" / "licences.md").read_text()
    recipes = [stage for name in member_names() for stage in load_member(name).staged]
    pretrained = {recipe.encoder for recipe in recipes if recipe.weights == "imagenet"}
    assert pretrained
    stated = dict(re.findall(r"^\| (\w+) \| ([\w.-]+) \|$", page.partition("## Weights")[2], re.M))
    assert stated == {name: locate(name, "imagenet").licence for name in pretrained}

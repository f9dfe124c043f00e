"""`cli zoo weights`: what it lists, what it finds at fault, and a folder that another machine trains from."""

import json

import pytest
import torch
from huggingface_hub import constants

from cli.app import run
from tests.zoo.models.cases import cached_weights
from zoo.models.encoders import make_encoder


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A hub's cache of its own that holds test_resnet, no network, and two members."""
    cache, members = tmp_path / "cache", tmp_path / "members"
    cache.mkdir()
    members.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    (tmp_path / "contrails.toml").write_text('members = "members"\n')
    (members / "cached.toml").write_text('base = "lite0-fc-t5"\nencoder = "test_resnet"\n')
    (members / "away.toml").write_text('base = "lite0-fc-t5"\nencoder = "convnextv2_base"\n')
    return cached_weights(cache, "test_resnet", "r160_in1k")


def asked(capsys, *words):
    code = run(["zoo", "weights", *words, "--json"])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def test_the_list_says_what_is_here_and_under_which_licence(offline, capsys):
    code, rows, _ = asked(capsys)
    by_encoder = {row["encoder"]: row for row in rows}
    assert code == 0
    lite, cached, away = (by_encoder[name] for name in ("tf_efficientnet_lite0", "test_resnet", "convnextv2_base"))
    assert "lite0-fc-t5" in lite["members"]
    assert lite["sha256"].startswith("57934424")
    assert cached["sha256"] == offline[1].name
    assert cached["bytes"] == offline[1].stat().st_size
    assert (away["path"], away["licence"]) == (None, "cc-by-nc-4.0")
    assert run(["zoo", "weights", "away", "cached"]) == 0
    told = capsys.readouterr()
    assert "missing" in told.out
    assert "not for commercial use" in told.out
    assert told.err == "next: cli zoo weights away cached --pack FOLDER\n"


def test_a_torn_file_is_found(offline, capsys):
    offline[1].write_bytes(offline[1].read_bytes()[:-1])
    code, rows, error = asked(capsys, "cached", "lite0-fc-t5")
    assert code == 1
    assert [bool(row["fault"]) for row in rows] == [True, False]
    assert "1 of 2 weights cannot be used" in error


def test_what_is_packed_trains_elsewhere(offline, capsys, tmp_path, monkeypatch):
    code, document, _ = asked(capsys, "cached", "lite0-fc-t5", "--pack", "packed")
    assert (code, document["missing"]) == (0, [])
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "nothing"))
    code, rows, _ = asked(capsys, "cached", "lite0-fc-t5", "--folder", "packed")
    assert (code, [row["licence"] for row in rows]) == (0, ["apache-2.0", "apache-2.0"])
    own = make_encoder("test_resnet", "packed", 3, 64).state_dict()
    assert all(torch.equal(value, offline[0][key]) for key, value in own.items())
    packaged, carried = (make_encoder("tf_efficientnet_lite0", w, 3, 64).state_dict() for w in ("imagenet", "packed"))
    assert all(torch.equal(packaged[key], carried[key]) for key in packaged)
    torn = tmp_path / "packed" / "test_resnet.safetensors"
    torn.write_bytes(torn.read_bytes()[:-1] + b"x")
    assert asked(capsys, "cached", "--folder", "packed")[0] == 1


def test_each_step_proposes_the_next_for_the_same_members(offline, capsys, tmp_path):
    def proposed(*words):
        assert run(["zoo", "weights", *words]) == 0
        return capsys.readouterr().err.splitlines()[-1]

    both = ("cached", "lite0-fc-t5")
    assert proposed(*both, "--pack", "a b") == "next: cli zoo weights cached lite0-fc-t5 --folder 'a b'"
    train = "next: cli zoo train cached lite0-fc-t5"
    assert proposed(*both, "--folder", "a b") == f"{train} --set 'weights=a b'"
    assert proposed(*both) == train
    other = proposed("cached", "lite1-fc-t5", "--folder", "a b")
    assert other == "next: cli zoo weights cached lite1-fc-t5 --pack 'a b'"


def test_a_folder_that_is_not_there_is_refused(offline, capsys):
    assert run(["zoo", "weights", "cached", "--folder", "pakced"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "pakced: no such file or folder" in told.err


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_terminal_and_no_name_is_cut(offline, capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    assert run(["zoo", "weights"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.startswith("seresnextaa101d_32x8d  missing") for line in lines)
    assert "…" not in "".join(lines)


def test_what_cannot_be_had_is_said_and_the_rest_packed(offline, capsys, tmp_path):
    code, document, error = asked(capsys, "away", "cached", "--pack", "packed")
    assert code == 1
    assert "model.safetensors of timm/convnextv2_base" in error
    assert [row["encoder"] for row in document["packed"]] == ["test_resnet"]
    assert (tmp_path / "packed" / "test_resnet.safetensors").is_file()


def test_what_only_a_members_file_names_and_is_gone_is_said_of_that_file(offline, capsys, tmp_path):
    (tmp_path / "members" / "own.toml").write_text('base = "cached"\nweights = "own.pt"\n')
    (tmp_path / "members" / "heir.toml").write_text('base = "own"\nsize = 512\n')
    (tmp_path / "members" / "typo.toml").write_text('base = "lite0-fc-t5"\nencoder = "resnet81"\n')
    for words, said in (
        (("heir",), f"members/own.toml: weights {tmp_path / 'members' / 'own.pt'}: no such file or folder"),
        (("cached", "heir", "--pack", "packed"), f"own.toml: weights {tmp_path / 'members' / 'own.pt'}: no such"),
        (("typo",), 'members/typo.toml: no encoder "resnet81"; did you mean "resnet18"?'),
    ):
        code, _, error = asked(capsys, *words)
        assert (code, said in error, error.count("\n")) == (1, True, 1), error
    assert run(["zoo", "weights", "heir"]) == 1
    told = capsys.readouterr()
    assert ("missing" in told.out, "--pack" in told.err) == (True, False)
    assert asked(capsys, "heir", "--folder", "packed")[0] == 0


def test_to_look_and_to_fill_are_two_calls(offline, capsys):
    assert run(["zoo", "weights", "--pack", "a", "--folder", "a"]) == 2
    assert "give one of them" in capsys.readouterr().err

"""What a user may do wrong is answered in one line that names what and where; nothing is lost."""

import os
import stat

import numpy as np
import pytest

from cli.app import run
from tests.scenes import write_record


@pytest.fixture
def data(tmp_path):
    for number in range(6):
        write_record(tmp_path / "data", "train", str(10 + number), mask=40 * number, bands=(11, 14, 15))
    write_record(tmp_path / "data", "test", "77")
    return tmp_path / "data"


def spoil(name, change):
    """Change one array of record 11."""

    def do(data):
        path = data / "train" / "11" / name
        np.save(path, change(np.load(path)))

    return do


def set_pixel(value):
    def change(array):
        array[3, 3, min(4, array.shape[2] - 1)] = value
        return array

    return change


def truncate(data):
    path = data / "train" / "11" / "band_14.npy"
    path.write_bytes(path.read_bytes()[:100_000])


def pickled(data):
    np.save(data / "train" / "11" / "band_14.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)


def remove(data):
    (data / "train" / "11" / "band_15.npy").unlink()


DATA_FAULTS = {
    "missing band": (remove, "band_15"),
    "truncated npy": (truncate, "band_14"),
    "wrong shape": (spoil("band_14.npy", lambda a: a[:100]), "band_14"),
    "object dtype": (pickled, "band_14"),
    "NaN in a held frame": (spoil("band_14.npy", set_pixel(np.nan)), "band_14"),
    "mask with 255": (spoil("human_pixel_masks.npy", set_pixel(255)), "human_pixel_masks"),
}
FOLDS = "record_id,fold\n10,0\n11,1\n12,0\n13,1\n14,0\n15,1\n"
TRAIN = "zoo train lite0-fc-t5 --data {data} --epochs 1 --set size=64 --fold 0"
CALLS = {
    "no data named": (
        "data check",
        2,
        ["contrails.toml is not in this folder or above", "--data DIR"],
    ),
    "missing data directory": ("data check --data {data}/nowhere", 1, ["nowhere"]),
    "unknown member": ("zoo train lite0-fc-t5x --data {data}", 2, ["lite0-fc-t5x", 'did you mean "lite0-fc-t5"']),
    "unknown key": (f"{TRAIN} --set epoch=3", 2, ['no key "epoch"', 'did you mean "epochs"']),
    "epochs twice": (f"{TRAIN} --set epochs=3", 2, ["--epochs 1", "--set epochs=3", "give one"]),
    "unknown key in a file": ("zoo train {data}/../typo.toml --data {data}", 1, ["typo.toml", '"encodr"']),
    "a member's file that is not there": ("zoo train {data}/../no.toml --data {data}", 2, ["no.toml"]),
    "a TOML that is none": ("zoo train {data}/../torn.toml --data {data}", 1, ["torn.toml", "TOML"]),
    "fold out of range": ("zoo train lite0-fc-t5 --fold 7 --data {data}", 2, ["--fold 7", "folds 0 to"]),
    "no predictions yet": ("ensemble fit --data {data}", 1, ["predictions", "cli zoo train"]),
    "member without predictions": ("ensemble fit --members lite0-fc-t5 --data {data}", 1, ["cli zoo train"]),
    "no ensemble yet": ("submit --out {data}/../s.csv --data {data}", 1, ["ensemble.json", "cli ensemble fit"]),
    "existing output file": ("submit --out {data}/../typo.toml --data {data}", 2, ["typo.toml", "--force"]),
    "a folder that is not there": ("submit --out {data}/no/s.csv --data {data}", 2, ["no folder", "make it"]),
    "no folder for folds": ("data folds --out {data}/no/f.csv --data {data}", 2, ["no folder", "make it"]),
    "no folder for an export": (
        "zoo export lite0-fc-t5 --format pt2 --out {data}/no/m.pt2 --data {data}",
        2,
        ["no folder", "make it"],
    ),
    "no folder for a tuned member": ("zoo tune lite0-fc-t5 --out {data}/no/m.toml --data {data}", 2, ["no folder"]),
    "a device that is not there": ("zoo train lite0-fc-t5 --data {data} --device warp", 2, ["warp"]),
    "a member's weights that cannot be had": ("zoo train resnet18-fc-t5 --data {data}", 1, ["--set weights=none"]),
    "a configuration of the wrong kind": ("data check --config {data}/../kinds.toml", 2, ["kinds.toml", "seed = 'x'"]),
    "a configuration that is no TOML": ("data check --config {data}/../torn.toml", 2, ["torn.toml", "TOML"]),
    "a line-up of nobody": (
        "zoo train --data {data} --config {data}/../lineup.toml",
        2,
        ['lineup.toml: lineups.default: no member "lite0-fc-t6"; did you mean'],
    ),
    "a mistyped line-up": (
        "zoo train mne --data {data} --config {data}/../lineups.toml",
        2,
        ['no member or line-up "mne"; did you mean "mine"?'],
    ),
    "an empty line-up": (
        "zoo train empty --data {data} --config {data}/../lineup.toml",
        2,
        ["lineup.toml: lineups.empty names no member; name members"],
    ),
    "a list without brackets": (f"{TRAIN} --set frames=5,6", 2, ["frames = '5,6'; give a list: frames=[5,6]"]),
    "a list of one": (f"{TRAIN} --set frames=5", 2, ["frames = 5; give a list: frames=[5]"]),
    "a yes": (f"{TRAIN} --set registered=yes", 2, ["registered = 'yes'; give true or false"]),
    "a bad configuration": ("data check --config {data}/../typo.toml", 2, ["typo.toml", "encodr"]),
}


def fails(call, capsys):
    """The exit code and the one line on stderr; no traceback."""
    capsys.readouterr()
    code = run(call.split())
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(lines) == 1
    assert "Traceback" not in lines[0]
    return code, lines[0]


@pytest.mark.parametrize("case", CALLS)
def test_a_bad_call_gives_one_clear_line(case, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "typo.toml").write_text('encodr = "resnet18"\n')
    (tmp_path / "lineup.toml").write_text('[lineups]\ndefault = ["lite1-fc-t5", "lite0-fc-t6"]\nempty = []\n')
    (tmp_path / "lineups.toml").write_text('[lineups]\nmine = ["lite1-fc-t5"]\n')
    (tmp_path / "kinds.toml").write_text('seed = "x"\n')
    (tmp_path / "torn.toml").write_text("encoder = \n")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "folds.csv").write_text(FOLDS)
    call, expected, words = CALLS[case]
    code, line = fails(call.format(data=data), capsys)
    assert code == expected, line
    assert all(word in line for word in words), line
    assert (tmp_path / "typo.toml").read_text() == 'encodr = "resnet18"\n'


@pytest.mark.parametrize("case", DATA_FAULTS)
def test_a_data_fault_is_named_by_the_check_and_by_training(case, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    change, word = DATA_FAULTS[case]
    change(data)
    assert run(["data", "check", "--data", str(data)]) == 1
    told = capsys.readouterr()
    assert word in told.out + told.err
    assert "11" in told.out + told.err
    (tmp_path / "runs" / "folds.csv").write_text(FOLDS)
    code, line = fails(f"zoo train lite0-fc-t5 --data {data} --epochs 1 --set size=64 --fold 0", capsys)
    assert code == 1
    assert "11" in line
    assert (tmp_path / "runs" / "folds.csv").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_runs_directory_is_named(data, tmp_path, capsys):
    runs = tmp_path / "closed"
    runs.mkdir()
    runs.chmod(stat.S_IRUSR | stat.S_IXUSR)
    code, line = fails(f"data folds --folds 2 --data {data} --runs {runs}", capsys)
    assert code == 1
    assert "closed" in line


def test_a_runs_directory_that_is_a_file_is_named(data, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    code, line = fails(f"zoo train lite0-fc-t5 --data {data} --runs {tmp_path / 'file'}", capsys)
    assert code == 1
    assert "file" in line
    assert (tmp_path / "file").read_text() == "mine"


def test_no_complete_member_is_said(data, tmp_path, monkeypatch, capsys):
    """A run that was cut off has weights but no predictions."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs" / "predictions" / "lite0-fc-t5" / "abc" / "oof" / "fold-0" / "none"
    folder.mkdir(parents=True)
    (folder / "shard-0000.zst").write_bytes(b"torn")
    (tmp_path / "runs" / "folds.csv").write_text(FOLDS)
    code, line = fails(f"ensemble fit --data {data}", capsys)
    assert code == 1
    assert "cli zoo train" in line


def test_a_first_fit_is_told_to_train_and_not_to_split(data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, line = fails(f"ensemble fit --data {data}", capsys)
    assert code == 1
    assert "no out-of-fold predictions; run: cli zoo train --fold all" in line

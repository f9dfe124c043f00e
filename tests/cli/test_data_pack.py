"""`cli data pack`, and a packed folder in the commands that read scenes."""

import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.locks import claim
from tests.scenes import write_metadata, write_record
from tests.zoo.training.cases import TINY_FILE


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scenes whose kelvins are whole hundredths, so that packing loses nothing of them, and a member of kelvins."""
    folder = tmp_path_factory.mktemp("pack")
    raw = folder / "in" / "scenes"
    for number in range(4):
        write_record(raw, "train", str(100 + number), mask=60 * number, labelers=4)
    for number in range(2):
        write_record(raw, "test", str(200 + number))
    for path in raw.rglob("band_*.npy"):
        np.save(path, np.divide(np.rint(100 * np.load(path)), 100, dtype=np.float32))
    write_metadata(raw, "train", {str(100 + number): (100 * number, 0, 0) for number in range(4)})
    write_metadata(raw, "test", {"200": (1000, 0, 0), "201": (1100, 0, 0)})
    (raw / "sample_submission.csv").write_text("record_id,encoded_pixels\n201,-\n200,-\n")
    (folder / "tiny.toml").write_text(f'{TINY_FILE}input = "fc_unclipped"\nepochs = 1\nbatch = 2\n')
    return folder


def test_every_command_says_of_packed_scenes_what_it_says_of_the_raw_ones(folder, typing_in):
    run = typing_in(folder, "--device cpu --jobs 1")
    code, said = run("data pack out/scenes tiny.toml --data in/scenes --json")
    assert (code, json.loads(said.out)["records"]) == (0, 6)
    assert "out/scenes: 6 records, 3 bands of t5, 3 MB" in said.err
    found = {}
    for place in ("in", "out"):
        # Names alike, so that nothing but the layout differs.
        shutil.copytree(folder / place, folder / "data", symlinks=True)
        found[place] = said_of(run, folder / "runs")
        shutil.rmtree(folder / "data")
        shutil.move(folder / "runs", folder / f"runs-of-{place}")
    assert found["in"].keys() == found["out"].keys()
    for command, answer in found["in"].items():
        assert found["out"][command] == answer, command
    code, said = run("data pack out/scenes tiny.toml --data in/scenes")
    assert "out/scenes: 6 records in 3 MB, 6 of them there before" in said.out
    assert "next: cli data check --data out/scenes" in said.err


def said_of(run, runs):
    """What each command says, and what it writes of predictions and weights."""
    found = {}
    for command in (
        "data folds --folds 2",
        "data stats --json",
        "data shift --json",
        "zoo train tiny.toml --fold all",
        "zoo predict tiny --split test --json",
        "ensemble fit --members tiny --json",
        "zoo errors tiny --json",
        "data shift tiny --json",
        "submit --out runs/test.csv --json",
        "submissions check runs/test.csv --json",
        "submit --split oof --out runs/oof.csv --json",
        "submissions score runs/oof.csv --json",
        "submit --format geotiff --out runs/tiff --json",
    ):
        code, said = run(f"{command} --data data/scenes --runs runs")
        assert code == 0, said.err
        found[command] = re.sub(
            r'"(seconds_per_record|sha256)": [^,}]*| +\d+\.\d$', "", said.out, flags=re.MULTILINE
        )  # minutes
    for path in sorted(runs.rglob("*")):
        if path.suffix in (".safetensors", ".zst", ".csv", ".tif"):
            found[str(path.relative_to(runs))] = path.read_bytes()
    for command in ("data check --json", "report --out runs/report.html"):
        code, said = run(f"{command} --data data/scenes --runs runs")
        assert code == 0, said.err
    assert "without errors" not in said.err
    assert "without records" not in said.err
    return found


def test_an_input_of_bands_that_are_not_packed_is_refused(folder, typing_in):
    run = typing_in(folder, "--device cpu --jobs 1")
    run("data pack ash --input fc --data in/scenes")
    run("data folds --folds 2 --data ash --runs none")
    for command, words in {
        "zoo train tiny.toml": 'is kept as an ash-colour image, of which the input "fc_unclipped" cannot be made',
        "zoo train tiny.toml --set input=all_bands_min_max": (
            'input "all_bands_min_max" cannot be made, as in 4 of 4 records of ash: give --set input=fc (or fc_ridge, '
            "split_window), pack the scenes for this input, or --data without this source"
        ),
        "zoo train tiny.toml --set input=fc --set frames=[4,5]": "frame 4 is absent in bands 11, 14, 15, as in 4 of 4",
    }.items():
        code, said = run(f"{command} --data ash --runs none")
        assert code == 1
        assert words in said.err
    assert not Path("none/members").exists()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("data pack out --input fd --data in/scenes", 'no input "fd"'),
        ("data pack out --input fc --frames 9 --data in/scenes", "--frames 9: give numbers of frames 1 to 8"),
        (
            "data pack out --input fc --frames x --data in/scenes",
            "--frames x: give numbers of frames 1 to 8, such as 4,6",
        ),
        ("data pack out --input fc", "no data directory"),
    ],
)
def test_a_wrong_call_is_answered_in_one_line(folder, typing_in, words, error):
    code, said = typing_in(folder, "")(words)
    assert code == 2
    assert error in said.err


def test_links_to_the_source_and_to_the_result_lead_to_the_same_bytes(tmp_path, typing_in):
    write_record(tmp_path / "raw", "train", "100", mask=60)
    for name, target in (("raw-link", "raw"), ("out-link", "out"), ("to-come-link", "to-come")):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "out").mkdir()
    run = typing_in(tmp_path, "--input fc --jobs 1")
    packed = []
    for out, data in (("plain", "raw"), ("out-link", "raw-link"), ("to-come-link", "raw-link")):
        assert run(f"data pack {out} --data {data}")[0] == 0
        packed.append({path.name: path.read_bytes() for path in (tmp_path / out).rglob("*") if path.is_file()})
    assert packed[0] == packed[1] == packed[2]
    with claim(tmp_path / "out"), ThreadPoolExecutor(1) as other:
        code, said = other.submit(run, "data pack out-link --data raw").result()
    assert code == 1
    assert "out: is being packed by" in said.err


@pytest.mark.parametrize("words", ["data pack out --input fc --data", "data check --data"])
def test_data_that_is_no_folder_is_answered_in_one_line(tmp_path, typing_in, words):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    for name in ("pipe", "file"):
        code, said = typing_in(tmp_path, "")(f"{words} {name}")
        assert code == 1
        assert f"error: {name}: is not a directory; expected one with" in said.err

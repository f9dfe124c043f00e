"""Every benchmark runs, once and at its smallest size; its figures are looked at where it is run for them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import benchmarks
from ensemble import counts
from tests.benchmarks.cases import GOLDEN, LABELLED
from tests.dask_cluster import dask_cluster
from tests.scenes import write_record
from tests.zoo.training.cases import TINY
from zoo.data.synth import make_scenes
from zoo.members import with_settings

TWO_MEMBERS = {"MEMBERS": 2, "SHARES": [3, 1]}


def test_bit_flips(run):
    """Of files of an older release, manifests and shards alone have a digest."""
    _, figures = run("bit_flips", GOLDEN, "--flips", 12)
    assert {"*.zst", "manifest.json"} <= figures.keys()
    assert (figures["all"]["flips"], figures["all"]["missed"]) == (12, 0)


def test_boards(run):
    _, figures = run("boards", "--boards", 1, MEMBERS=(2,), GROUPS=(12,))
    assert [(row["members"], row["groups"], row["boards"]) for row in figures] == [(2, 12, 1)]


def test_cache_size(run):
    _, figures = run("cache_size", "--records", 2, REPEATS=1)
    assert figures["lines"]["smaller_than_float32"] > 5
    assert figures["lines"]["largest_error"] <= 0.5 / 255 + 1e-6


def test_cluster(run):
    """Also with workers that are forks of this process."""
    small = {"encoder": "test_efficientnet", "weights": "none", "size": 64, "decoder_channels": [16, 16, 8, 8, 8]}
    keys = {**small, "crop": 0, "batch": 2}
    _, figures = run("cluster", "--records", 6, "--epochs", 2, started=dask_cluster, CHANGES=keys, FOLDS=2)
    assert (figures["same_bytes"], figures["killed"], figures["same_bytes_after_kill"]) == (True, 1, True)


def test_cache_size_of_runs(run):
    """Each member that was predicted out of fold."""
    _, figures = run("cache_size", GOLDEN, REPEATS=1)
    assert {name.partition("@")[0] for name in figures} == {"tiny", "tiny-staged", "elsewhere"}


def test_changed_scenes(run, scenes):
    _, figures = run("changed_scenes", scenes, REPEATS=1)
    assert [(row["bands"], row["records"]) for row in figures] == [(3, len(LABELLED))]


def test_check(run):
    out, figures = run("check", "--rows", 5)
    assert "check_vs_csv_and_numpy" in out
    assert all(value > 0 for value in figures.values())


def test_classical(run, scenes):
    out, _ = run("classical", "--synthetic", scenes, "--data", scenes, "--jobs", 1, THRESHOLDS=[1.0, 2.0])
    assert "chosen on 6 scenes" in out
    assert "real, 6 scenes: Dice" in out


def test_coverage(run):
    """The chosen interval and all others, on a few samples; none of them is worse than never."""
    smaller = {"WAYS_GROUPS": (39,), "SHARES": (0.4,)}
    _, figures = run("coverage", "--ways", "--studies", 8, **smaller)
    assert len(figures) == len({row["interval"] for row in figures}) == 20
    assert all(0.25 < row["covers"] <= 1 and 0 < row["effective"] < 39 for row in figures)


def test_the_chosen_interval_covers_where_it_says_so(run):
    """The short form of the simulation: 300 samples of 650 groups, where chance alone gives 0.92 to 0.98."""
    _, (figures,) = run("coverage", "--studies", 300, GROUPS=(650,), SHARES=(0.4,))
    assert figures["effective"] > 20
    assert 0.92 <= figures["covers"] <= 0.98
    assert 0.92 <= figures["pair_covers"] <= 0.98
    assert "interval" not in figures


def test_coverage_of_real_scenes(run, scenes):
    """Groups of the records that two members predicted out of fold are the population."""
    given = ("--studies", 5, "--data", scenes, "--runs", GOLDEN)
    _, figures = run("coverage", *given, GROUPS=(6,), SHARES=(), REAL_SHARES=(0.5,))
    assert [row["population"] for row in figures] == ["real"]


def test_ensemble(run):
    _, figures = run("ensemble", "--records", 4, "--full", 0, PEER_RECORDS=1, INTERVAL_RECORDS=20, **TWO_MEMBERS)
    assert {"surface_vs_scipy", "evaluation_vs_blas", "interval_vs_loop", "rle_encode_vs_numpy"} <= figures.keys()
    assert all(value > 0 for value in figures.values())


def test_ensemble_full_fit(run):
    """What `--full` starts a process for."""
    before = counts.curves, counts.changes
    out, _ = run("ensemble", "--child", 12, "--jobs", 1, FOLDS=3, **TWO_MEMBERS)
    figures = json.loads(out)
    assert figures["fit_records"] == 12
    assert figures["fit_evaluations"] > 0 < figures["fit_surfaces"]
    assert (counts.curves, counts.changes) == before


def test_epoch_choice(run):
    _, figures = run("epoch_choice", "--studies", 20, "--runs", GOLDEN, WORLDS={"loose": (0.04, 1.0)}, GROUPS=(45,))
    bias = {row["rule"]: row["bias"] for row in figures if "rule" in row}
    assert bias["own"] > 0.01
    assert max(abs(bias[rule]) for rule in ("last", "others", "half")) < 0.005


def test_epoch_profile(run, scenes, monkeypatch):
    monkeypatch.setattr("benchmarks.epoch_profile.load_member", lambda name: TINY)
    _, figures = run("epoch_profile", "--data", scenes, "--steps", 1)
    assert all(seconds > 0 for part, seconds in figures["seconds"]["after"].items() if part != "crops and views")
    assert figures["losses"]["before"] == pytest.approx(figures["losses"]["after"], abs=1e-4)


def test_floor_bound(run, scenes):
    _, rows = run("floor_bound", GOLDEN, "--data", scenes)
    assert all(0 < row["bound"] <= 1 and 0 <= row["active"] <= rows[0]["active"] for row in rows)


def test_one_writer(run):
    _, figures = run("one_writer", "--rounds", 3)
    assert all(race["with"] == 0 for name, race in figures.items() if name != "rounds")


def test_prediction(run, monkeypatch):
    monkeypatch.setattr("benchmarks.prediction.load_member", lambda name: with_settings(TINY, {"size": 256}))
    _, figures = run("prediction", "--records", 2, "--repeats", 1)
    assert figures["product_differs"] <= 1e-5 < figures["bf16_differs"] < 0.1
    assert figures["ttach_vs_ttach"] == 1


def test_peak_memory(run):
    _, figures = run("peak_memory", "--of", "predict", "--records", 1, 3)
    assert [row["records"] for row in figures] == [1, 3]
    assert all(row["peak_mb"] > 100 for row in figures)


def test_reading(run, tmp_path):
    for record in ("1", "2"):
        write_record(tmp_path, "train", record, bands=range(8, 17))
    given = ("--data", tmp_path, "--threads", 1, "--records", 2)
    _, figures = run("reading", *given, REPEATS=1, INPUTS={"fc t5": ("fc", [5])})
    assert [row["unit"] for row in figures["rows"]] == ["records/s"] * 2 + ["ms a batch"] * 2 + ["processor s"]


def test_feeding(run, tmp_path):
    write_record(tmp_path / "raw", "train", "1", mask=9)
    given = ("--data", tmp_path / "raw", "--copies", 2)
    out, figures = run("feeding", *given, REPEATS=1, WORKERS=1, PASSES=1, SECONDS=0, MEMCPY=1 << 20)
    assert "2 packed" in out
    assert figures["ratios"].keys() == {
        *("cold, wall", "warm, wall", "warm, processor", "warm float32, processor", "warm, share of memcpy"),
    }
    assert min(figures["ratios"].values()) > 0


def test_formats(run):
    out, figures = run("formats", "--records", 40)
    kept, *others = figures
    assert (kept["flipped"], kept["bytes"] > 40 * 3 * 2**16) == ("nothing", True)
    assert all("skipped" in row or row["ms"] > 0 for row in others)
    assert "zarr, shards of 256" in out


def test_packed_dice(run, tmp_path):
    """Without a trained member: packing and predicting have tests of their own."""
    write_record(tmp_path / "raw", "train", "1", mask=9)
    _, figures = run("packed_dice", "--data", tmp_path / "raw")
    errors = figures["errors"]["fc"]
    assert errors["uint8 colours"]["largest"] <= 1 / 509
    assert errors["float16 colours"]["rms"] < errors["uint8 colours"]["rms"]


def test_packing(run, tmp_path):
    for record in ("1", "2"):
        write_record(tmp_path / "raw", "train", record, mask=9, bands=range(8, 17))
    _, (ash, bands) = run("packing", "--data", tmp_path / "raw", "--jobs", 1, REPEATS=1)
    assert bands["bytes"] > 2.5 * ash["bytes"] > 0
    assert ash["share"] > 0


def test_report(run, scenes):
    _, figures = run("report", "--data", scenes, "--runs", GOLDEN, "--members", 4, EPOCHS=2)
    assert (figures["members"], figures["missing"]) == (4, [])
    assert figures["bytes"] < 5e6 and figures["cpu_seconds"] > 0


def test_rle(run):
    out, figures = run("rle", "--records", 4, REPEATS=1)
    assert "us a mask" in out
    assert all(value > 0 for value in figures.values())


def test_run_means(run):
    _, figures = run("run_means", "--studies", 1, GROUPS=10, OTHERS=10, CASES={1: 0.5}, SHARES=(0.5,))
    assert figures[0]["best"] >= figures[0]["same_share"] > 0


def test_saturation(run):
    _, (row,) = run("saturation", "--steps", 2, FITS=(("bce+dice", 2),), TESTED=100)
    assert row["loss"] == "bce+dice"
    assert row["possible"] >= row["dice"] >= row["dice_at_half"]
    assert row["between"] == row["at_255"] == 0  # after two steps from 1 %


def test_saturation_of_runs(run, scenes):
    _, figures = run("saturation", "--runs", GOLDEN, "--data", scenes, "tiny")
    assert {row["loss"].partition("@")[0] for row in figures} == {"tiny"}
    assert all(row["plateau"][0] <= row["threshold"] <= row["plateau"][1] for row in figures)


def test_selection(run):
    smallest = {"GROUPS": (9,), "FOLDS": (3,), "POPULATION": 20, "WORLDS": {"mixed": (0.6, 1.0, 2.0)}}
    out, figures = run("selection", "--studies", 1, "--product", **smallest)
    assert "auto, z > 0" in out and "auto, all at once" in out
    assert {len(one) for one in figures["studies"][0]["figures"].values()} == {2}
    assert run("selection", "--studies", 1, **smallest)[1] == figures  # nothing is done twice


def test_structure(run, tmp_path):
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "one.py").write_text(
        "def one():\n    import json\n\n    return json\n\n\ndef two():\n    pass\n"
    )
    out, _ = run("structure", tmp_path)
    figures = json.loads(out)
    assert (figures["files"], figures["functions"], figures["lazy_imports"]) == (1, 2, 1)


def test_synth_likeness(run, tmp_path, capsys):
    # A single scene without contrails: no contrast, no pair of labelers; what cannot be compared is far.
    make_scenes(tmp_path, train=1, validation=0, test=0, seed=4)
    with pytest.raises(SystemExit) as stopped:
        run("synth_likeness", tmp_path)
    assert stopped.value.code
    lines = capsys.readouterr().out.splitlines()
    (contrast,) = (line for line in lines if line.startswith("contrast of a contrail in T11"))
    assert "nan" in contrast and contrast.endswith("far")
    assert "figures within their tolerance" in lines[-1]


def test_synth_speed(run, tmp_path):
    out, _ = run("synth_speed", "--records", 1, "--jobs", 1, "--folder", tmp_path)
    assert "records/s with 1 processes, 1 records" in out


def test_synth_crops(run, scenes, tmp_path):
    """The same scenes on both sides cannot be told apart."""
    file = tmp_path / "crops.png"
    out, figures = run("synth_crops", "--synthetic", scenes, "--data", scenes, "--picture", file)
    with Image.open(file) as picture:
        assert picture.size == (6 * 128, 4 * 128)
    assert "24 real and 24 synthetic crops" in out
    assert {row["auc"] for row in figures["statistics"]} == {0.5}
    assert figures["auc"] <= 0.5


@pytest.mark.parametrize("adapted", [(), ("--adapt",)])
def test_synthetic_worth(run, scenes, adapted):
    given = ("--runs", GOLDEN, "--synthetic", scenes, "--data", scenes, "--member", "tiny", "--threads", 1)
    out, figures = run("synthetic_worth", *given, *adapted)
    assert "mean map, 6 real scenes" in out
    assert figures["records"] == 6
    assert all(row["best"] >= row["dice"] for row in figures["rows"])


@pytest.mark.parametrize("name", ["coverage", "ensemble"])
def test_a_benchmark_with_the_name_of_a_package_runs_as_a_file(name):
    """Its folder then comes first in the path: numba looks for a package coverage, and ensemble is our own."""
    file = Path(benchmarks.__path__[0]) / f"{name}.py"
    done = subprocess.run([sys.executable, file, "--help"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--json" in done.stdout


def test_training_step(run):
    out, _ = run("training_step", "--batch", 2, "--side", 32, "--steps", 1)
    assert [line.split("  ")[0] for line in out.splitlines()[1:]] == [
        "smp, fp32", "product, fp32", "product, all in bf16", "product, bf16",
    ]  # fmt: skip


def test_completion(run):
    out, _ = run("completion", 1)
    assert [line.split("'")[1] for line in out.splitlines()] == [
        "cli zoo tr", "cli zoo train lite", "cli zoo train --fold ", "cli ensemble show d", "cli submit --split o",
    ]  # fmt: skip


def test_no_benchmark_is_forgotten():
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    tested = set(re.findall(r"^def test_(\w+)", "\n".join(tests), re.MULTILINE))
    shared = {"__init__", "ensemble_maps", "selection_worlds", "coverage_ways", "coverage_worlds"}
    names = {path.stem for path in Path(benchmarks.__path__[0]).glob("*.py")} - shared
    assert sorted(names - tested) == []


def test_peer_faults(run):
    _, figures = run("peer_faults", "--kills", 2, "--flips", 3)
    assert figures["kills"]["this suite"] == {"epoch 1": 2}
    assert figures["kills"]["torch.save to the path (nnU-Net)"] == {"lost": 2}
    assert figures["flips"]["this suite"] == {"found": 3, "harmless": 0, "missed": 0}
    assert all(figures["refused"].values())


def test_command_memory(run, tmp_path):
    write_record(tmp_path / "scenes", "train", "1")
    few = {"data check": "data check {data} --runs runs", "zoo list": "zoo list --runs runs"}
    _, figures = run("command_memory", "--data", tmp_path / "scenes", "--log", tmp_path / "log", COMMANDS=few)
    assert [set(column) for column in figures] == [set(few)]
    assert all(peak > 20 for peak in figures[0].values())


def test_shared_folder(run):
    _, figures = run("shared_folder", "--processes", 2, "--seconds", 0.5, RECORDS=4)
    assert figures["lost"] == [] and figures["crashed"] == 0
    assert not any(count["traceback"] for count in figures["commands"].values())

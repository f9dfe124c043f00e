"""The artefacts of an older version are read, and made again from what they were made of.

`runs/` and the two submissions lie here as these commands wrote them, with the scenes and the encoder of `cases` and
the members of `members/`, less report.png and with the trials as SQL. They are not to be changed.

    cli data folds --folds 2
    cli zoo train tiny --fold all --with-val
    cli zoo train tiny-staged --fold 0 --with-val --seed 3
    cli zoo import elsewhere --oof maps/oof --test maps/test
    cli zoo leaderboard
    cli ensemble fit --members tiny,elsewhere --method logit-mean --min-pixels component
    cli ensemble fit --ensemble share --members tiny,elsewhere --method greedy --min-pixels image --threshold percentile
    cli submit --out submission.csv
    cli submissions log --public 0.61
    cli submit --split oof --out out-of-fold.csv
    cli zoo tune tiny --trials 6 --epochs 3 --with-val

Nothing is trained here. Measured times, versions and words for people are not compared.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from cli.app import run
from core.errors import UserError
from core.files import write_json
from core.signing import matches
from ensemble import Ensemble
from tests.golden.cases import TEST, TRAIN, VALIDATION, write_scenes
from zoo.inputs import read_scaling, write_scaling
from zoo.members import read_recipe
from zoo.predictions import find_members
from zoo.predictions.format import read_manifest
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs

HERE = Path(__file__).parent
KEPT = HERE / "runs"


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    """Type a command in a folder with the scenes and a copy of the runs; its JSON document."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(KEPT, tmp_path / "runs")
    write_scenes(tmp_path / "scenes")
    (tmp_path / "contrails.toml").write_text(f"members = {json.dumps(str(HERE / 'members'))}\n")

    def type_in(command, where="--data scenes --runs runs"):
        capsys.readouterr()
        code = run([*command.split(), *where.split(), "--jobs", "1", "--device", "cpu", "--json", "-q"])
        said = capsys.readouterr()
        assert code == 0, said.err
        return json.loads(said.out)

    return type_in


def files_below(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def near(document):
    """Floats as good as equal, by pytest's rule; anything else as it is, the order of keys included."""
    if isinstance(document, dict):
        return [(key, near(value)) for key, value in document.items()]
    if isinstance(document, list):
        return [near(value) for value in document]
    return pytest.approx(document, rel=1e-9, abs=1e-12) if isinstance(document, float) else document


# How sure a figure is and where a plateau is cut may be told better by a newer version; the figure itself stays.
BETTERED = {"interval", "in_sample_interval", "best_single_interval", "uniform_interval", "error", "z", "threshold"}


def known_then(new, old):
    """Part of a newer document that the older one has too, without what newer versions compute in another way."""
    if isinstance(old, dict):
        return {key: known_then(new[key], old[key]) for key in old if key not in BETTERED}
    if isinstance(old, list):
        return [known_then(*pair) for pair in zip(new, old, strict=True)]
    return new


def as_then(path):
    """Text of a signed document as older releases wrote it: format 1 and no digest."""
    document = json.loads(path.read_text())
    assert matches(document) and document["format"] == 2
    del document["digest"]
    return json.dumps(document | {"format": 1}, indent=1) + "\n"


def test_the_same_folds_are_made(typed, tmp_path):
    typed("data folds --folds 2", "--data scenes --runs new")
    lines = [line.rsplit(",", 2) for line in (tmp_path / "new" / "folds.csv").read_text().splitlines()]
    assert [line[0] for line in lines] == (KEPT / "folds.csv").read_text().splitlines()
    assert {line[1] for line in lines} == {"grouped_by", "metadata"}  # which older versions lack, as they do the digest


def test_a_recipe_is_written_as_it_was_read():
    for path in KEPT.glob("members/*/*/fold-*/recipe.toml"):
        recipe = read_recipe(path, path.parts[-4])
        then, now = path.read_text().splitlines(), recipe.as_toml().splitlines()
        newer = {line.partition(" = ")[0] for line in now if line not in then}
        assert [line for line in now if line in then] == then
        assert newer.isdisjoint(recipe.counted)  # keys that came later have their default, and leave the hash as it was


def test_the_scaling_of_an_input_is_written_as_it_was_read(tmp_path):
    paths = list(KEPT.glob("members/*/*/fold-*/scaling.json"))
    assert len(paths) == 2
    for path in paths:
        write_scaling(tmp_path / "scaling.json", read_scaling(path, "fc_and_bands"))
        assert as_then(tmp_path / "scaling.json") == path.read_text()


def test_a_run_draws_what_it_drew():
    """One that was cut off under an older version goes on as if it had not been."""
    refs = Ref("tiny-staged", "901ff498bb85"), Ref("tiny", "2a81ce0e49e1")
    staged, *plain = (ended.run for ref in refs for ended in find_runs(Store(KEPT), ref))
    assert [run.random_seed("step", 1, 0) for run in (*staged.stages, *plain)] == [
        70840076590145685,
        515724841680973563,
        465113108337221902,
        231204702757924570,
    ]


@pytest.mark.parametrize("call", ["tiny --fold all", "tiny-staged --fold 0 --seed 3"])
def test_trained_runs_are_found_and_not_trained_again(typed, tmp_path, call):
    shutil.rmtree(tmp_path / "scenes")
    write_scenes(tmp_path / "scenes", with_bands=TRAIN + VALIDATION)
    for row in typed(f"zoo train {call} --with-val"):
        result = json.loads((HERE / row["folder"] / "result.json").read_text())
        assert {key: row[key] for key in result if key in row} == {k: result[k] for k in result if k in row}
    assert files_below(tmp_path / "runs") == files_below(KEPT)


def test_a_network_of_then_predicts_the_same(typed, tmp_path):
    """Input, scaling, network and the way back to 256 pixels, of either member: within a level of 255."""
    shutil.rmtree(tmp_path / "scenes")
    write_scenes(tmp_path / "scenes", with_bands=TRAIN[:2])
    for member, seed in (("tiny", ""), ("tiny-staged", "-seed-3")):
        place = next((tmp_path / "runs" / "predictions" / member).glob(f"*/oof/fold-0{seed}/none"))
        shutil.rmtree(place)
        typed(f"zoo predict {member} --fold 0")
        old, new = (
            find_members(Store(runs), "oof", [Ref(member)])[0].maps(TRAIN[:2]) for runs in (KEPT, tmp_path / "runs")
        )
        assert np.abs(old.astype(int) - new).max() <= 1
        assert without_bytes(place) == without_bytes(KEPT / place.relative_to(tmp_path / "runs"))


def without_bytes(folder):
    """A manifest without times, versions and what names its compressed bytes; the order of its keys."""
    document = json.loads((folder / "manifest.json").read_text())
    keys = [list(part) for part in (document, document["provenance"], *document["shards"])]
    for part in (document, *document["shards"]):
        del part["sha256"]
    del document["provenance"]["seconds_per_record"], document["provenance"]["code"]
    return keys, document


def test_every_prediction_set_is_whole(typed, tmp_path):
    shutil.rmtree(tmp_path / "runs" / "ensembles" / "share")  # which only an older version reads
    found = typed("zoo verify")
    assert (found["faults"], found["sets"], found["records"]) == ([], 8, 20)


def test_a_manifest_is_written_as_it_was_read(tmp_path):
    folders = [path.parent for path in KEPT.glob("predictions/*/*/*/*/*/manifest.json")]
    assert len(folders) == 8
    for folder in folders:
        write_json(tmp_path / "manifest.json", read_manifest(folder).document())
        assert (tmp_path / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


def test_imported_maps_make_the_same_member(typed, tmp_path):
    for split, ids in {"oof": TRAIN + VALIDATION, "test": TEST}.items():
        (tmp_path / split).mkdir()
        for record, values in zip(ids, find_members(Store(KEPT), split, [Ref("elsewhere")])[0].maps(ids)):
            np.save(tmp_path / split / f"{record}.npy", values)
    typed("zoo import elsewhere --oof oof --test test --folds runs/folds.csv", "--runs new")
    old, new = (
        {path.relative_to(runs): without_bytes(path) for path in runs.glob("predictions/elsewhere/*/*/*/none")}
        for runs in (KEPT, tmp_path / "new")
    )
    assert new == old
    for split in ("oof", "test"):
        old, new = (find_members(Store(runs), split, [Ref("elsewhere")])[0] for runs in (KEPT, tmp_path / "new"))
        np.testing.assert_array_equal(old.maps(old.record_ids), new.maps(old.record_ids))


def test_the_same_ensemble_is_fitted(typed, tmp_path, monkeypatch):
    # To draw the report takes longer than the fit.
    monkeypatch.setattr("matplotlib.backends.backend_agg.FigureCanvasAgg.print_png", lambda canvas, file: None)
    typed("ensemble fit --members tiny,elsewhere --method logit-mean --min-pixels component")
    old = comparable(json.loads(Store(KEPT).ensemble("default").read_text()))
    new = json.loads(as_then(Store(tmp_path / "runs").ensemble("default")))
    assert near(known_then(new, old)) == near(known_then(old, old))
    assert new["threshold"] == pytest.approx(old["threshold"])  # of the ensemble: no plateau


def comparable(document):
    """Without warnings, which are prose, and without what only older versions write: trees, peaks and rates."""
    del document["fitted"]["warnings"]
    document["fitted"].pop("share", None)
    document["fitted"]["asked"].pop("threshold", None)
    document["min_pixels"].pop("peak", None)
    return {key: value for key, value in document.items() if key not in ("trees", "rate")}


def test_an_ensemble_is_read(typed):
    shown = typed("ensemble show default")
    kept = json.loads((KEPT / "ensembles" / "default" / "ensemble.json").read_text())
    shown, kept = comparable(shown | {"format": 1}), comparable(kept)
    assert {key: kept[key] for key in shown if key != "records"} == {k: shown[k] for k in shown if k != "records"}


def test_an_ensemble_with_a_percentile_threshold_is_refused_by_name():
    with pytest.raises(UserError, match="uses a percentile threshold, which only an older release can apply") as error:
        Ensemble.load(Store(KEPT).ensemble("share"))
    assert str(error.value.do) == "cli ensemble fit --ensemble share"


@pytest.mark.parametrize("call", ["submission.csv", "out-of-fold.csv --split oof"])
def test_the_same_submission_is_made(typed, tmp_path, call):
    typed(f"submit --out {call}")
    name = call.partition(" ")[0]
    assert (tmp_path / name).read_bytes() == (HERE / name).read_bytes()


def test_the_ledger_is_read_and_written_again(typed, tmp_path):
    ledger = tmp_path / "runs" / "submissions.jsonl"
    first, scores = map(json.loads, ledger.read_text().splitlines())
    (entry,) = typed("submissions log")["entries"]
    keys = ("name", "when", "sha256", "members", "local", "interval", "share", "public")
    assert {key: entry[key] for key in keys} == {key: (scores | first)[key] for key in keys}
    ledger.unlink()
    typed("submit --out submission.csv")
    typed("submissions log --public 0.61")
    again = list(map(json.loads, ledger.read_text().splitlines()))
    for line in again:
        assert matches(line) and line.pop("format") == 2
        line.update(format=1)
        del line["digest"]
    assert again[0]["number"] == 1  # which older versions counted
    for line in (first, scores, *again):
        for key in line.keys() & {"when", "ensemble_sha256"}:
            line[key] = ""
    assert [near(known_then(*pair)) for pair in zip(again, (first, scores), strict=True)] == [
        near(known_then(line, line)) for line in (first, scores)
    ]


def test_a_line_is_added_to_the_ledger_and_none_is_changed(typed, tmp_path):
    typed("submissions log --private 0.6")
    lines = (tmp_path / "runs" / "submissions.jsonl").read_bytes()
    kept = (KEPT / "submissions.jsonl").read_bytes()
    assert lines.startswith(kept)
    assert json.loads(lines.removeprefix(kept)).keys() == {"format", "kind", "entry", "when", "private", "digest"}


def test_the_same_leaderboard_is_scored(typed, tmp_path):
    path = tmp_path / "runs" / "leaderboard.json"
    kept = json.loads(path.read_text())
    path.unlink()
    typed("zoo leaderboard")
    new = json.loads(as_then(path))
    for row in (*new["rows"], *kept["rows"]):
        row.pop("behind", None)  # of the first row: in-sample scores ranked among the others then
    for document in (new, kept):
        document["rows"].sort(key=lambda row: row["name"])
    assert near(known_then(new, kept)) == near(known_then(kept, kept))


def test_kept_rows_of_the_leaderboard_are_read(typed):
    """The list of members takes them from there where no data are named."""
    kept = {row["name"]: row for row in json.loads((KEPT / "leaderboard.json").read_text())["rows"]}
    listed = {row["name"]: row for row in typed("zoo list", "--runs runs")}
    keys = ("dice", "kind", "records", "recipe", "tta", "changed", "epochs_trained")
    for name in ("tiny", "tiny-staged"):
        assert {key: listed[name][key] for key in keys} == {key: kept[name][key] for key in keys}
    assert listed["tiny"]["interval"] == kept["tiny"]["interval"]
    assert listed["tiny-staged"]["interval"] is None  # of one scene group, which older versions gave no width


def without_comments(path):
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


def test_a_search_goes_on_from_its_trials(typed, tmp_path):
    """Six trials are over, so none is trained; the file of a search is named by its recipe, space, fold and seed."""
    shutil.rmtree(tmp_path / "scenes")
    write_scenes(tmp_path / "scenes", with_bands=TRAIN + VALIDATION)
    script = next((tmp_path / "runs" / "tuning" / "tiny").glob("*.sql"))
    with closing(sqlite3.connect(script.with_suffix(".sqlite"))) as trials:
        trials.executescript(script.read_text())
    tuned = tmp_path / "runs" / "tuning" / "tiny-tuned.toml"
    tuned.unlink()
    found = typed("zoo tune tiny --trials 6 --epochs 3 --with-val")
    assert Path(found["storage"]).name == script.with_suffix(".sqlite").name
    assert without_comments(tuned) == without_comments(KEPT / "tuning" / "tiny-tuned.toml")

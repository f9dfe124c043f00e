"""The workflow of a fit on predictions: what it reads, reports, writes and refuses."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.dice import count
from core.errors import UserError
from core.files import read_json
from core.signing import write_signed
from ensemble import Ensemble, FitJob, FitOptions, fit_runs
from ensemble.job import Fitted, fit_with, parse_costs
from pipeline.score import score
from pipeline.submission import submit
from tests.ensemble.runs import FakeRuns, fake_runs, write_set
from tests.heard import Heard
from zoo.data import Scenes, open_scenes
from zoo.predictions import find_members
from zoo.runs import Ref, Store

PLAIN = FitOptions("uniform", "none")
TWO = (Ref("m0"), Ref("m1"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> FakeRuns:
    return fake_runs(tmp_path_factory.mktemp("fake"), records=18, lacking=[("m2", 2)])


def fitted(made: FakeRuns, options: FitOptions = PLAIN, listener: Heard | None = None, **job: object) -> Fitted:
    scenes = open_scenes([made.data])
    return fit_runs(Store(made.runs), scenes, FitJob(options=options, **job), listener or Heard())


def test_the_document_keeps_its_contract_and_dice_is_that_of_the_masks(made):
    done = fitted(made, FitOptions(), members=TWO, name="two")
    path = done.save(Store(made.runs))
    assert path == made.runs / "ensembles" / "two" / "ensemble.json"
    assert path.with_name("report.png").read_bytes().startswith(b"\x89PNG")
    document = read_json(path)["fitted"]
    dice, counts = document["dice"], document["counts"]
    assert {"in_sample", "cross_fitted", "interval", "best_single", "uniform"} <= dice.keys()
    assert dice["interval"][0] <= dice["cross_fitted"] <= dice["interval"][1]
    assert sum(document["weights"].values()) == pytest.approx(1)
    assert document["weights"].keys() == {"m0", "m1"}
    assert document["min_pixels"]["mode"] in ("none", "image", "component")
    assert document["records"] == 18
    assert dice["in_sample"] == 2 * counts["tp"] / (counts["predicted"] + counts["truth"])

    ensemble = Ensemble.load(path)
    assert ensemble == done.ensemble
    members = find_members(Store(made.runs), names=[Ref(name) for name in ensemble.weights])
    maps = {member.name: member.maps(ensemble.record_ids) for member in members}
    truth = made.case.masks[[made.case.ids.index(record) for record in ensemble.record_ids]]
    tp, predicted, positives = count(ensemble.apply(maps), truth).sum(axis=0).tolist()
    assert counts == {"tp": tp, "predicted": predicted, "truth": positives}


def test_members_whose_epochs_were_chosen_by_their_own_folds_are_named(made):
    for member, chosen_on in (("m0", "held_out"), ("m1", "other_folds")):
        result = made.runs / "members" / member / "abc123" / "fold-1" / "result.json"
        write_signed(result, {"format": 2, "epoch_chosen_on": chosen_on})
    heard = Heard()
    fitted(made, members=TWO, listener=heard)
    shutil.rmtree(made.runs / "members")
    words = "its epochs were chosen on the folds that score it, so each Dice is a little too high"
    assert heard.notes == [f"m0: {words}"]


def test_members_are_fitted_on_what_they_share_and_that_is_said(made):
    heard = Heard()
    report = fitted(made, members=(*TWO, Ref("m2")), listener=heard).ensemble.report
    lacking = "m2 lacks 6 of 18 records (6 of fold 2)"
    assert report.document["missing"] == [lacking]
    assert f"{lacking}; fitted on the 12 records that all members share" in heard.notes
    assert (report.document["records"], len(report.document["folds"])) == (12, 2)
    assert heard.warnings == [f"{line}; run: {do}" if do else line for line, do in report.advised_warnings]


def test_a_member_of_fewer_folds_is_left_out_unless_it_is_asked_for(made):
    heard = Heard()
    document = fitted(made, listener=heard).ensemble.fitted
    assert heard.notes == ["m2 predicted 2 of the 3 folds that others did; it is left out, --members takes it"]
    assert (list(document["members"]), document["records"]) == (["m0", "m1"], 18)


def test_the_same_job_gives_the_same_file(made):
    done = [fitted(made, FitOptions("search", "component"), members=TWO, jobs=jobs) for jobs in (1, 2)]
    assert done[0].ensemble.to_json() == done[1].ensemble.to_json()


def test_progress_is_told_of_records_and_stages(made):
    heard = Heard()
    fitted(made, members=TWO, listener=heard)
    assert heard.tasks == {"reading predictions": [18, 18], "fitting": [5, 5]}


def test_only_records_of_one_split_are_fitted_on(made):
    assert fitted(made, members=TWO, on="train").ensemble.fitted["records"] == 18
    with pytest.raises(UserError, match="no labelled record is predicted by all members"):
        fitted(made, members=TWO, on="validation")


def test_records_that_the_data_lack_are_counted(made, tmp_path):
    shutil.copytree(made.data, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "train" / made.case.ids[0])
    heard = Heard()
    fitted(replace(made, data=tmp_path / "data"), members=TWO, listener=heard)
    assert heard.notes == ["1 of the 18 records of folds.csv are not in the data given"]


def test_a_single_fold_has_no_cross_fitted_dice_and_a_warning(tmp_path: Path):
    made = fake_runs(tmp_path, records=6, folds=3, noise=(1.0,), lacking=[("m0", 1), ("m0", 2)])
    report = fitted(made).ensemble.report
    assert report.document["dice"]["cross_fitted"] is None
    assert (report.kind, report.dice) == ("in_sample", report.document["dice"]["in_sample"])
    assert any("every Dice is in-sample" in line for line in report.warnings)


@pytest.fixture
def viewed(made: FakeRuns, tmp_path: Path) -> FakeRuns:
    """Further sets of views: m0 flips on all folds, d4 on one; m1 none but its own."""
    shutil.copytree(made.runs, tmp_path / "runs")
    there = replace(made, runs=tmp_path / "runs")
    for fold in range(3):
        write_set(there, "m0", fold, made.folds.records(fold), tta="flips")
    write_set(there, "m0", 0, made.folds.records(0), tta="d4")
    return there


def test_each_member_is_taken_with_the_most_views_that_cover_its_folds_and_that_is_said(viewed):
    heard = Heard()
    ensemble = fitted(viewed, members=TWO, listener=heard).ensemble
    assert {use.name: use.tta for use in ensemble.members} == {"m0": "flips", "m1": "none"}
    words = "its predictions with TTA flips are used, not d4, none: most folds, then most mirrored and turned views"
    assert heard.notes == [f"m0: {words}; --tta takes others"]
    assert fitted(viewed, members=TWO, tta="none").ensemble.members[0].tta == "none"


@pytest.mark.parametrize(
    "tta, command",
    [
        ("flips", "cli ensemble fit"),
        ("none", "cli ensemble fit --tta none"),
        ("d4", "cli ensemble fit --members m0@abc123 --tta d4"),
    ],
)
def test_the_command_that_fits_given_predictions_takes_them(viewed, tta, command):
    recipe = Ref("m0", "abc123")
    advised = fit_with(Store(viewed.runs), [recipe], tta)
    assert str(advised) == command
    options: dict[str, object] = {name.removeprefix("--"): value for name, value in advised.options}
    if "members" in options:
        options["members"] = [recipe]
    found = {(Ref.parse(use.name).of(use.recipe), use.tta) for use in fitted(viewed, **options).ensemble.members}
    assert (recipe, tta) in found


def test_the_command_that_fits_an_older_recipe_names_it(viewed):
    advised = fit_with(Store(viewed.runs), [Ref("m2", "abc123")], "none")  # predicted two of three folds
    assert str(advised) == "cli ensemble fit --members m2@abc123 --tta none"


def with_maps(made: FakeRuns, change: Callable[[np.ndarray], np.ndarray], runs: Path) -> FakeRuns:
    """Other maps of the first member, in a runs folder of their own."""
    changed = replace(made, runs=runs, case=replace(made.case, maps=change(made.case.maps[:1])))
    shutil.copy(made.runs / "folds.csv", runs / "folds.csv")
    for fold in range(made.folds.count):
        write_set(changed, "m0", fold, made.folds.records(fold))
    return changed


def test_faint_maps_are_read_down_to_zero_and_each_mask_once(tmp_path, monkeypatch):
    made = fake_runs(tmp_path, records=4, folds=2, noise=(1.0,))
    (tmp_path / "faint").mkdir()
    faint = with_maps(made, lambda maps: (made.case.masks[None] * 5).astype(np.uint8), tmp_path / "faint")
    read: list[str] = []
    mask = Scenes.mask
    monkeypatch.setattr(Scenes, "mask", lambda scenes, record: read.append(record.id) or mask(scenes, record))
    heard = Heard()
    document = fitted(faint, listener=heard).ensemble.fitted
    assert document["dice"]["in_sample"] == 1.0
    assert document["threshold"] <= 5 / 255
    assert len(heard.notes) == 3
    assert heard.notes[0].startswith(
        "the best threshold of ensemble, uniform, best, m0 may be lower; reading fainter pixels"
    )
    assert sorted(read) == sorted(made.case.ids)


def test_a_dead_member_does_not_make_all_be_read_again(made, tmp_path):
    dead = replace(made, runs=tmp_path / "runs", case=replace(made.case, maps=made.case.maps * np.uint8(0)))
    shutil.copytree(made.runs, dead.runs)
    for fold in range(3):
        write_set(dead, "m3", fold, made.folds.records(fold), source="m0")
    heard = Heard()
    fitted(dead, FitOptions("best", "none"), members=(*TWO, Ref("m3")), listener=heard)
    assert not any("may be lower" in note for note in heard.notes)


@pytest.fixture
def _no_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is that of the pixels alone."""
    monkeypatch.setattr("ensemble.out_of_fold.BASE_BYTES", 0.0)
    monkeypatch.setattr("ensemble.out_of_fold.CHUNK_BYTES", 0.0)


def ram_for(made: FakeRuns, level: int) -> float:
    """GB for the pixels where one of the two members reaches a level."""
    return float((made.case.maps[:2].max(axis=0) >= level).sum() * 2 * (2 + 3) / 1e9)


@pytest.mark.usefixtures("_no_base")
def test_little_memory_leaves_the_lowest_pixels_out_and_counts_the_rest(made):
    whole = fitted(made, members=TWO).ensemble
    scarce = fitted(made, members=TWO, max_ram=ram_for(made, 40)).ensemble
    assert 26 < scarce.eps < 50
    assert scarce.fitted["active_from"] == scarce.eps / 255
    assert scarce.fitted["counts"] == whole.fitted["counts"]
    with pytest.raises(UserError, match="too many for --max-ram; raise it, or give fewer members"):
        fitted(made, members=TWO, max_ram=0.00001)


@pytest.mark.usefixtures("_no_base")
def test_a_best_threshold_that_memory_hides_is_warned_of(made):
    lines = fitted(made, FitOptions(), members=TWO, max_ram=ram_for(made, 75)).ensemble.report.warnings
    assert any("may be lower: pixels where no member reaches p = 0.30" in line for line in lines)
    assert any("since they do not fit into --max-ram" in line for line in lines)


def test_ratios_and_pruning(made):
    ratios = fitted(made, FitOptions("ratios", "none", ratios="m0=3,m1=1"), members=TWO).ensemble
    assert ratios.report.weights == {"m0": 0.75, "m1": 0.25}
    pruned = fitted(made, FitOptions("uniform", "none", prune=True), members=TWO).ensemble.fitted
    assert pruned["decisions"][0]["candidate"].startswith("without m")


def test_a_budget_keeps_what_fits_and_needs_the_time_of_every_member(made, monkeypatch):
    costs = {"budget_hours": 1, "budget_records": 100, "costs": {"m0": 3600, "m1": 36}}
    document = fitted(made, members=TWO, **costs).ensemble.fitted
    assert document["left_out"] == ["m0"]
    assert document["budget"] == {"hours": 1, "records": 100, "needed_hours": 1}
    monkeypatch.setattr("zoo.predictions.MemberMaps.seconds_per_record", None)
    with pytest.raises(UserError, match="m0: its seconds per record were not measured; give --cost m0=SECONDS"):
        fitted(made, members=TWO, budget_hours=9, budget_records=10)


def test_a_recipe_that_is_passed_over_is_named(made, tmp_path):
    shutil.copytree(made.runs, tmp_path / "runs")
    place = tmp_path / "runs" / "predictions" / "m1"
    (recipe,) = place.iterdir()
    shutil.copytree(recipe, place / "older")
    for manifest in (place / "older").rglob("manifest.json"):
        manifest.write_text(manifest.read_text().replace(recipe.name, "older"))
    heard = Heard()
    fitted(replace(made, runs=tmp_path / "runs"), members=(Ref("m0"), Ref("m1", recipe.name)), listener=heard)
    assert heard.notes == ["m1@older was predicted, too, and is not used; --members takes it by that name"]


@pytest.mark.parametrize("options", [FitOptions("stack", "image"), FitOptions(min_pixels="component", prune=True)])
def test_the_out_of_fold_file_scores_the_in_sample_dice(made, tmp_path, options):
    ensemble = fitted(made, options, name="special").ensemble
    submit(Store(made.runs), ensemble, tmp_path / "oof.csv", split="oof")
    counts = score(tmp_path / "oof.csv", open_scenes([made.data])).score.counts
    assert counts.as_dict() == ensemble.fitted["counts"]


@pytest.mark.parametrize(
    ("job", "words"),
    [
        ({"name": ""}, "give a plain name"),
        ({"name": "../x"}, "give a plain name"),
        ({"on": "trian"}, 'did you mean "train"'),
        ({"members": "m0"}, "give a list"),
        ({"members": ["m0"]}, "Ref.parse"),
        ({"costs": {"m0": 1}}, "give it, too"),
        ({"budget_records": 5}, "give it, too"),
        ({"budget_hours": 9}, "give --budget-records N"),
        ({"budget_hours": 9, "budget_records": 5, "costs": {"m7": 1}}, 'no member "m7"'),
        ({"budget_hours": 1, "budget_records": 1, "costs": {"m0": 9000, "m1": 9000}}, "no member fits"),
        ({"max_ram": 0.1}, "needs 0.7 GB before any pixel"),
        ({"tta": "d4"}, 'TTA "d4"'),
        ({"members": (Ref("m9"),)}, 'm9'),
    ],
)  # fmt: skip
def test_a_job_that_makes_no_sense_is_refused(made, job, words):
    with pytest.raises(UserError, match=words):
        fitted(made, **{"members": TWO, **job})


def test_costs_are_parsed():
    assert parse_costs(["a=1,b@c=2.5", "d=0"]) == {"a": 1.0, "b@c": 2.5, "d": 0.0}
    for text in ("a", "a=", "=1", "a=-1", "a=x", "a=inf"):
        with pytest.raises(UserError, match="give MEMBER=SECONDS"):
            parse_costs([text])


def test_without_predictions_the_command_that_makes_some_is_named(made, tmp_path):
    shutil.copy(made.runs / "folds.csv", tmp_path / "folds.csv")
    with pytest.raises(UserError, match="cli zoo train"):
        fitted(replace(made, runs=tmp_path))

"""The report of records, against sums over their masks."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from analysis import ErrorReport, examine
from analysis.masks import KINDS
from analysis.strata import STRATA, Classes
from core.dice import Counts, count
from core.uncertainty import dice_interval
from tests.analysis import slowly


@pytest.fixture
def case(rng):
    """Masks of twelve records in eight groups, one in three without contrails; labelers of five of them."""
    truth = np.zeros((12, 24, 24), bool)
    for number in range(12):
        if number % 3:
            truth[number, 4 + number % 5, 2:20] = truth[number, 12:20, number] = True
    predicted = (np.roll(truth, 1, axis=1) | truth) & (rng.random(truth.shape) < 0.7)
    return predicted | (rng.random(truth.shape) < 0.01), truth


@pytest.fixture
def report(case, rng):
    def labelers(number):
        return case[1][number] ^ (rng.random((4 + number % 2, 24, 24)) < 0.02) if number < 5 else None

    records = [
        examine(
            *pair,
            record_id=f"r{number:02d}",
            group=f"g{number % 8}",
            labelers=labelers(number),
            t14=np.full((24, 24), 240 + 5 * number, np.float32),
        )
        for number, pair in enumerate(zip(*case))
    ]
    return ErrorReport("m@abc", "cross_fitted", tuple(records))


def test_dice_and_interval_are_those_of_the_counts(report, case):
    assert report.dice == dice_interval(count(*case), [record.group for record in report.records])
    assert report.counts == Counts.of(count(*case))


def test_the_kinds_add_up_to_the_loss_and_say_what_mending_one_would_give(report, case):
    kinds = {row["kind"]: row for row in report.kinds()}
    assert sum(row["pixels"] for row in kinds.values()) == report.loss == (case[0] ^ case[1]).sum()
    assert sum(row["share"]["value"] for row in kinds.values()) == pytest.approx(1)
    expected = dict.fromkeys(KINDS, 0)
    for pair in zip(*case):
        for kind, pixels in slowly.wrong_by_kind(*pair).items():
            expected[kind] += pixels
    assert {kind: row["pixels"] for kind, row in kinds.items()} == expected
    low, high = kinds["missed_border"]["share"]["interval"]
    assert 0 < low < kinds["missed_border"]["share"]["value"] < high < 1
    predicted, truth = case
    mended = predicted & truth.any(axis=(1, 2), keepdims=True)
    assert kinds["false_scene"]["dice_without"] == Counts.of(count(mended, truth)).dice
    alone = np.array([record.wrong for record in report.records])[:, list(KINDS).index("missed_border")].sum()
    tp, said, true = count(*case).sum(axis=0)
    assert kinds["missed_border"]["dice_without"] == 2 * (tp + alone) / (said + alone + true)


def test_every_record_is_in_one_class_of_each_kind_and_the_classes_have_all_of_the_loss(report):
    rows = report.strata()
    for classes in STRATA[1:5]:
        own = [row for row in rows if row["by"] == classes.name]
        assert sum(row["records"] for row in own) == 12
        assert sum(row["loss_share"] for row in own) == pytest.approx(1)
    empty = next(row for row in rows if (row["by"], row["class"]) == ("contrails", "none"))
    assert (empty["records"], empty["dice"]) == (4, None)
    assert sum(row["records"] for row in rows if row["by"] == "agreement") <= 5


def test_records_are_told_apart_by_their_split(rng, case):
    predicted, truth = case
    records = [
        examine(*masks, record_id=str(number), split=("train", "validation", "test")[number % 3])
        for number, masks in enumerate(zip(predicted, truth))
    ]
    rows = [row for row in ErrorReport("a", "in_sample", tuple(records)).strata() if row["by"] == "split"]
    assert [(row["class"], row["records"]) for row in rows] == [("train", 4), ("validation", 4)]


def test_a_bound_belongs_to_the_class_above_it(report):
    classes = Classes("t14", "", lambda record: record.t14, (240, 245), ("low", "middle", "high"))
    assert [(label, len(found)) for label, found in classes.split(report.records)] == [("middle", 1), ("high", 11)]
    with pytest.raises(ValueError, match="2 labels for 2 bounds"):
        replace(classes, labels=("low", "high"))


def test_contrails_by_size_are_those_of_the_components(report, case):
    rows = report.contrails()
    components = [component for mask in case[1] for component in slowly.components(mask)]
    assert sum(row["contrails"] for row in rows) == len(components) == report.detection()["contrails"]
    missed = sum(row["missed_share_of_loss"] for row in rows) * report.loss
    assert missed == pytest.approx((case[1] & ~case[0]).sum())
    whole = sum(row["untouched_share_of_loss"] for row in rows) * report.loss
    kinds = {row["kind"]: row["pixels"] for row in report.kinds()}
    assert whole == pytest.approx(kinds["missed_contrail"])


def test_precision_and_recall_are_shares_of_components(report, case):
    found = report.detection()
    both = [(slowly.components(predicted), slowly.components(truth)) for predicted, truth in zip(*case)]
    touched = sum(any(one & other for other in said) for said, true in both for one in true)
    right = sum(any(one & other for other in true) for said, true in both for one in said)
    assert found["touching"]["recall"]["value"] == pytest.approx(touched / sum(len(true) for _, true in both))
    assert found["touching"]["precision"]["value"] == pytest.approx(right / sum(len(said) for said, _ in both))
    assert found["matching"]["recall"]["value"] <= found["touching"]["recall"]["value"]


def test_the_ceiling_is_on_the_records_with_labelers(report):
    found = report.labelers()
    assert (found["records"], found["labelers"]) == (5, {"4": 3, "5": 2})
    strict, *forgiving = found["ceiling"]
    assert strict["labeler"]["value"] > 0.7
    assert strict["ahead"]["value"] == pytest.approx(strict["labeler"]["value"] - strict["prediction"]["value"])
    assert all(one["labeler"]["value"] >= strict["labeler"]["value"] for one in forgiving)
    assert sum(row["pixels"] for row in found["marked_by"]) == 5 * 24 * 24
    without = ErrorReport("m", "in_sample", tuple(report.records[5:]))
    assert without.labelers() is None


def test_the_worst_come_first_in_document_and_csv_and_the_table_keeps_the_order(report):
    losses = [row["loss"] for row in report.as_dict(3)["worst"]]
    rows = list(csv.DictReader(io.StringIO(report.to_csv())))
    assert [int(row["loss"]) for row in rows[:3]] == losses == sorted(one.loss for one in report.records)[:-4:-1]
    assert report.to_frame()["record_id"].tolist() == [record.record_id for record in report.records]
    json.dumps(report.as_dict(), allow_nan=False)


def test_a_share_on_which_all_groups_agree_has_no_interval(case):
    records = [examine(np.roll(mask, 1, axis=0), mask, record_id=str(number)) for number, mask in enumerate(case[1])]
    kinds = {row["kind"]: row["share"] for row in ErrorReport("m", "in_sample", tuple(records)).kinds()}
    assert (kinds["false_scene"]["value"], kinds["false_scene"]["interval"]) == (0, None)


def test_a_perfect_prediction_has_no_loss_and_no_worst_record(case):
    truth = case[1]
    report = ErrorReport(
        "m", "in_sample", tuple(examine(mask, mask, record_id=str(number)) for number, mask in enumerate(truth))
    )
    document = report.as_dict()
    assert (document["dice"], document["loss"], document["worst"]) == (1, 0, [])
    assert {row["share"] for row in document["kinds"]} == {None}
    json.dumps(document, allow_nan=False)

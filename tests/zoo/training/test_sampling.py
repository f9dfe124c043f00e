"""The order in which an epoch meets the records."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.zoo.training.cases import TINY, plan
from zoo.members import with_settings
from zoo.training import RecordDataset, run_datasets, train
from zoo.training.history import EpochProgress
from zoo.training.sampling import epoch_order, hard_order, mixed_order

SEEDS = st.integers(0, 2**32)
RECORDS = st.lists(st.booleans(), min_size=1, max_size=9)


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def assert_passes(order, records):
    """Each record once in every pass."""
    size = len(records)
    for start in range(0, len(order) - size + 1, size):
        assert sorted(order[start : start + size]) == records


@given(RECORDS, st.integers(0, 40), SEEDS)
def test_every_pass_meets_every_record_once(positive, length, seed):
    order = epoch_order(positive, length, 0.0, drawn(seed))
    assert len(order) == length
    assert order == epoch_order(positive, length, 0.0, drawn(seed))
    assert_passes(order, list(range(len(positive))))


def test_each_pass_has_an_order_of_its_own():
    order = epoch_order([True] * 50, 200, 0.0, drawn())
    passes = [tuple(order[start : start + 50]) for start in range(0, 200, 50)]
    assert len(set(passes)) == 4
    assert list(passes[0]) == torch.randperm(50, generator=drawn()).tolist()  # as before there were several orders


@given(RECORDS, st.integers(1, 8), st.integers(0, 5), st.floats(0.01, 1), SEEDS)
def test_every_batch_has_its_share_of_scenes_with_contrails(positive, batch, batches, share, seed):
    order = epoch_order(positive, batch * batches, share, drawn(seed))
    assert order == epoch_order(positive, batch * batches, share, drawn(seed))
    kinds = {kind: [number for number, marked in enumerate(positive) if marked == kind] for kind in (True, False)}
    if not all(kinds.values()):
        assert_passes(order, list(range(len(positive))))
        return
    for start in range(0, len(order), batch):
        found = sum(positive[number] for number in order[start : start + batch])
        assert abs(found - share * batch) < 1 + 1e-9
    for kind, records in kinds.items():
        assert_passes([number for number in order if positive[number] == kind], records)


def test_a_run_can_meet_scenes_with_contrails_alone(tmp_path, scenes, folds, monkeypatch):
    run = plan(
        tmp_path, folds, with_settings(TINY, {"sample_positives": 1.0, "epochs": 1}), str(1 - folds.fold_of["100"])
    )
    train_set, held_out = run_datasets(run, scenes, folds)
    assert [record.id for record, marked in zip(train_set.records, train_set.with_contrails) if not marked] == ["100"]
    seen = set()
    monkeypatch.setattr(train_set, "_read", lambda number: seen.add(number) or RecordDataset._read(train_set, number))
    train(run, train_set, held_out, "cpu")
    assert "100" not in {train_set.records[number].id for number in seen}
    assert seen


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 30), st.floats(0, 1))
def test_a_share_of_the_scenes_are_others_evenly_spread_and_in_their_order(records, pseudo, length, share):
    order = epoch_order([False] * records, length, 0.0, drawn())
    others = [-1 - number for number in epoch_order([False] * pseudo, length, 0.0, drawn(1))]
    mixed = mixed_order(order, others, share)
    met = [number for number in mixed if number < 0]
    assert (met, [number for number in mixed if number >= 0]) == (others[: len(met)], order[: length - len(met)])
    for start in range(length + 1):
        for stop in range(start, length + 1):
            there = sum(number < 0 for number in mixed[start:stop])
            assert abs(there - share * (stop - start)) < 1 + 1e-9


@given(st.dictionaries(st.integers(0, 7), st.floats(0, 9), min_size=1), st.integers(1, 6), st.integers(1, 30), SEEDS)
def test_hard_records_are_drawn_from_those_that_are_there(hardness, records, length, seed):
    order = hard_order(hardness, records, length, drawn(seed))
    assert len(order) == length
    assert set(order) <= set(range(records))
    assert order == hard_order(hardness, records, length, drawn(seed))


def test_a_record_is_drawn_in_proportion_to_its_loss():
    """One that is not known as often as their mean."""
    order = hard_order({0: 3.0, 1: 1.0, 3: 0.0}, 4, 8000, drawn())
    counts = [order.count(number) for number in range(4)]
    assert counts == pytest.approx([8000 * share / (16 / 3) for share in (3, 1, 4 / 3, 0)], abs=250)


def test_an_epoch_draws_its_share_of_the_records_that_the_one_before_found_hard(tmp_path, scenes, folds):
    run = plan(tmp_path, folds, with_settings(TINY, {"sample_hard": 0.5}))
    train_set, _ = run_datasets(run, scenes, folds)
    recipe, hardest = run.recipe, len(train_set) - 1

    def order(**known):
        return train_set.order(recipe, 16, lambda use: drawn(len(use)), **known)

    plain = order()
    hard = order(hardness={number: float(number == hardest) for number in range(len(train_set))} | {99: 9.0})
    assert plain == train_set.order(with_settings(recipe, {"sample_hard": 0.0}), 16, lambda use: drawn(len(use)))
    assert hard[::2] == plain[: len(plain) // 2]
    assert set(hard[1::2]) == {hardest}


def test_the_hardness_of_a_record_is_its_mean_loss_in_the_last_epoch_that_met_it():
    progress = EpochProgress(hardness={0: 5.0, 2: 7.0})
    progress.meet([0, 1], [1.0, 2.0])
    progress.meet([1, 0], [3.0, 3.0])
    progress.meet([1], [])  # without sample_hard nothing is measured
    assert progress.next_epoch() == EpochProgress(hardness={0: 2.0, 1: 2.5, 2: 7.0})

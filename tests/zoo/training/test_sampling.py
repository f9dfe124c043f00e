"""The order in which an epoch meets the records."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from zoo.training.sampling import epoch_order


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.integers(1, 9), st.integers(0, 40), st.integers(0, 2**32))
def test_every_pass_meets_every_record_once(records, length, seed):
    order = epoch_order(records, length, drawn(seed))
    assert len(order) == length
    assert order == epoch_order(records, length, drawn(seed))
    for start in range(0, length - records + 1, records):
        assert sorted(order[start : start + records]) == list(range(records))


def test_each_pass_has_an_order_of_its_own():
    order = epoch_order(50, 200, drawn())
    passes = [tuple(order[start : start + 50]) for start in range(0, 200, 50)]
    assert len(set(passes)) == 4
    assert list(passes[0]) == torch.randperm(50, generator=drawn()).tolist()  # as before there were several orders

"""A threshold as it is printed."""

import pytest
from hypothesis import given
from hypothesis.strategies import floats, integers

from core.thresholds import threshold_text


@pytest.mark.parametrize(
    ("threshold", "digits", "text"),
    [
        (0.5137, 2, "0.51"),
        (0.5137, 4, "0.5137"),
        (0.0, 2, "0.00"),
        (1 / 255, 2, "0.004"),
        (2 / 255, 2, "0.01"),
        (1 / 255, 3, "0.004"),
        (0.00002, 4, "2e-05"),
    ],
)
def test_a_threshold_has_the_decimals_that_it_takes(threshold, digits, text):
    assert threshold_text(threshold, digits) == text


@given(floats(0, 1, exclude_min=True), integers(1, 4))
def test_no_threshold_but_nought_reads_nought(threshold, digits):
    assert float(threshold_text(threshold, digits)) > 0

"""Maps in threads: their order, their bound, their errors."""

from itertools import islice

import pytest

from core.listener import SILENT
from tests.heard import Heard
from zoo.data.parallel import AHEAD, parallel_map


@pytest.mark.parametrize("jobs", [1, 3])
def test_results_come_in_order_and_no_more_are_made_than_the_caller_takes(jobs):
    made = []

    def square(number):
        made.append(number)
        return number**2

    found = parallel_map(square, range(100), jobs, SILENT, "squares")
    assert list(islice(found, 10)) == [number**2 for number in range(10)]
    assert len(made) <= 10 + AHEAD * jobs
    found.close()
    assert len(made) <= 10 + AHEAD * jobs
    heard = Heard()
    assert list(parallel_map(square, range(100), jobs, heard, "squares")) == [number**2 for number in range(100)]


def test_the_first_error_ends_the_map():
    with pytest.raises(ZeroDivisionError):
        list(parallel_map(lambda number: 1 / number, [2, 1, 0, 1], 2, SILENT, "inverses"))

"""One function over many records, in parallel, with progress; joblib's backends reach other machines."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Advance = Callable[[int], None]


def sweep(
    function: Callable[[Item], Result], items: Sequence[Item], jobs: int, advance: Advance | None = None
) -> Iterator[Result]:
    """The results in the order of the items; `advance(1)` is called as each one comes in."""
    from joblib import Parallel, delayed

    # Reading and numpy let go of the interpreter: threads start at once and share the cache.
    parallel = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")
    for result in parallel(delayed(function)(item) for item in items):
        if advance:
            advance(1)
        yield result

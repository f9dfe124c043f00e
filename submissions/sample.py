"""Order of sample_submission.csv, read leniently since others wrote it.

In: folders. Out: the ids in the file's order. Stays outside: the check of these ids, see `submissions.gate`.
"""

from collections.abc import Iterable
from pathlib import Path

from core.files import read_bytes

SAMPLE_NAME = "sample_submission.csv"


def find_sample(roots: Iterable[Path]) -> tuple[str, ...] | None:
    """Ids in the order of the first sample file in these folders; None if there is none."""
    path = next((root / SAMPLE_NAME for root in roots if (root / SAMPLE_NAME).is_file()), None)
    if path is None:
        return None
    lines = read_bytes(path).decode("utf-8-sig", errors="replace").splitlines()[1:]
    return tuple(line.partition(",")[0].strip().strip('"') for line in lines if line.strip())

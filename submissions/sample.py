"""The order of sample_submission.csv, read as leniently as a file by others must be.

In: directories. Out: the ids in the file's order. Stays outside: whether they fit, which the gate says.
"""

from collections.abc import Iterable
from pathlib import Path

SAMPLE_NAME = "sample_submission.csv"


def find_sample(roots: Iterable[Path]) -> tuple[str, ...] | None:
    """The ids that the first sample file in these directories lists; None where there is none."""
    path = next((root / SAMPLE_NAME for root in roots if (root / SAMPLE_NAME).is_file()), None)
    if path is None:
        return None
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()[1:]
    return tuple(line.partition(",")[0].strip().strip('"') for line in lines if line.strip())

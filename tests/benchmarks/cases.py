"""Records that the benchmarks' scenes have masks of, and runs of an older release."""

from pathlib import Path

from tests.golden.cases import TRAIN, VALIDATION

LABELLED = TRAIN + VALIDATION
GOLDEN = Path(__file__).parents[1] / "golden" / "runs"

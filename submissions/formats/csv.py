"""The competition's own format: one csv of run lengths."""

from collections.abc import Iterable
from pathlib import Path

from submissions.formats.registry import FORMATS, Asked, Prediction
from submissions.write import Written, write_submission


@FORMATS.register("csv", folder=False, needs=(), placed=False, probability=False)
def csv(out: Path, predictions: Iterable[Prediction], asked: Asked) -> Written:
    """Every mask as a row, held against the rules."""
    masks = ((each.id, each.mask) for each in predictions)
    return write_submission(out, masks, asked.force, asked.sample_order, asked.note)

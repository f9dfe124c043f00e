"""The competition's format: one csv of run-length encodings."""

from collections.abc import Iterable
from pathlib import Path

from submissions.formats import FORMATS, Prediction, WriteOptions
from submissions.write import Written, write_submission


@FORMATS.register("csv", folder=False)
def csv(out: Path, predictions: Iterable[Prediction], options: WriteOptions) -> Written:
    """Write every mask as a row."""
    masks = ((each.id, each.mask) for each in predictions)
    return write_submission(out, masks, options.force, options.sample_order, options.on_written)

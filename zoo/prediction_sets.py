"""Prediction set of a run and a split: what identifies it, and its writer; without torch."""

from collections.abc import Sequence

from core.errors import UserError
from core.listener import SILENT, Listener
from zoo.data import Record, Scenes
from zoo.inputs import INPUTS
from zoo.predictions import PredictionWriter, Provenance, set_folder
from zoo.predictions.splits import labels_of
from zoo.runs.run import EndedRun
from zoo.views import parse_views


def set_writer(
    ended: EndedRun,
    scenes: Scenes,
    records: Sequence[Record],
    split: str,
    tta: str = "none",
    listener: Listener = SILENT,
) -> PredictionWriter:
    """Writer of the set of these records, which knows what is missing; UserError if the run's weights have changed.

    split: that of pseudo-labels names the frame that is predicted (zoo.predictions.splits).
    """
    if ended.fault:
        raise UserError(f"{ended.fault}; train the run again")
    run = ended.run
    labels = labels_of(split)
    provenance = Provenance(
        member=run.recipe.name,
        recipe=run.hash,
        split=split,
        fold=run.fold,
        seed=run.seed,
        tta=parse_views(tta).name,
        folds_sha256=run.folds_sha256,
        checkpoint_sha256=ended.weights_sha256,
        frame=labels[0] if labels else None,
    )
    by_id = {record.id: record for record in records}
    bands = INPUTS.facts(run.recipe.input).bands
    files = {record_id: scenes.source(record).files(record, bands) for record_id, record in by_id.items()}
    return PredictionWriter(set_folder(run.store, provenance), provenance, sorted(by_id), files, listener)

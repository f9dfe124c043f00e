"""Labels of predicted records: those that the scenes hold, fold by fold, with a digest that changes with them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import UserError
from core.files import sha256_of, stamp
from core.listener import SILENT, Listener
from zoo.data import Folds, Scenes, read_folds
from zoo.predictions import MemberMaps
from zoo.runs import Store


@dataclass(frozen=True)
class Labels:
    """Labelled records of the scenes that are in folds.csv, fold by fold."""

    scenes: Scenes
    folds: Folds
    record_ids: tuple[str, ...]

    def predicted_by(self, member: MemberMaps) -> tuple[str, ...]:
        """Records that the member predicted."""
        predicted = set(member.record_ids)
        return tuple(record for record in self.record_ids if record in predicted)

    def digest(self, record_ids: Sequence[str]) -> str:
        """SHA-256 over sizes and times of the mask files: reading all masks would take seconds."""
        found = map(self.scenes.record, record_ids)
        return sha256_of({record.id: stamp(self.scenes.source(record).mask_path(record)) for record in found})

    def mask(self, record: str) -> NDArray[np.bool_]:
        """Mask of a record, (256, 256) bool."""
        return self.scenes.mask(self.scenes.record(record))


def open_labels(store: Store, scenes: Scenes, members: Sequence[MemberMaps], listener: Listener = SILENT) -> Labels:
    """Open the labels of what the members predicted; a note if some are not in these scenes, UserError if none is."""
    folds = read_folds(store.folds)
    labelled = {record.id for record in scenes.labelled} & set(folds.fold_of)
    predicted = {record for member in members for record in member.record_ids} & set(folds.fold_of)
    absent = predicted - labelled
    if absent == predicted:
        raise UserError(
            "no predicted record has labels in the data named here; name the data that the members were trained on"
        )
    if absent:
        listener.note(
            f"{len(absent)} of {len(predicted)} predicted records have no labels in the data named here; "
            "each score is on the others, and does not replace a stored one on more records"
        )
    return Labels(scenes, folds, tuple(sorted(labelled, key=lambda record: (folds.fold_of[record], record))))

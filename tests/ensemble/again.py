"""The maps of a fake run's member once more: as another member's, of another recipe or checkpoint."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tests.ensemble.runs import FakeRuns
from zoo.predictions import PredictionSet, PredictionWriter, find_members, set_folder
from zoo.runs import Ref, Store


def write_again(made: FakeRuns, source: str, maps: NDArray[np.uint8] | None = None, /, **facts: str) -> None:
    """Its out-of-fold sets with other `facts` of provenance, and other maps where they are given."""
    rows = {record: row for row, record in enumerate(made.case.ids)}
    for part in find_members(Store(made.runs), names=[Ref.parse(source)])[0].sets:
        _write(made, part, made.maps[source] if maps is None else maps, rows, facts)


def _write(
    made: FakeRuns, part: PredictionSet, maps: NDArray[np.uint8], rows: dict[str, int], facts: dict[str, str]
) -> None:
    provenance = replace(part.provenance, **facts)
    with PredictionWriter(set_folder(Store(made.runs), provenance), provenance, part.record_ids) as writer:
        for record in part.record_ids:
            writer.add(record, maps[rows[record]])

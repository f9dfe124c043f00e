"""A runs folder and a data folder with masks only, of synthetic correlated maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.ensemble.cases import Case, streak_case
from zoo.data import Assignment, Folds, write_folds
from zoo.predictions import PredictionWriter, Provenance, set_folder
from zoo.runs import Store


@dataclass(frozen=True, eq=False)
class FakeRuns:
    """Where things lie, and what was put there."""

    runs: Path
    data: Path
    case: Case
    folds: Folds

    @property
    def maps(self) -> dict[str, NDArray[np.uint8]]:
        return dict(zip(self.case.members, self.case.maps))


def fake_runs(
    folder: Path,
    records: int = 24,
    folds: int = 3,
    noise: Sequence[float] = (1.0, 1.2, 2.5),
    lacking: Sequence[tuple[str, int]] = (),
    seed: int = 3,
) -> FakeRuns:
    """Members m0, m1, ... predicted on all folds but those of `lacking` (member, fold)."""
    rng = np.random.default_rng(seed)
    case = streak_case(rng, len(noise), records, size=256, folds=folds, noise=noise)
    for record, mask in zip(case.ids, case.masks):
        place = folder / "data" / "train" / record
        place.mkdir(parents=True)
        np.save(place / "human_pixel_masks.npy", mask[..., None].astype(np.int32))
    rows = [Assignment(record, int(fold)) for record, fold in zip(case.ids, case.folds)]
    made = FakeRuns(folder / "runs", folder / "data", case, Folds(tuple(rows)))
    write_folds(made.runs / "folds.csv", made.folds)
    for member in case.members:
        for fold in range(folds):
            if (member, fold) not in lacking:
                write_set(made, member, fold, made.folds.records(fold))
    return made


def write_set(
    made: FakeRuns,
    member: str,
    fold: int | str,
    ids: Sequence[str],
    split: str = "oof",
    source: str = "",
    tta: str = "none",
) -> None:
    """The maps of `source`, or of the member itself, as the member's."""
    provenance = Provenance(
        member=member, recipe="abc123", split=split, fold=str(fold), seed=0, tta=tta,
        folds_sha256=made.folds.sha256, checkpoint_sha256="0" * 64, code="0", seconds_per_record=0.05,
    )  # fmt: skip
    rows = {record: row for row, record in enumerate(made.case.ids)}
    with PredictionWriter(set_folder(Store(made.runs), provenance), provenance, ids) as writer:
        for record in ids:
            writer.add(record, made.maps[source or member][rows[record]])

"""Label frames and records without a mask by trained members: pseudo-labels that others train on.

In: members or recipes of them, Scenes, a Store. Out: prediction sets of the store, one a frame and run; a labelled
record is labelled only by runs that held it out. Stays outside: how maps are computed (zoo.inference), training with
them (zoo.training.pseudo), ensembles (pipeline.pseudo), printing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UserError
from core.jobs import job_count
from core.listener import SILENT, Listener
from zoo.data import FRAMES, LABELLED, Folds, Record, Scenes, read_folds, unlabelled_records
from zoo.inputs import frames_at, records_with
from zoo.members import Recipe
from zoo.predictions import PredictionSet
from zoo.predictions.splits import label_split
from zoo.runs import Ref, Store
from zoo.runs.find import runs_of_folds
from zoo.runs.run import EndedRun, fold_names, run_records
from zoo.runtime.devices import choose_device
from zoo.training import check_views, set_threads
from zoo.workflows.predict import predict_run

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["member", "recipe", "fold", "seed", "frame", "unlabelled", "records", "skipped"]


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelledSet:
    """Pseudo-labels of one frame by one run, or by an ensemble for one fold."""

    predictions: PredictionSet
    frame: int
    unlabelled: bool
    skipped: int  # records without that frame, or another one that the input needs with it

    def __repr__(self) -> str:
        return f"LabelledSet(frame={self.frame}, {self.predictions!r})"

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        made = self.predictions.provenance
        named = {"member": made.member, "recipe": made.recipe, "fold": made.fold, "seed": made.seed}
        counts = {"records": len(self.predictions.record_ids), "skipped": self.skipped}
        return {**named, "frame": self.frame, "unlabelled": self.unlabelled, **counts}


class LabelledSets(list[LabelledSet]):
    """Pseudo-labels of one call."""

    def to_frame(self) -> "pd.DataFrame":
        """Table with one row for each set and the columns of `LabelledSet.as_dict`."""
        import pandas as pd

        return pd.DataFrame([each.as_dict() for each in self], columns=COLUMNS)


def pseudo_label(
    members: str | Ref | Iterable[str | Ref],
    scenes: Scenes,
    store: Store,
    *,
    frames: Sequence[int] = (),
    unlabelled: bool = False,
    tta: str = "none",
    device: str = "auto",
    jobs: int | None = None,
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> LabelledSets:
    """Label frames of the labelled records, or records without a mask, with the runs of members of all folds.

    members: names, of which the newest recipe is taken, or MEMBER@HASH. frames: 1 to 8; by default, all but the
    labelled one that any record holds, and the labelled one of records without a mask. The other frames of an input lie
    as far from a frame as from the labelled one. unlabelled: label test records and others without a mask by every run
    instead. tta: views that are merged. jobs: threads, by default all cores. own_members: folder of the user's own
    members.

    Complete sets are reused. Raises UserError for a fold without a complete run, for a frame that no record holds, and
    if there are no such records.
    """
    folds = read_folds(store.folds)
    several = [members] if isinstance(members, str | Ref) else members
    choose_device(device)
    found = [_runs(store, ref, folds, own_members, listener) for ref in dict.fromkeys(map(Ref.parse, several))]
    planned = []
    for runs in found:
        check_views(runs[0].run.recipe.final, tta)
        planned += list(_planned(runs, scenes, folds, frames, unlabelled))
    set_threads(job_count(jobs))
    return LabelledSets(
        LabelledSet(
            predictions=predict_run(ended, scenes, records, split, tta, device, listener),
            frame=frame,
            unlabelled=unlabelled,
            skipped=skipped,
        )
        for ended, frame, split, records, skipped in planned
    )


def _runs(store: Store, asked: Ref, folds: Folds, own_members: Path | None, listener: Listener) -> list[EndedRun]:
    return runs_of_folds(store, asked, fold_names("all", folds), folds.sha256, listener, own_members)


Planned = tuple[EndedRun, int, str, Sequence[Record], int]  # run, frame, split, its records, how many were skipped


def _planned(
    runs: Sequence[EndedRun],
    scenes: Scenes,
    folds: Folds,
    asked: Sequence[int],
    unlabelled: bool,
) -> Iterator[Planned]:
    """Sets that the runs of one recipe are to make."""
    recipe, ref = runs[0].run.recipe, runs[0].run.ref
    without_mask = unlabelled_records(scenes) if unlabelled else []
    if unlabelled and not without_mask:
        raise UserError(
            f"{scenes.where}: every record has a mask; name a source with test records or others without one"
        )
    records = [without_mask if unlabelled else run_records(ended.run, scenes, folds)[1] for ended in runs]
    for frame in asked or _frames(unlabelled):
        split = label_split(ref.member, frame, unlabelled)
        held = [_holding(recipe, scenes, each, frame) for each in records]
        if not any(held):
            if asked:
                raise UserError(f"{ref}: no record holds frame {frame} and those that its input needs with it")
            continue
        yield from (
            (ended, frame, split, kept, len(each) - len(kept)) for ended, each, kept in zip(runs, records, held)
        )


def _frames(unlabelled: bool) -> list[int]:
    return [LABELLED] if unlabelled else [frame for frame in range(1, FRAMES + 1) if frame != LABELLED]


def _holding(recipe: Recipe, scenes: Scenes, records: Sequence[Record], frame: int) -> list[Record]:
    return records_with(scenes, records, recipe.input, frames_at(recipe.frames, frame))

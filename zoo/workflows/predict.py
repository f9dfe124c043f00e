"""Predict with trained runs: the records that they held out, or the test records.

In: members or recipes of them, Scenes, a Store. Out: prediction sets in the store. Needs nothing that only training
needed. Stays outside: how maps are computed (zoo.inference), printing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cluster import Unit, run_units
from core.errors import UsageError, UserError
from core.jobs import job_count
from core.listener import SILENT, Listener
from zoo.data import Record, Scenes, open_scenes, read_folds
from zoo.inference import predict_set
from zoo.inputs import require_input
from zoo.predictions import PredictionSet
from zoo.predictions.splits import OOF
from zoo.runs import Ref, Store
from zoo.runs.find import lacking_folds, most_trained
from zoo.runs.names import FULL
from zoo.runs.run import EndedRun, Run, fold_names, run_records
from zoo.runs.store import SetPlace
from zoo.runtime.devices import choose_device
from zoo.training import check_views, set_threads
from zoo.views import parse_views

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("oof", "test")


@dataclass(frozen=True, eq=False, kw_only=True)
class PredictedRun:
    """Run that predicted, and its prediction set."""

    run: Run
    predictions: PredictionSet

    def __repr__(self) -> str:
        return f"PredictedRun({self.run.full_label}, records={len(self.predictions.record_ids)})"

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON: the run, and the number of records that it predicted."""
        named = {"member": self.run.member, "recipe": self.run.hash, "fold": self.run.fold, "seed": self.run.seed}
        return {**named, "records": len(self.predictions.record_ids)}


COLUMNS = ["member", "recipe", "fold", "seed", "records"]


class PredictedRuns(list[PredictedRun]):
    """Runs that predicted in one call."""

    def to_frame(self) -> "pd.DataFrame":
        """Table with one row for each run and the columns of `PredictedRun.as_dict`."""
        import pandas as pd

        return pd.DataFrame([predicted.as_dict() for predicted in self], columns=COLUMNS)


def predict(
    members: str | Ref | Iterable[str | Ref],
    scenes: Scenes,
    store: Store,
    *,
    fold: str = "all",
    split: str = "oof",
    tta: str = "none",
    device: str = "auto",
    jobs: int | None = None,
    own_members: Path | None = None,
    on: str | None = None,
    listener: Listener = SILENT,
) -> PredictedRuns:
    """Predict with the complete runs of members; folds without one are left out, and the listener is warned.

    members: names, of which the newest recipe with most of the folds is taken, or MEMBER@HASH. fold: K, K-L, "all" or
    "full". split: "oof" for the records that each run holds out, or "test". tta: views that are merged. jobs: threads,
    by default all cores. own_members: folder of the user's own members. on: address of a Dask scheduler whose workers
    predict.

    Raises UserError if a member has no complete run of these folds, or if there are no folds or no such records;
    UsageError for a fold that the split lacks.
    """
    if split == "oof" and fold == FULL:
        raise UsageError("--fold full holds no records out; predict the test records with it: --split test")
    if split == "test":
        scenes.require_test()
    folds = read_folds(store.folds)
    names = fold_names(fold, folds)
    several = [members] if isinstance(members, str | Ref) else members
    refs = dict.fromkeys(map(Ref.parse, several))
    found = [ended for ref in refs for ended in _trained(store, ref, names, folds.sha256, own_members, listener)]
    runs = list({ended.run.folder: ended for ended in found}.values())
    records = [scenes.test if split == "test" else run_records(ended.run, scenes, folds)[1] for ended in runs]
    choose_device(device)
    for ended, held in zip(runs, records):
        require_input(scenes, held, ended.run.recipe.input, ended.run.recipe.frames)
        check_views(ended.run.recipe.final, tta)
    if on:
        parts = dict.fromkeys((ended.run.ref, ended.run.fold) for ended in runs)
        how = {"split": split, "tta": tta, "device": device, "jobs": jobs, "own_members": own_members}
        run_units(on, [_unit(ref, name, scenes, store, how) for ref, name in parts], listener)
        if not all(is_predicted(ended.run, split, tta) for ended in runs):
            raise not_shared(store.root, on)
    set_threads(job_count(jobs))
    return PredictedRuns(
        PredictedRun(run=ended.run, predictions=predict_run(ended, scenes, held, split, tta, device, listener))
        for ended, held in zip(runs, records)
    )


def is_predicted(run: Run, split: str, tta: str) -> bool:
    """True if a run has a complete prediction set; also for held-out records where it holds none out."""
    if run.fold == FULL and split == OOF:
        return True
    return SetPlace(run.store, run.ref, split, run.name, parse_views(tta).name).manifest.is_file()


def not_shared(root: Path, on: str) -> UserError:
    """Error for workers whose results are not where this command looks for them."""
    return UserError(
        f"{root.absolute()}: lacks what the workers of {on} made; give --runs a folder that all machines share, at the "
        "same path"
    )


def _unit(ref: Ref, fold: str, scenes: Scenes, store: Store, how: Mapping[str, Any]) -> Unit:
    """Unit of work that predicts with the runs of a fold on any machine that has the same folders."""
    given = {"sources": scenes.paths, "root": store.root.absolute(), "fold": fold, **how}
    return Unit(f"{ref} fold {fold} {how['split']}", partial(_predict_fold, ref, **given))


def _predict_fold(ref: Ref, listener: Listener, *, sources: Sequence[Path], root: Path, **how: Any) -> None:
    predict(ref, open_scenes(sources), Store(root), **how, listener=listener)


def predict_run(
    ended: EndedRun,
    scenes: Scenes,
    records: Sequence[Record],
    split: str,
    tta: str = "none",
    device: str = "auto",
    listener: Listener = SILENT,
) -> PredictionSet:
    """Predict records with one run, as a task that counts them."""
    with listener.task(f"{ended.run.label} {split}", len(records)):
        return predict_set(ended, scenes, records, split=split, tta=tta, device_name=device, listener=listener)


def _trained(
    store: Store, asked: Ref, names: Sequence[str], folds_sha256: str, own_members: Path | None, listener: Listener
) -> list[EndedRun]:
    runs = most_trained(store, asked, names, folds_sha256, listener, own_members)
    if lacking := lacking_folds(runs, names, own_members):
        listener.warn(f"{lacking.what}; the others predict", lacking.do)
    return runs

"""Tables of the zoo's workflows: runs that were trained, their stages, runs that predicted."""

from collections.abc import Sequence
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.tables.columns import EMPTY, Column, cell, column_of
from cli.tables.marks import epoch_mark, legend
from cli.tables.page import Page
from core.command import Command
from core.thresholds import threshold_text
from core.words import counted, duration
from zoo.data import LABELLED, read_folds
from zoo.members import Recipe, member_names, setting_text
from zoo.predictions.splits import is_ensemble
from zoo.runs import RunName, RunPlace, Store
from zoo.runs.find import find_runs, lacking_folds
from zoo.runs.names import FULL
from zoo.runs.run import fold_names

if TYPE_CHECKING:
    from zoo.workflows.predict import PredictedRun
    from zoo.workflows.pseudo import LabelledSet
    from zoo.workflows.reuse import TrainedRun


def print_trained(console: "Page", trained: "Sequence[TrainedRun]") -> None:
    """Print each run's epoch and Dice, those of its stages, and the records of the Dice."""
    rows = [each.as_dict() for each in trained]
    console.table(_run_columns(rows))
    if any(row["stages"] for row in rows):
        console.table(_stage_columns(rows), "stages")
    if all(row["fold"] == FULL for row in rows):
        console.say("No score: without a fold held out nothing tells how good it is, and no ensemble takes it.")
    else:
        console.say("Dice: global, on the held-out records of the fold, at the best threshold of these records.")
        for line in legend([_epoch_mark(row) for row in rows]):
            console.say(line)


def print_plan(rows: "Sequence[dict[str, Any]]") -> None:
    """Print on stderr what each planned command costs, beside the commands on stdout."""
    page = Page(stderr=True)
    if not rows:
        page.say("Nothing to train: all runs are complete.")
        return
    column = partial(column_of, rows)
    columns = [
        column("member", 0, lambda row: row["member"], numbers=False),
        column("fold", 0, _fold, numbers=False),
        column("records", 4, lambda row: str(row["trained_on"])),
        column("GPU GB", 1, lambda row: cell(row["gpu_gb"], "{:.1f}")),
        column("GPU time", 2, lambda row: cell(row["gpu_hours"], duration)),
        column("core time", 3, lambda row: cell(row["core_hours"], duration)),
        column("disk MB", 5, lambda row: cell(row["disk_mb"], "{:.0f}")),
    ]
    page.table(columns)
    page.say("Time on an A100, or on one CPU core in float32; estimates, right to a factor of two.")


def after_training(trained: "Sequence[TrainedRun]", has_test: bool, own_members: Path | None = None) -> Command:
    """Next command: train the folds that are lacking, or fit; predict or export a run on all records."""
    run = trained[0].run
    if run.fold != FULL:
        begun = {place.fold for place in run.store.runs(run.ref)}
        names = fold_names("all", read_folds(run.store.folds))
        lacking = lacking_folds([trained[0].ended], [name for name in names if name not in begun], own_members)
        return (lacking and lacking.do) or Command("ensemble fit")
    return Command("zoo predict", run.ref, fold=FULL, split="test") if has_test else export_command(run)


def after_labels(labelled: "Sequence[LabelledSet]", store: Store, own_members: Path | None = None) -> Command:
    """Next command: train the teacher's member on these labels, with the keys that name them where the defaults do not.

    An ensemble's labels are for the default line-up; a member of a file of the user's own is named by its recipe.
    """
    made, unlabelled = labelled[0].predictions.provenance, labelled[0].unlabelled
    frames = sorted({each.frame for each in labelled})
    further = [] if unlabelled else [frame for frame in frames if frame != LABELLED]
    keys: dict[str, object] = {"pseudo": str(made.ref)}
    if made.tta != "none":
        keys["pseudo_tta"] = made.tta
    if not {*Recipe.pseudo_frames} <= {*further}:
        keys["pseudo_frames"] = further
    if unlabelled:
        keys["pseudo_unlabelled"] = frames
    elif not further:
        keys["distill"] = 0.5
    sets = [setting_text(*each) for each in keys.items()]
    if is_ensemble(made.member):
        return Command("zoo train", fold="all", set=sets)
    run = find_runs(store, made.ref)[0].run
    teacher = made.member if made.member in member_names(own_members) else run.recipe_file
    return Command("zoo train", teacher, fold="all", set=sets, with_val=run.with_val)


def export_command(run: "RunPlace") -> Command:
    """Command that makes one file of the runs of this recipe and fold."""
    return Command("zoo export", run.ref, fold=run.fold, format="onnx", out=f"{run.member}.onnx")


def predicted_lines(predicted: "Sequence[PredictedRun]") -> list[str]:
    """Line for each run that predicted."""
    return [f"{each.run.full_label}: {counted(len(each.predictions.record_ids), 'record')}" for each in predicted]


def labelled_lines(labelled: "Sequence[LabelledSet]") -> list[str]:
    """Line for each frame that was labelled by one recipe, over its runs."""
    together: dict[tuple[str, int], list[LabelledSet]] = {}
    for each in labelled:
        together.setdefault((str(each.predictions.provenance.ref), each.frame), []).append(each)
    return [f"{ref}: frame {frame}: {_records_of(sets)}" for (ref, frame), sets in together.items()]


def _records_of(sets: "Sequence[LabelledSet]") -> str:
    """Records that the runs label together, or each of them if they have no mask, and those that lack a frame."""
    seed = sets[0].predictions.provenance.seed
    alike = [each for each in sets if each.predictions.provenance.seed == seed]  # other seeds label the same records
    counts = alike[:1] if sets[0].unlabelled else alike
    records = sum(len(each.predictions.record_ids) for each in counts)
    skipped = sum(each.skipped for each in counts)
    by = f" by {counted(len(sets), 'set')}"
    return f"{counted(records, 'record')}{by}" + (f", {skipped} skipped, which lack a frame" if skipped else "")


def exported_lines(out: Path, document: dict[str, Any]) -> list[str]:
    """Lines on an exported file: what it holds, takes and gives, and how far it agrees with its runs."""
    given, compared, runs = document["input"], document["compared"], len(document["runs"])
    bands, frames = (" ".join(map(str, given[key])) for key in ("bands", "frames"))
    shape, gives = (", ".join(map(str, document[key]["shape"])) for key in ("input", "output"))
    which = "held-out" if compared["held_out"] else "in-sample"
    what = f"{document['member']}@{document['recipe']}, {counted(runs, 'run')}"
    records = counted(compared["records"], "record")
    return [
        f"{out}: {what}, {document['bytes'] / 1e6:.1f} MB",
        f"kelvin ({shape}), bands {bands}, frames {frames} -> probability ({gives})",
        f"largest difference to eager on {records}: {compared['largest_difference']:.1e}",
        _dice_line(compared, counted(compared["records"], f"{which} record")),
    ]


def _dice_line(compared: dict[str, Any], records: str) -> str:
    if compared["dice_eager"] is None:
        return f"no Dice: there is no contrail in these {records}; compare on more, --records"
    return (
        f"Dice of eager {compared['dice_eager']:.4f}, of the file {compared['dice_exported']:.4f} "
        f"({records}, threshold {threshold_text(compared['threshold'])})"
    )


def _run_columns(rows: Sequence[dict[str, Any]]) -> list[Column]:
    column = partial(column_of, rows)
    return [
        column("member", 0, lambda row: row["member"], numbers=False),
        column("fold", 0, _fold, numbers=False),
        column("epoch", 3, _best_epoch, numbers=False),
        column("stopped at", 2, lambda row: row["stopped_at"] or EMPTY, numbers=False),
        column("Dice", 0, lambda row: cell(row["dice"], "{:.4f}") + _epoch_mark(row)),
        column("threshold", 5, lambda row: cell(row["threshold"], threshold_text)),
        column("records", 4, lambda row: str(row["held_out"] or EMPTY)),
        column("minutes", 6, lambda row: f"{sum(stage['seconds'] for stage in row['stages'] or [row]) / 60:.1f}"),
    ]


def _stage_columns(rows: Sequence[dict[str, Any]]) -> list[Column]:
    stages = [
        {"row": row, "number": number, "stage": stage, "logged": logged}
        for row in rows
        for number, (stage, logged) in enumerate(zip_longest(row["stages"], row["logged_stages"]), start=1)
        if stage
    ]
    column = partial(column_of, stages)
    return [
        column("member", 0, lambda one: one["row"]["member"], numbers=False),
        column("fold", 0, lambda one: _fold(one["row"]), numbers=False),
        column("stage", 0, lambda one: str(one["number"])),
        column("epoch", 3, lambda one: _best_epoch(one["stage"]), numbers=False),
        column("Dice", 0, lambda one: cell(one["stage"]["dice"], "{:.4f}")),
        column("logged", 2, lambda one: cell(one["logged"], "{:.4f}")),
    ]


def _fold(row: dict[str, Any]) -> str:
    """Fold, seed unless it is 0, and the number of runs that a soup is the mean of."""
    averaged = f", soup of {len(row['soup'])}" if row.get("soup") else ""
    return f"{RunName(row['fold'], row['seed']).words}{averaged}"


def _epoch_mark(row: dict[str, Any]) -> str:
    return epoch_mark(row["epoch_chosen_on"])


def _best_epoch(result: dict[str, Any]) -> str:
    """Epoch of a run or a stage, or the epochs that were averaged, and the number of epochs."""
    return f"{'+'.join(map(str, result.get('averaged', ()))) or result['best_epoch']}/{result['epochs']}"

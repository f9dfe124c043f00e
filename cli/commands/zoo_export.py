"""`cli zoo export`: a trained member as one file that other programs run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import progress, say, show
from core.errors import UsageError
from core.files import require_new_file
from core.thresholds import threshold_text
from zoo.runs import Ref

if TYPE_CHECKING:
    from zoo.data import Folds, Record, Scenes
    from zoo.export import Exported, Parity
    from zoo.runs.run import EndedRun, Run

SUFFIXES = {"pt2": (".pt2",), "onnx": (".onnx",), "torchscript": (".pt", ".ts")}  # by which a format is known
VERSIONS = ("contrail-ensemble", "torch", "timm", "onnx", "onnxscript", "onnxruntime")


@click.command("export")
@click.argument("member", metavar="MEMBER[@HASH]")
@click.option("--format", "format_name", type=click.Choice(list(SUFFIXES)), required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="FILE")
@click.option(
    "--fold",
    default="all",
    show_default=True,
    metavar="K|K-L|all|full",
    help="Whose runs; the mean of several is taken.",
)
@click.option(
    "--records", type=click.IntRange(1), default=256, show_default=True, help="Compare the file on so many at most."
)
@click.option("--force", is_flag=True, help="Replace FILE.")
@common
def export(settings: Settings, member: str, format_name: str, out: Path, fold: str, records: int, force: bool) -> None:
    """Write a trained MEMBER to FILE, the whole path from kelvin bands to probability, and FILE.json beside it.

    Before FILE takes its name it is run on held-out records, and refused where it differs from eager.
    """
    _require_suffix(out, format_name)
    require_new_file(out, force)

    from core.files import atomic_write, write_json
    from zoo.data import read_folds
    from zoo.export import compare, export_member
    from zoo.runs.find import lacking_folds, most_trained
    from zoo.runs.run import fold_names
    from zoo.training import set_threads

    scenes, folds = settings.scenes(), read_folds(settings.runs.folds)
    set_threads(settings.jobs)
    names = fold_names(fold, folds)
    asked = Ref.parse(member)
    ended = most_trained(settings.runs, asked, names, folds.sha256, settings.listener, settings.members)
    if lacking := lacking_folds(ended, names, settings.members):
        raise lacking
    runs = [each.run for each in ended]
    compared = _spread(_held_out(runs, scenes, folds), records)
    say(settings, f"{member}: {_count(runs)} to {format_name}; this takes a minute or so")
    exported = export_member(runs, format_name)
    with progress(settings, "compare", len(compared)) as advance:
        parity = compare(exported, runs, scenes, compared, advance)
    with atomic_write(out) as file:
        file.write(exported.content)
    document = _document(ended, format_name, out, exported, parity)
    write_json(out.with_name(f"{out.name}.json"), document)
    lines = "\n".join(_lines(out, document))
    show(settings, document, lambda console: console.print(lines, markup=False, soft_wrap=True))


def _require_suffix(out: Path, format_name: str) -> None:
    """UsageError where the file would be taken for one of another format."""
    owner = next((name for name, known in SUFFIXES.items() if out.suffix.lower() in known), format_name)
    if owner != format_name:
        named = out.with_suffix(SUFFIXES[format_name][0])
        raise UsageError(f"{out}: is a name for {owner}; give --format {owner}, or --out {named}")


def _held_out(runs: Sequence[Run], scenes: Scenes, folds: Folds) -> list[Record]:
    """The records that any of the runs held out, sorted by id; all labelled ones where none held any out."""
    from zoo.runs.run import run_records

    held = {record.id: record for run in runs for record in run_records(run, scenes, folds)[1]}
    return [held[record_id] for record_id in sorted(held)] or list(scenes.labelled)


def _spread(records: Sequence[Record], most: int) -> list[Record]:
    """So many of them, evenly spread."""
    step = max(1.0, len(records) / most)
    return [records[int(number * step)] for number in range(min(most, len(records)))]


def _document(
    ended: Sequence[EndedRun], format_name: str, out: Path, exported: Exported, parity: Parity
) -> dict[str, Any]:
    """Contents of the file, its input and output, and how it was compared."""
    from core.files import sha256_of_file
    from zoo.data import SIZE
    from zoo.inputs import INPUTS

    runs = [each.run for each in ended]
    recipe = runs[0].recipe
    bands, number = INPUTS.facts(recipe.input).bands, "n" if exported.any_number else 1
    return {
        "format": 1,
        "kind": format_name,
        "file": out.name,
        "bytes": len(exported.content),
        "sha256": sha256_of_file(out),
        "member": recipe.name,
        "recipe": runs[0].hash,
        "runs": [
            {"fold": each.run.fold, "seed": each.run.seed, "weights_sha256": each.weights_sha256} for each in ended
        ],
        "input": {
            "name": "kelvin",
            "unit": "K",
            "type": "float32",
            "shape": [number, len(bands), len(recipe.frames), SIZE, SIZE],
            "axes": ["record", "band", "frame", "row", "column"],
            "bands": list(bands),
            "frames": list(recipe.frames),
            "channels": recipe.input,
        },
        "output": {
            "name": "probability",
            "type": "float32",
            "shape": [number, SIZE, SIZE],
            "axes": ["record", "row", "column"],
        },
        # The mean of several folds' runs is not blind to the records of any of them.
        "compared": {**asdict(parity), "held_out": len({run.fold for run in runs}) == 1 and runs[0].fold != "full"},
        "versions": _versions(),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _lines(out: Path, document: dict[str, Any]) -> list[str]:
    given, compared = document["input"], document["compared"]
    bands, frames = (" ".join(map(str, given[key])) for key in ("bands", "frames"))
    shape = ", ".join(map(str, given["shape"]))
    which = "held-out" if compared["held_out"] else "in-sample"
    return [
        f"{out}: {Ref(document['member'], document['recipe'])}, {_count(document['runs'])}, "
        f"{document['bytes'] / 1e6:.1f} MB",
        f"kelvin ({shape}), bands {bands}, frames {frames} -> probability "
        f"({', '.join(map(str, document['output']['shape']))})",
        f"largest difference to eager on {compared['records']} records: {compared['largest_difference']:.1e}",
        _dice_line(compared, f"{compared['records']} {which} records"),
    ]


def _dice_line(compared: dict[str, Any], records: str) -> str:
    if compared["dice_eager"] is None:
        return f"no Dice: there is no contrail in these {records}; compare on more, --records"
    return (
        f"Dice of eager {compared['dice_eager']:.4f}, of the file {compared['dice_exported']:.4f} "
        f"({records}, threshold {threshold_text(compared['threshold'])})"
    )


def _count(runs: Sequence[object]) -> str:
    return f"{len(runs)} run" + ("s" if len(runs) > 1 else "")

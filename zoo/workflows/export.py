"""Export a trained member to one file that other programs run, compared with its runs before it is kept.

In: a member or recipe, Scenes, a Store. Out: FILE, and FILE.json that describes it. Stays outside: how a graph is made
and compared (zoo.graph), printing.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any

from core.errors import Damaged, UsageError
from core.files import atomic_write, read_json, require_new_file, sha256_of_file, sweep, write_json
from core.jobs import job_count
from core.listener import SILENT, Listener
from core.locks import turn
from core.versions import SUITE
from core.words import counted
from zoo.data import SIZE, Folds, Record, Scenes, evenly_spread, read_folds
from zoo.export_formats import require_suffix
from zoo.graph import Parity, compare, export_member
from zoo.inputs import INPUTS
from zoo.runs import Ref, Store
from zoo.runs.find import runs_of_folds
from zoo.runs.names import FULL
from zoo.runs.run import EndedRun, Run, fold_names, run_records
from zoo.training import set_threads

VERSIONS = (SUITE, "torch", "timm", "onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True, eq=False, kw_only=True)
class ExportedFile:
    """File of a member: the runs whose mean it gives, and its agreement with them."""

    path: Path
    kind: str  # name of its format
    runs: tuple[EndedRun, ...]
    any_number: bool  # of records at once; else one
    parity: Parity

    @property
    def held_out(self) -> bool:
        """True if the records it was compared on were held out; the mean of several folds has seen them all."""
        folds = {ended.run.fold for ended in self.runs}
        return len(folds) == 1 and folds != {FULL}

    def as_dict(self) -> dict[str, Any]:
        """Document that lies beside the file: its runs, input and output, and how it was compared."""
        run = self.runs[0].run
        recipe, number = run.recipe, "n" if self.any_number else 1
        bands = INPUTS.facts(recipe.input).bands
        return {
            "format": 1,
            "kind": self.kind,
            "file": self.path.name,
            "bytes": self.path.stat().st_size,
            "sha256": sha256_of_file(self.path),
            "member": recipe.name,
            "recipe": run.hash,
            "runs": [
                {"fold": ended.run.fold, "seed": ended.run.seed, "weights_sha256": ended.weights_sha256}
                for ended in self.runs
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
            "compared": {**asdict(self.parity), "held_out": self.held_out},
            "versions": _versions(),
        }


def export(
    member: str | Ref,
    scenes: Scenes,
    store: Store,
    out: str | PathLike[str],
    *,
    form: str,
    fold: str = "all",
    records: int = 256,
    force: bool = False,
    jobs: int | None = None,
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> ExportedFile:
    """Write a trained member to `out`, from kelvin bands to probability, and a description to `out`.json.

    member: a name, of which the newest recipe with most of the folds is taken, or MEMBER@HASH. form: a name of
    `zoo.export_formats.FORMATS`. fold: K, K-L, "all" or "full"; the mean of several runs is taken. records: most
    records on which the file is compared with its runs, held-out ones if there are any. force: replace the file; else
    one of the same runs, as its description has it, is as good as written. jobs: threads, by default all cores.
    own_members: folder of the user's own members.

    Raises UsageError for a file with other content or named as another format's; UserError for a fold without a
    complete run, and for a file that differs from its runs, which is not written.
    """
    out = Path(out)
    require_suffix(out, form)
    require_new_file(out, force=True)
    folds = read_folds(store.folds)
    names = fold_names(fold, folds)
    asked = Ref.parse(member)
    ended = runs_of_folds(store, asked, names, folds.sha256, listener, own_members)
    with turn(out, "is being exported", listener):
        sweep(description_of(out))
        if not force and out.exists():
            return _exported_before(out, form, ended, listener)
        set_threads(job_count(jobs))
        runs = [each.run for each in ended]
        compared = evenly_spread(_held_out(runs, scenes, folds), records)
        listener.info(f"{asked}: {counted(len(runs), 'run')} to {form}; this takes a minute or so")
        exported = export_member(runs, form)
        with listener.task("compare", len(compared)):
            parity = compare(exported, runs, scenes, compared, listener)
        found = ExportedFile(path=out, kind=form, runs=tuple(ended), any_number=exported.any_number, parity=parity)
        _write(found, exported.content)
    return found


def _write(exported: ExportedFile, content: bytes) -> None:
    """Write the file, and its description before it takes its name: none that exists lacks one."""
    out = exported.path

    def describe(candidate: Path) -> None:
        document = replace(exported, path=candidate).as_dict() | {"file": out.name}
        write_json(description_of(out), document)

    with atomic_write(out, describe) as file:
        file.write(content)


def description_of(out: Path) -> Path:
    """File that describes an exported one, beside it."""
    return out.with_name(f"{out.name}.json")


def _exported_before(out: Path, form: str, ended: Sequence[EndedRun], listener: Listener) -> ExportedFile:
    """Find the same runs in the same format, by the same releases, in a file that is there; UsageError for any other.

    Its bytes are not compared: TorchScript numbers its classes by what the process has exported before.
    """
    with suppress(Damaged, KeyError, TypeError):
        document = read_json(description_of(out)) if description_of(out).exists() else {}
        parity = {key: value for key, value in document["compared"].items() if key != "held_out"}
        any_number = document["input"]["shape"][0] == "n"
        found = ExportedFile(path=out, kind=form, runs=tuple(ended), any_number=any_number, parity=Parity(**parity))
        if found.as_dict() == document:
            listener.info(f"{out}: is exported already, reused")
            return found
    raise UsageError(f"{out}: exists with other content; choose another name, or overwrite it with --force")


def _held_out(runs: Sequence[Run], scenes: Scenes, folds: Folds) -> list[Record]:
    """Records that any of the runs held out, sorted by id; all labelled ones if none held any out."""
    held = {record.id: record for run in runs for record in run_records(run, scenes, folds)[1]}
    return [held[record_id] for record_id in sorted(held)] or list(scenes.labelled)


def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found

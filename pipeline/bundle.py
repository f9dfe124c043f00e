"""Bundle: what a Kaggle notebook without internet needs to make the submission.

In: a store, an ensemble. Out: a zip of wheels, weights, ensemble.json and a script of three lines. Stays outside:
building wheels and packing (`submissions.kaggle`).
"""

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.command import Command
from core.errors import UserError
from core.listener import SILENT, Listener
from ensemble import Ensemble
from pipeline.maps import usable_runs
from submissions.kaggle import (
    LIMIT_HOURS,
    Cost,
    build_wheels,
    bundle_json,
    notebook,
    require_bundle,
    write_bundle,
)
from zoo.runs import Store

CHECKOUT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Bundle:
    """Bundle that was written."""

    path: Path
    bytes: int
    files: int
    members: tuple[str, ...]
    cost: Cost

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        return {
            "file": str(self.path),
            "bytes": self.bytes,
            "files": self.files,
            "members": list(self.members),
            "seconds_per_record": self.cost.seconds_per_record,
            "records": self.cost.records,
            "hours": self.cost.hours,
            "limit_hours": LIMIT_HOURS,
            "warnings": list(self.cost.warnings),
        }


def bundle(store: Store, ensemble: Ensemble, out: Path, *, force: bool = False, listener: Listener = SILENT) -> Bundle:
    """Write the bundle of an ensemble, a zip.

    Raises UserError if a member has no run here, UsageError if `out` is no zip or exists with other content and not
    `force`.
    """
    require_bundle(out)
    files = _run_files(store, ensemble, listener) | _in_bundle(store, [store.ensemble(ensemble.name)])
    with tempfile.TemporaryDirectory() as folder, listener.task("wheels"):
        wheels = build_wheels(CHECKOUT, Path(folder))
        files |= {wheel.name: wheel for wheel in wheels}
        seconds = [ensemble.member(name).seconds_per_record for name in ensemble.weights]
        cost = Cost(seconds_per_record=None if None in seconds else sum(each or 0.0 for each in seconds))
        texts = {"notebook.py": notebook(out.stem, ensemble.name), "bundle.json": bundle_json(ensemble.name, cost)}
        size = write_bundle(out, files, texts, force)
    for line in cost.warnings:
        listener.warn(line)
    return Bundle(out, size, len(files) + len(texts), tuple(ensemble.weights), cost)


def _run_files(store: Store, ensemble: Ensemble, listener: Listener) -> dict[str, Path]:
    """Files that every run needs to predict, by their names in the bundle; no other file of its folder."""
    files: dict[str, Path] = {}
    for name, found in usable_runs(store, ensemble, listener).items():
        if not found:
            raise UserError(
                f"{name}: has no trained run under {store}, so a notebook cannot predict with it; fit without it",
                Command("ensemble fit", members="..."),
            )
        for run in (ended.run for ended in found):
            needed = (run.best, run.recipe_file, run.result, run.scaling)
            files |= _in_bundle(store, [path for path in needed if path.is_file()])
    return files


def _in_bundle(store: Store, paths: Iterable[Path]) -> dict[str, Path]:
    return {f"runs/{path.relative_to(store.root)}": path for path in paths}

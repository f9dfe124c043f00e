"""Size of the page of `cli report`, and the processor seconds that it takes, with many members.

    python -m benchmarks.report --data DIR --runs RUNS                 the members that RUNS holds
    python -m benchmarks.report --data DIR --runs RUNS --members 30    and blurred copies of them
    python -m benchmarks.report ... --json FILE                        the figures, for a table

RUNS is copied. Each member gets curves of 50 epochs on every fold; equal weights are fitted before the page is made.
The members' scores are computed, as in the first report of a folder.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter

from core.signing import signed_line
from ensemble import FitJob, FitOptions, fit_runs
from pipeline.report import write_report
from zoo.data import open_scenes, read_folds
from zoo.predictions import MemberMaps, PredictionWriter, find_out_of_fold, set_folder
from zoo.runs import Ref, RunName, Store

EPOCHS = 50


def add_copy(store: Store, member: MemberMaps, name: str, blur: int) -> None:
    """Write the maps of a member, blurred, under another name."""
    for one in member.sets:
        provenance = replace(one.provenance, member=name)
        with PredictionWriter(set_folder(store, provenance), provenance, one.record_ids) as writer:
            for record, maps in zip(one.record_ids, one.maps(one.record_ids)):
                writer.add(record, uniform_filter(maps, blur))


def add_curves(store: Store, members: Sequence[str], folds: int) -> None:
    """Write an epochs.jsonl for each fold of a recipe of these members that was not predicted."""
    rng = np.random.default_rng(0)
    for name in members:
        for fold in range(folds):
            place = store.run(Ref(name, "0" * 12), RunName(str(fold), 0))
            place.folder.mkdir(parents=True)
            rows = [{"epoch": epoch, "loss": rng.random(), "lr": 0.1, "seconds": 1.0} for epoch in range(1, EPOCHS + 1)]
            place.epochs.write_text("".join(signed_line(row | {"dice": rng.random()}) for row in rows))


def measure(store: Store, data: Sequence[Path], members: int) -> dict[str, Any]:
    """Fit equal weights of the members of the store and copies of them, and make the page."""
    scenes = open_scenes(data)
    _, own = find_out_of_fold(store)
    for number in range(len(own), members):
        member = own[number % len(own)]
        add_copy(store, member, f"{member.provenance.member}-copy-{number}", 2 + number // len(own))
    add_curves(store, store.predicted_members(), read_folds(store.folds).count)
    fit_runs(store, scenes, FitJob(options=FitOptions("uniform", "component"), jobs=1)).save(store)
    since = time.process_time()
    written = write_report(store, store.root / "report.html", scenes, jobs=1)
    seconds = time.process_time() - since
    names = len(store.predicted_members())
    return {"members": names, "bytes": written.size, "cpu_seconds": seconds, "missing": list(written.missing)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print size and cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--members", type=int, default=0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(shutil.copytree(given.runs, Path(folder) / "runs"))
        figures = measure(store, given.data, given.members)
    print(
        f"{figures['members']} members: {figures['bytes'] / 1e6:.2f} MB, {figures['cpu_seconds']:.1f} processor seconds"
    )
    print(f"without {', '.join(figures['missing']) or 'nothing'}")
    if given.json:
        given.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()

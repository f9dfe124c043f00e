"""`cli submit --kaggle`: what a notebook without internet needs; `--to kaggle`: the file to the official client."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.options import Settings
from cli.output import progress, say, show
from cli.submit_maps import fitted_runs
from core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from ensemble import Ensemble
    from submissions.kaggle import Cost


def bundle(settings: Settings, ensemble: Ensemble, out: Path) -> None:
    """Write the bundle of an ensemble: wheels, weights, ensemble.json, a script of three lines."""
    import tempfile

    import submissions
    from submissions.kaggle import build_wheels, bundle_json, notebook, write_bundle

    files = _run_files(settings, ensemble)
    files |= _in_bundle(settings, settings.runs.ensemble(ensemble.name))
    with tempfile.TemporaryDirectory() as folder, progress(settings, "wheels", None):
        wheels = build_wheels(Path(submissions.__file__).parents[1], Path(folder))
        files |= {wheel.name: wheel for wheel in wheels}
        cost = _cost(ensemble, sum(each.stat().st_size for each in files.values()))
        texts = {"notebook.py": notebook(out.stem, ensemble.name), "bundle.json": bundle_json(ensemble.name, cost)}
        size = write_bundle(out, files, texts, force=True)
    document = _document(ensemble, out, size, cost, len(files) + len(texts))
    for line in document["warnings"]:
        say(settings, f"warning: {line}")
    show(settings, document, lambda console: _print(console, document))
    if not settings.json:
        say(
            settings,
            f"next: upload {out} to Kaggle as a dataset named {out.stem}, then in a notebook without internet: "
            f"%run /kaggle/input/{out.stem}/notebook.py",
        )


def send_to_kaggle(settings: Settings, ensemble: Ensemble, written: Any) -> str:
    """Hand the file over; what the client said. Its message names the file's hash, by which the ledger finds it."""
    from submissions.kaggle import send

    local = ensemble.fitted.get("dice", {}).get("cross_fitted")
    dice = "" if local is None else f", local Dice {local:.4f}"
    said = send(written.path, f"{ensemble.name}, {written.sha256[:12]}{dice}")
    say(settings, f"kaggle: {said}")
    return said


def _run_files(settings: Settings, ensemble: Ensemble) -> dict[str, Path]:
    """The files of every run that predicts, by their names in the bundle."""
    files: dict[str, Path] = {}
    for name, runs in fitted_runs(settings, ensemble).items():
        if not runs:
            raise UserError(
                f"{name}: has no trained run under {settings.runs}, so a notebook cannot predict with it; "
                "fit without it: cli ensemble fit --members ..."
            )
        for run in (ended.run for ended in runs):
            only_training = (run.state, run.epochs, run.stop)
            inside = [path for path in sorted(run.folder.iterdir()) if path.is_file() and path not in only_training]
            files |= _in_bundle(settings, *inside)
    return files


def _in_bundle(settings: Settings, *paths: Path) -> dict[str, Path]:
    """Files of the store by their names in the bundle."""
    return {f"runs/{path.relative_to(settings.runs.root)}": path for path in paths}


def _cost(ensemble: Ensemble, size: int) -> Cost:
    from submissions.kaggle import Cost

    seconds = [ensemble.member(name).seconds_per_record for name in ensemble.weights]
    return Cost(bytes=size, seconds_per_record=None if None in seconds else sum(each or 0.0 for each in seconds))


def _document(ensemble: Ensemble, out: Path, size: int, cost: Cost, count: int) -> dict[str, Any]:
    from submissions.kaggle import LIMIT_HOURS

    return {
        "file": str(out),
        "bytes": size,
        "files": count,
        "members": list(ensemble.weights),
        "seconds_per_record": cost.seconds_per_record,
        "records": cost.records,
        "hours": cost.hours,
        "limit_hours": LIMIT_HOURS,
        "warnings": list(cost.warnings),
    }


def _print(console: Console, document: dict[str, Any]) -> None:
    members = ", ".join(document["members"])
    console.print(f"{document['file']}: {document['files']} files, {document['bytes'] / 1e6:.1f} MB: {members}")
    if document["hours"] is not None:
        console.print(
            f"{document['seconds_per_record']:.2f} s a record here: about {document['hours']:.1f} of "
            f"{document['limit_hours']:g} hours for {document['records']:,} hidden records on a machine like this one"
        )

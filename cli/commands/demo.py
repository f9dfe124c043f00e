"""`cli demo`: every step on synthetic scenes, as the commands that a user would type."""

import io
import shlex
import time
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

import click

from cli.options import Settings, common
from cli.output import show
from core.extras import require_extra
from zoo.runs import Store
from zoo.runs.store import DEFAULT_ENSEMBLE

# Small enough for a few minutes on two cores: it shows the way and promises no Dice.
TRAIN, VALIDATION, TEST, FOLDS = 36, 12, 6, 3
MEMBERS = {
    "lite0-fc-t5": "--epochs 8 --set size=128",
    "lite1-fc-t5": "--epochs 5 --set size=128",
}


@click.command("demo")
@click.option("--out", default="demo", show_default=True, type=click.Path(path_type=Path), help="Folder for all files.")
@common
def demo(settings: Settings, out: Path) -> None:
    """Run every step on synthetic scenes, from data to a checked submission.

    What a demo that was cut off has made is reused.
    """
    require_extra("zoo")
    from ensemble import Ensemble
    from pipeline.picture import draw_scenes
    from zoo.data import open_scenes

    start = time.perf_counter()
    for command in _commands(out):
        _type(settings, command)
    store = Store(out / "runs")
    ensemble = Ensemble.load(store.ensemble(DEFAULT_ENSEMBLE))
    picture = draw_scenes(store, ensemble, open_scenes([out / "scenes"]), out / "picture.png")
    minutes = (time.perf_counter() - start) / 60
    made = ["scenes/", "runs/", "submission.csv", "out-of-fold.csv", picture.name]
    document = {"folder": str(out), "made": made, "dice": ensemble.fitted["dice"], "minutes": round(minutes, 2)}
    lines = [
        f"the demo took {minutes:.1f} minutes and made, in {out}/: {', '.join(made)}",
        f"look at {picture}: ash colour, label and the ensemble's out-of-fold mask of a few scenes",
        "with scenes of your own:",
        "  cli zoo train --fold all --data DIR",
        "  cli ensemble fit --data DIR",
        "  cli submit --out submission.csv --data DIR",
    ]
    show(settings, document, lambda console: console.print("\n".join(lines), soft_wrap=True))


def _commands(out: Path) -> list[str]:
    """The chain; each is a line that can be typed."""
    where = f"--data {shlex.quote(str(out / 'scenes'))} --runs {shlex.quote(str(out / 'runs'))}"
    folder, submission, oof = (shlex.quote(str(out / name)) for name in ("scenes", "submission.csv", "out-of-fold.csv"))
    return [
        f"data synth {folder} --train {TRAIN} --validation {VALIDATION} --test {TEST} --force",
        f"data check {where}",
        f"data folds --folds {FOLDS} {where}",
        *(f"zoo train {name} {keys} --fold all --with-val {where}" for name, keys in MEMBERS.items()),
        f"ensemble fit {where}",
        f"submit --out {submission} --force {where}",
        f"submissions check {submission} {where}",
        f"submit --split oof --out {oof} --force {where}",
        f"submissions score {oof} {where}",
    ]


def _type(settings: Settings, command: str) -> None:
    from cli.app import run

    settings.listener.info(f"\n$ cli {command}")
    extra = ["--device", settings.device, "--seed", str(settings.seed), "--jobs", str(settings.jobs)]
    extra += ["-q"] if settings.verbosity < 0 else []
    # With --json the demo's own document is the only one on stdout.
    with redirect_stdout(io.StringIO()) if settings.json else nullcontext():
        code = run(shlex.split(command) + extra)
    if code:
        click.get_current_context().exit(code)

"""Several processes on one runs folder, every mix of commands: is anything lost, done twice or left over?

    python -m benchmarks.shared_folder                      8 processes for a minute
    python -m benchmarks.shared_folder --json FILE          the figures, for a table

Each process calls one command after the other, drawn at random, on the same tiny member, predictions, ensembles and
submissions. A command ends well, or with one line: refused by the name of who holds its path, or because another
command has removed or changed what it asked for. In the end every artefact is read back.
"""

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cli.app import run
from core.files import sha256_of_file, temporary_of
from pipeline.verify import verify
from submissions import read_ledger
from zoo.data import open_scenes
from zoo.data.synth import make_scenes
from zoo.runs import Store

RECORDS = 6
MEMBER = """base = "lite0-fc-t5"
encoder = "test_efficientnet"
weights = "none"
decoder_channels = [16, 16, 8, 8, 8]
size = 32
crop = 0
batch = 4
epochs = 1
"""
FEW = 3  # names that the processes share
OUTCOMES = ("done", "refused", "answered", "traceback")
Draw = random.Random
# Name: how often, and a command line below the folder, of a number that all processes share and one of this call alone.
COMMANDS: dict[str, tuple[int, Callable[[int, str], str]]] = {
    "train": (2, lambda few, own: f"zoo train mine.toml --set weight_decay=0.{few + 1} --fold {few % 2}"),
    "predict": (2, lambda few, own: f"zoo predict mine --tta {('hflip', 'vflip', 'flips')[few]}"),
    "leaderboard": (3, lambda few, own: "zoo leaderboard"),
    "fit": (1, lambda few, own: f"ensemble fit --members mine,ext{few} --ensemble e{few} --method uniform"),
    "submit": (3, lambda few, own: f"submit --out s{few}.csv --force"),
    "log": (6, lambda few, own: f"submissions log --import past-{own}.csv"),
    "import": (3, lambda few, own: f"zoo import ext{few} --oof maps"),
    "remove": (2, lambda few, own: f"zoo remove ext{few} --yes"),
    "verify": (1, lambda few, own: "zoo verify"),
    "export": (1, lambda few, own: f"zoo export mine --fold 0 --format torchscript --records 1 --out m{few}.pt"),
}
NO_DATA = ("submissions", "zoo import", "zoo remove", "zoo verify")


def call(line: str) -> tuple[int, str]:
    """Exit code of a command line in this process, and its lines on stderr; a traceback for an exception."""
    words = [*line.split(), "--runs", "runs", *(() if line.startswith(NO_DATA) else ("--data", "data")), "--jobs", "1"]
    errors = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
        try:
            code = run(words)
        except Exception:
            code = 70
            errors.write(traceback.format_exc())
    return code, errors.getvalue()


def prepare() -> None:
    """Make in this folder: scenes, a trained member, imported maps, an ensemble."""
    make_scenes("data", train=RECORDS, validation=0, test=1, jobs=1)
    Path("mine.toml").write_text(MEMBER)
    Path("maps").mkdir()
    scenes = open_scenes([Path("data")])
    for record in scenes.labelled:
        np.save(f"maps/{record.id}.npy", (scenes.mask(record) * 200).astype(np.uint8))
    for line in ("data folds --folds 2", "zoo train mine.toml", "ensemble fit --members mine --method uniform"):
        code, errors = call(line)
        assert code == 0, errors


def work(number: int, until: float, path: Path) -> None:
    """Call commands until the time is over; a JSON line for each."""
    draw = Draw(number)
    names = [name for name, (often, _) in COMMANDS.items() for _ in range(often)]
    with path.open("w") as file:
        for count in range(10**9):
            name, own = draw.choice(names), f"{number}-{count}"
            if name == "log":
                Path(f"past-{own}.csv").write_text(f"name,local,public\n{own},0.60,0.61\n")
            line = COMMANDS[name][1](draw.randrange(FEW), own)
            code, errors = call(line)
            file.write(json.dumps({"name": name, "line": line, "own": own, "code": code, "errors": errors}) + "\n")
            if time.monotonic() >= until:
                return


def outcome(row: dict[str, Any]) -> str:
    """How a call ended: done, refused by the name of the holder, answered by another line, or by a traceback."""
    if "Traceback" in row["errors"]:
        return "traceback"
    if row["code"] == 0:
        return "done"
    return "refused" if "wait until it ends or stop it" in row["errors"] else "answered"


def lost(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What is wrong in the folder after all processes have ended, a line each."""
    store = Store(Path("runs"))
    wrong = [f"verify: {fault}" for fault in verify(store).faults]
    ledger = read_ledger(store.ledger)
    names = Counter(entry.sent.name for entry in ledger.entries)
    wanted = [row["own"] for row in rows if row["name"] == "log" and row["code"] == 0]
    wrong += [f"ledger: {own} is there {names[own]} times" for own in wanted if names[own] != 1]
    for number in range(FEW):
        out = Path(f"s{number}.csv")
        hashes = {entry.sent.sha256 for entry in ledger.entries}
        if out.exists() and sha256_of_file(out) not in hashes:
            wrong.append(f"ledger: {out} is not there")
    trained = Counter(row["line"] for row in rows if row["name"] == "train" and ": trains on " in row["errors"])
    wrong += [f"trained {count} times: {line}" for line, count in trained.items() if count > 1]
    kept = _board()
    store.leaderboard.unlink(missing_ok=True)
    if kept != _board():
        wrong.append("leaderboard.json: its rows are not those of a new one")
    left = [path for path in Path().rglob(".*") if path.suffix == ".lock" or temporary_of(path)]
    return wrong + [f"left over: {path}" for path in left]


def _board() -> Any:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        run(["zoo", "leaderboard", "--json", "--runs", "runs", "--data", "data", "--jobs", "1"])
    return json.loads(out.getvalue())


def measure(processes: int, seconds: float) -> dict[str, Any]:
    """Run the processes in this folder; counts of each command's outcomes, other errors, what was lost."""
    prepare()
    logs = [Path(f"log-{number}.jsonl") for number in range(processes)]
    fork, until = multiprocessing.get_context("fork"), time.monotonic() + seconds
    workers = [fork.Process(target=work, args=(number, until, path)) for number, path in enumerate(logs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rows = [json.loads(line) for path in logs for line in path.read_text().splitlines()]
    counts = {name: Counter(outcome(row) for row in rows if row["name"] == name) for name in COMMANDS}
    answers = [row for row in rows if outcome(row) in ("answered", "traceback")]
    return {
        "processes": processes,
        "seconds": seconds,
        "crashed": sum(bool(worker.exitcode) for worker in workers),
        "commands": {name: {kind: count[kind] for kind in OUTCOMES} for name, count in counts.items()},
        "answers": [f"{row['line']}: {row['errors'].splitlines()[-1]}" for row in answers if row["errors"]],
        "lost": lost(rows),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each command, the other answers, and what was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(arguments)
    path = args.json.absolute() if args.json else None
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            found = measure(args.processes, args.seconds)
        finally:
            os.chdir(here)
    print(f"{args.processes} processes, {args.seconds:g} s\n| command | " + " | ".join(OUTCOMES) + " |")
    print("|" + "---|" * (len(OUTCOMES) + 1))
    for name, count in found["commands"].items():
        print(f"| {name} | " + " | ".join(str(count[kind]) for kind in OUTCOMES) + " |")
    for text, count in Counter(found["answers"]).most_common():
        print(f"{count} x {text}")
    print(f"{found['crashed']} processes crashed; {len(found['lost'])} lost, done twice or left over")
    print(*found["lost"], sep="\n")
    if path:
        path.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

"""Peak memory of each command, in a process of its own, on real scenes.

    python -m benchmarks.command_memory --data scenes                              a table, a row for each command
    python -m benchmarks.command_memory --data scenes --and scenes/ash_color       a second column with more records
    python -m benchmarks.command_memory --data scenes --json FILE                  the figures, for a table

The commands run in order on one runs folder, with one member trained for one epoch on two folds; peak is the largest
resident set of the command and of the processes that it starts, all libraries included.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

READS = "{data} --runs runs"
# Name: command line, in the order in which they need each other.
COMMANDS = {
    "data synth": "data synth synth --train 4 --validation 0 --test 1",
    "data check": f"data check {READS}",
    "data stats": f"data stats {READS}",
    "data folds": f"data folds --folds 2 {READS}",
    "data features": f"data features --top 3 {READS}",
    "data shift": f"data shift {READS}",
    "data pack": f"data pack packed {{member}} {READS}",
    "zoo list": "zoo list --runs runs",
    "zoo show": "zoo show {member} --runs runs",
    "zoo weights": "zoo weights {member} --runs runs",
    "zoo train": f"zoo train {{member}} --fold all --epochs 1 {READS}",
    "zoo predict": f"zoo predict {{member}} --tta hflip {READS}",
    "zoo pseudo": f"zoo pseudo {{member}} --frames 4 {READS}",
    "zoo tune": f"zoo tune mine.toml --trials 1 --epochs 1 {READS}",
    "zoo leaderboard": f"zoo leaderboard {READS}",
    "zoo errors": f"zoo errors {{member}} --worst 1 {READS}",
    "zoo export": f"zoo export {{member}} --fold 0 --format torchscript --records 8 --out m.pt {READS}",
    "ensemble fit": f"ensemble fit --members {{member}} {READS}",
    "ensemble show": "ensemble show default --runs runs",
    "submit": f"submit --out s.csv {READS}",
    "submit --kaggle": f"submit --kaggle --out bundle.zip {READS}",
    "submissions check": f"submissions check s.csv {READS}",
    "submissions log": "submissions log --runs runs",
    "report": f"report --out report.html {READS}",
    "zoo verify": "zoo verify --runs runs",
    "sign": "sign runs/ensembles/default/ensemble.json --runs runs",
    "zoo remove": "zoo remove {member} --yes --runs runs",
}


def peak_of(line: str, folder: Path, log: Path) -> tuple[float, float, int]:
    """Peak of a command line, MB, its processor seconds and its exit code."""
    child = os.fork()
    if not child:
        os.chdir(folder)
        for number in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        os.execv(sys.executable, [sys.executable, "-m", "cli", *line.split()])
    _, status, spent = os.wait4(child, 0)
    return spent.ru_maxrss / 1e3, spent.ru_utime + spent.ru_stime, os.waitstatus_to_exitcode(status)


def measure(data: Sequence[Path], member: str, log: Path) -> dict[str, float]:
    """Peak of every command on these data, MB."""
    peaks = {}
    words = {"data": " ".join(f"--data {path}" for path in data), "member": member}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "mine.toml").write_text(f'base = "{member}"\n[tune]\nlr = [1e-4, 1e-3]\n')
        for name, line in COMMANDS.items():
            peak, seconds, code = peak_of(line.format(**words), folder, log)
            if code:
                print(f"{name}: exit code {code}; see {log}", file=sys.stderr)
            peaks[name] = peak
            print(f"{name}: {peak:.0f} MB, {seconds:.0f} CPU s", file=sys.stderr, flush=True)
    return peaks


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--and", type=Path, action="append", default=[], dest="more", help="data of a second column")
    parser.add_argument("--member", default="lite0-fc-t5-ema")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--log", type=Path, default=Path("build/command_memory.log"), help="what the commands print")
    given = parser.parse_args(arguments)
    given.log.parent.mkdir(parents=True, exist_ok=True)
    first = [path.absolute() for path in given.data]
    columns = [first, [*first, *(path.absolute() for path in given.more)]] if given.more else [first]
    found = [measure(data, given.member, given.log.absolute()) for data in columns]
    print("| command | " + " | ".join("MB" for _ in found) + " |\n|---|" + "---|" * len(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")
    for name in COMMANDS:
        print(f"| `{name}` | " + " | ".join(f"{column[name]:.0f}" for column in found) + " |")


if __name__ == "__main__":
    main()

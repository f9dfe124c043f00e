"""The long form: series of kills of every command that writes, then every fault at every point.

    python -m tests.faults.soak                     2,000 series, then all faults; an hour or two of a processor
    python -m tests.faults.soak --log FILE          outcome of each, a JSON line; the same call goes on after the last

Commands run in forks of this process, which has loaded everything: a cycle costs what the command does, and no start of
an interpreter. Prints a line a minute, each failure as it comes, and a table at the end. Exit code 1 if anything
failed; the same call tries what failed again.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from tests.faults.commands import COMMANDS
from tests.faults.cycles import Start, check_fault, check_kills

EVERY = 60.0  # seconds between lines
WHOLE = sum(command.cycles for command in COMMANDS.values())
Case = tuple[str, str]  # name of the command, and which series or fault


def series(cycles: int, names: Sequence[str]) -> list[Case]:
    """Series of kills: each command has its share of `cycles`, one of each in turn.

    Those that train come last: once torch is loaded, a fork costs three times as much.
    """
    shares = {name: max(1, round(cycles * COMMANDS[name].cycles / WHOLE)) for name in names}
    cases = [(name, number) for number in range(max(shares.values())) for name in names if number < shares[name]]
    return [(name, f"cycle {number}") for name, number in sorted(cases, key=lambda case: COMMANDS[case[0]].trains)]


def faults(start: Start, names: Sequence[str]) -> Iterator[Case]:
    """Every kind of fault at every point where it can happen."""
    return ((name, f"{kind} @{at}") for name in names for at, kind in start.faults(name))


def check(start: Start, case: Case) -> int:
    """Do one case; the number of faults that were injected."""
    name, which = case
    if which.startswith("cycle"):
        return check_kills(start, name, f"{name} {which}")
    kind, _, at = which.rpartition(" @")
    check_fault(start, name, int(at), kind)
    return 1


def read_log(path: Path) -> dict[Case, dict[str, object]]:
    """Outcomes so far; a line that a kill cut off is left out."""
    rows = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        rows[row["command"], row["case"]] = row
    return rows


def soak(start: Start, cases: Iterator[Case], log: Path, tell: Callable[[str], None] = print) -> bool:
    """Do the cases that the log lacks; True if all of them ended well."""
    done, told = read_log(log), 0.0
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab", buffering=0) as file:
        file.write(b"\n")  # after a line that a kill cut off
        for case in cases:
            if case in done and not done[case]["failed"]:
                continue
            before, fault, count = processor_seconds(), "", 0
            try:
                count = check(start, case)
            except AssertionError as error:
                fault = str(error).partition("\nassert")[0]
                tell(f"FAILED {case[0]}, {case[1]}: {fault}")
            row = {"command": case[0], "case": case[1], "faults": count, "failed": fault}
            done[case] = row | {"cpu_seconds": round(processor_seconds() - before, 2)}
            file.write(json.dumps(done[case]).encode() + b"\n")
            if time.monotonic() - told >= EVERY:
                told = time.monotonic()
                tell(f"{time.strftime('%H:%M:%S')} {len(done)} done, {_failed(done)} failed; {case[0]}, {case[1]}")
    return not _failed(done)


def processor_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def table(done: dict[Case, dict[str, object]]) -> str:
    """Rows of the docs: command, series, their kills, single faults, how many ended otherwise, processor time."""
    lines = ["| command | series | kills in them | single faults | failed | CPU s |", "|---|---|---|---|---|---|"]
    for name in [*COMMANDS, "all"]:
        rows = [row for (command, _), row in done.items() if name in (command, "all")]
        cycles = [row for row in rows if str(row["case"]).startswith("cycle")]
        kills = sum(int(str(row["faults"])) for row in cycles)
        failed, spent = sum(bool(row["failed"]) for row in rows), sum(float(str(row["cpu_seconds"])) for row in rows)
        cells = [name, len(cycles), kills, len(rows) - len(cycles), failed, round(spent)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _failed(done: dict[Case, dict[str, object]]) -> int:
    return sum(bool(row["failed"]) for row in done.values())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the log lacks, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cycles", type=int, default=WHOLE)
    parser.add_argument("--no-faults", action="store_true", help="series of kills alone")
    parser.add_argument("--only", action="append", choices=list(COMMANDS), help="a command; may be repeated")
    parser.add_argument("--log", type=Path, default=Path("build/soak.jsonl"))
    given = parser.parse_args(arguments)
    names = given.only or list(COMMANDS)

    def cases(start: Start) -> Iterator[Case]:
        yield from series(given.cycles, names)
        if not given.no_faults:
            yield from faults(start, names)

    with tempfile.TemporaryDirectory() as folder, patch("core.jobs.cpu_count", lambda: 1):
        start = Start(Path(folder))
        ended_well = soak(start, cases(start), given.log)
    print(table(read_log(given.log)))
    return 0 if ended_well else 1


if __name__ == "__main__":
    sys.exit(main())

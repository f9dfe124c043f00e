"""Races of commands that write the same file or ledger, with claims and without: how many end wrong.

python -m benchmarks.one_writer [--rounds 100] [--json FILE]
"""

import argparse
import json
import multiprocessing
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from core.errors import UserError
from core.files import sha256_of_file
from submissions import read_ledger, write_submission
from submissions.ledger import Sent, append
from submissions.write import Written

WRITERS = 2
APPENDERS = 8
EARLIER = 500  # lines of a ledger, which take some milliseconds to read
FAILED = 1
FORK = multiprocessing.get_context("fork")


def race(works: Sequence[Callable[[], object]]) -> list[int]:
    """Do works at the same time, each in a process; exit codes, `FAILED` for a UserError."""
    barrier = FORK.Barrier(len(works))

    def start(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except UserError:
            raise SystemExit(FAILED) from None

    processes = [FORK.Process(target=start, args=(work,)) for work in works]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode or 0 for process in processes]


def submissions_agree(folder: Path) -> bool:
    """Race submissions of other masks to one file: True if the file is that of the newest entry, and each success's."""
    out, ledger = folder / "submission.csv", folder / "runs" / "submissions.jsonl"

    def submit(number: int) -> None:
        masks = {str(record): np.eye(256, k=number, dtype=bool) for record in range(10)}

        def note(written: Written) -> None:
            append(ledger, Sent(name=out.name, sha256=written.sha256, ensemble=f"e{number}"))

        write_submission(out, masks, force=True, on_written=note)

    codes = race([lambda number=number: submit(number) for number in range(WRITERS)])  # type: ignore[misc]
    entries = read_ledger(ledger).entries
    succeeded = {f"e{number}" for number, code in enumerate(codes) if code == 0}
    noted = {entry.sent.ensemble for entry in entries}
    return bool(entries) and noted == succeeded and entries[-1].sent.sha256 == sha256_of_file(out)


def one_entry(folder: Path) -> bool:
    """Race equal entries: True if one is kept."""
    ledger = folder / "submissions.jsonl"
    append(ledger, Sent(name="earlier.csv"))
    ledger.write_bytes(ledger.read_bytes() * EARLIER)
    codes = race([lambda: append(ledger, Sent(name="submission.csv", sha256="1" * 64))] * APPENDERS)
    return not any(codes) and sum(b"submission.csv" in line for line in ledger.read_bytes().splitlines()) == 1


RACES = {"submissions of one file": submissions_agree, "equal entries of the ledger": one_entry}


def wrong(holds: Callable[[Path], bool], rounds: int) -> int:
    """Rounds that end wrong."""
    count = 0
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            count += not holds(Path(folder))
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each race."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args(arguments)
    found: dict[str, Any] = {"rounds": args.rounds}
    for name, holds in RACES.items():
        with (
            patch("submissions.write.claim", lambda path: nullcontext()),
            patch("submissions.ledger.locked", lambda path: nullcontext()),
        ):
            without = wrong(holds, args.rounds)
        found[name] = {"without": without, "with": wrong(holds, args.rounds)}
        print(f"{name}: {without} of {args.rounds} wrong without claims, {found[name]['with']} with them")
    if args.json:
        args.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()

"""Processor time of completing a word in a shell: the interpreter's start, the search for names, the answer.

Usage: python -m benchmarks.completion [REPEATS]
"""

import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

CASES = ("cli zoo tr", "cli zoo train lite", "cli zoo train --fold ", "cli ensemble show d", "cli submit --split o")


def seconds(words: str) -> float:
    """Processor seconds of one completion of the last of `words`."""
    given = {"_CLI_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [Path(sys.executable).with_name("cli")], env=os.environ | given, stdout=subprocess.DEVNULL, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the median of each case, in the folder where it runs."""
    given = sys.argv[1:] if arguments is None else arguments
    repeats = int(given[0]) if given else 15
    found: dict[str, list[float]] = {words: [] for words in CASES}
    for _ in range(repeats):
        for words in CASES:
            found[words].append(seconds(words))
    for words, each in found.items():
        print(f"{words!r:28} {1000 * statistics.median(each):4.0f} ms of the processor")


if __name__ == "__main__":
    main()

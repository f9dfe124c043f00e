"""Coverage-guided fuzzing of every reader, by atheris: `make fuzz`.

`python -m tests.faults.fuzz SECONDS [READER...]` runs wherever atheris (Apache-2.0) is, which is no dependency of the
suite: `make fuzz` installs it into an environment of its own. Each reader starts from its valid file and the corpus
beside this module; half of the mutations replace values of a document, which is signed again. A finding is anything but
a UserError, more than 5 s or more than 2 GB; it is written to build/fuzz/findings, and the fuzzing goes on. What covers
new code is kept in build/fuzz/corpus.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.readers import Reader

BUILD = Path("build/fuzz")
CORPUS = Path(__file__).with_name("corpus")
PACKAGES = [
    "core",
    "zoo",
    "ensemble",
    "submissions",
    "analysis",
    "pipeline",
    "cli",
    "tomllib",
    "json",
    "csv",
    "zipfile",
]
LIMITS = ["-rss_limit_mb=3000", "-malloc_limit_mb=2000", "-timeout=20", "-max_len=20000", "-print_final_stats=1"]


def main(seconds: int, names: list[str]) -> None:
    """Fuzz each reader in a process of its own, for its share of the time; print a line for each."""
    import atheris

    with atheris.instrument_imports(include=PACKAGES, enable_loader_override=False):
        from core.errors import UserError
        from tests.faults.readers import READERS

        names = names or list(READERS)
        for reader in map(READERS.__getitem__, names):  # what a reader imports at its first call is instrumented, too
            with tempfile.TemporaryDirectory() as folder:
                path = prepared(reader, Path(folder))
                path.write_bytes(reader.seal(reader.valid))
                with contextlib.suppress(UserError):
                    reader.read(path)
    share = max(1, seconds // len(names))
    for name in names:
        log = BUILD / f"{_plain(name)}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        if (child := os.fork()) == 0:
            with log.open("wb") as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            fuzz(name, READERS[name], share)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        lines = log.read_text(errors="replace").splitlines()
        figures = dict(line.removeprefix("stat::").split(":") for line in lines if line.startswith("stat::"))
        count, peak = (figures.get(key, "?").strip() for key in ("number_of_executed_units", "peak_rss_mb"))
        found = len(list((BUILD / "findings").glob(f"{_plain(name)}-*.txt")))
        print(f"{name}: {share} s, {count} executions, peak {peak} MB, {found} findings, exit {code}", flush=True)


def prepared(reader: Reader, folder: Path) -> Path:
    """Make what a reader needs beside its file; the path of that file."""
    reader.prepare(folder)
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def fuzz(name: str, reader: Reader, seconds: int) -> None:
    """Fuzz one reader until the time is over; ends the process."""
    import atheris

    from tests.faults.hostile import as_json, changed, sealed_json, sealed_lines  # core is instrumented by now

    warnings.simplefilter("ignore")
    work = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    folder = Path(work.name)
    path = prepared(reader, folder)
    corpus = BUILD / "corpus" / _plain(name)
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in (reader.valid, *(kept.read_bytes() for kept in (CORPUS / _plain(name)).glob("*"))):
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)

    def attempt(data: bytes) -> None:
        path.write_bytes(reader.seal(data))
        started = time.time()
        try:
            reader.attempt(path)
        except Exception as error:
            _keep(name, data, error, time.time() - started)

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        if seed % 2 and reader.seal in (sealed_json, sealed_lines):
            lines = data.split(b"\n") if reader.seal is sealed_lines else [data]
            with contextlib.suppress(ValueError, RecursionError):
                lines[seed % len(lines)] = as_json(changed(json.loads(lines[seed % len(lines)]), seed))
                return b"\n".join(lines)[:size]
        return bytes(atheris.Mutate(data, size))

    arguments = [sys.argv[0], str(corpus), f"-max_total_time={seconds}", *LIMITS]
    atheris.Setup(arguments, attempt, custom_mutator=mutate)
    atheris.Fuzz()


def _keep(name: str, data: bytes, error: Exception, seconds: float) -> None:
    """Write a finding, one for each place that raised it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/faults/" not in frame.filename]
    where = "".join(f"{frame.filename}:{frame.lineno}" for frame in frames[-2:]) + type(error).__name__
    path = BUILD / "findings" / f"{_plain(name)}-{hashlib.sha1(where.encode()).hexdigest()[:10]}.txt"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".bin").write_bytes(data)
        path.write_text(f"{seconds:.1f} s\n" + "".join(traceback.format_exception(error)))


def _plain(name: str) -> str:
    return name.replace(" ", "-")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

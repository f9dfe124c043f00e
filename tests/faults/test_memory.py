"""Too little memory, by a limit of the kernel: the same command again ends as if undisturbed.

Where memory ends is chance, and a library in C may end there in any way. That it is one line and exit 1 where Python
says so is tested by errors that are injected (`tests/faults/test_faults.py`).
"""

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.commands import COMMANDS, content, in_child
from tests.faults.cycles import Start
from tests.scenes import write_record

LEFT = (0, 20, 60)  # MB that a command may take beyond what this process has


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """The folders that commands start from."""
    return Start(tmp_path_factory.mktemp("memory"))


@contextlib.contextmanager
def limited(megabytes: int) -> Iterator[None]:
    """Let this process take so much more memory than it has."""
    lines = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    most = (int(lines["VmData"].split()[0]) << 10) + (megabytes << 20)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("name", ["data pack", "fit", "report", "train", "predict", "tune"])
def test_after_too_little_memory_the_same_command_goes_on(start: Start, name: str) -> None:
    line, expected = COMMANDS[name].line, start.undisturbed(name)[0]
    root, codes = start.copy(name, "limited"), []
    for megabytes in LEFT:
        code, errors = in_child(line, root, limited(megabytes))
        told = [text for text in errors.splitlines() if text.startswith("error: ")]
        assert code in (0, 1) and len(told) <= code and all("out of memory" in text for text in told), errors
        codes.append(code)
    assert any(codes)  # a limit was met
    assert in_child(line, root)[0] == 0
    assert content(root) == expected


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("command", ["data check", "data stats", "data pack {root}/packed --input fc"])
def test_records_are_not_held_all_at_once(tmp_path: Path, command: str) -> None:
    """Forty records, of which each fills 6 MB of arrays, in 100 MB."""
    write_record(tmp_path / "one", "train", "1")
    (tmp_path / "data" / "train").mkdir(parents=True)
    for number in range(40):
        (tmp_path / "data" / "train" / str(100 + number)).symlink_to(tmp_path / "one" / "train" / "1")
    line = f"{command} --data {{data}} --runs {{root}}/runs"
    code, errors = in_child(line, tmp_path / "root", limited(100))
    assert code == 0, errors

"""How much memory is left, by what limits a process most: the machine, or a container around it."""

import mmap
import platform
import subprocess
import sys

import pytest

from core.errors import UsageError
from zoo.runtime import memory as module
from zoo.runtime.memory import Memory, limit_memory, memory


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of 1000 kB, of which 600 can be had, and no control groups; returns the folder of these."""
    (tmp_path / "meminfo").write_text(
        "MemTotal:    1000 kB\nMemFree:   100 kB\nMemAvailable:  600 kB\nHugePages_Total: 0\n"
    )
    (tmp_path / "cgroup").write_text("")
    monkeypatch.setattr(module, "MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(module, "GROUPS_OF_THIS_PROCESS", tmp_path / "cgroup")
    monkeypatch.setattr(module, "GROUPS", tmp_path / "groups")
    return tmp_path / "groups"


def limit(folder, names, total, used, cached):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[0]).write_text(f"{total}\n")
    (folder / names[1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text("".join(f"{name} {cached // 2}\n" for name in ("anon", *names[2])))


def test_a_limit_of_the_users_own_counts_what_the_process_has(machine, monkeypatch):
    taken = [300_000]
    monkeypatch.setattr(module, "resident", lambda: taken[0])
    limit_memory(0.0004)
    assert memory() == Memory(100_000, 400_000)
    taken[0] = 350_000
    assert memory().free_share == 0.125
    with pytest.raises(UsageError, match=r"--max-ram 0.0003: training takes 0.0 GB before it reads a record; raise it"):
        limit_memory(0.0003)
    limit_memory(None)
    assert memory() == Memory(600 * 1024, 1000 * 1024)


def test_processes_of_torchrun_share_the_users_limit(machine, monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setattr(module, "resident", lambda: 150_000)
    limit_memory(0.0004)
    assert memory() == Memory(50_000, 200_000)
    with pytest.raises(UsageError, match=r"--max-ram 0.0002: training takes 0.0 GB"):
        limit_memory(0.0002)
    limit_memory(None)


def test_the_resident_set_grows_with_what_is_kept():
    before = module.resident()
    with mmap.mmap(-1, 64 << 20) as kept:  # pages of its own: what was freed before is not taken again
        kept.write(b"1" * len(kept))
        assert module.resident() - before > 0.9 * len(kept)


def test_without_limits_it_is_the_machines(machine):
    assert memory() == Memory(600 * 1024, 1000 * 1024)
    assert memory().free_share == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("line", "below", "names"),
    [("0::/a/b", "", module.SECOND), ("4:cpu,memory:/a/b", "memory", module.FIRST)],
    ids=["second", "first"],
)
@pytest.mark.parametrize("of", ["a/b", "a", "", "."])
def test_a_container_counts_wherever_its_limit_stands(line, below, names, of, machine):
    (machine.parent / "cgroup").write_text(f"9:pids:/a\n{line}\n")
    limit(machine / below / of, names, 200_000, 150_000, cached=60_000)
    assert memory() == Memory(110_000, 200_000)


def test_a_limit_above_the_machines_memory_is_none(machine):
    (machine.parent / "cgroup").write_text("4:memory:/a\n")
    limit(machine / "memory", module.FIRST, 2**63 - 4096, 150_000, cached=0)
    limit(machine / "memory" / "a", module.FIRST, "max", 150_000, cached=0)
    assert memory() == Memory(600 * 1024, 1000 * 1024)


def test_more_taken_than_is_allowed_leaves_nothing(machine):
    (machine.parent / "cgroup").write_text("0::/\n")
    limit(machine, module.SECOND, 1000, 3000, cached=0)
    assert memory().free_share == 0


def test_a_machine_that_does_not_say_has_what_was_not_taken(machine):
    module.MACHINE.unlink()
    module.GROUPS_OF_THIS_PROCESS.unlink()
    assert 0 < memory().free < memory().total


def test_this_machine_has_some():
    assert 0 < memory().free <= memory().total


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_freed_memory_is_kept_for_the_next_array_of_its_size():
    """In a process of its own: the setting lasts."""
    probe = (
        "import resource, sys; import numpy as np; from zoo.runtime.memory import keep_freed_memory\n"
        "def faults():\n"
        "    np.ones(100_000_000, np.uint8)\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(3): np.ones(100_000_000, np.uint8)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "before = faults(); assert keep_freed_memory(); print(before, faults())"
    )
    said = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True).stdout
    before, after = map(int, said.split())
    assert after < before / 10


def test_the_memory_of_a_device_is_that_of_its_card_or_of_the_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "memory", lambda: Memory(5, 24_000_000_000))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert module.device_memory() == ("", 24.0)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA T4, 16384'\necho 'NVIDIA A100, 81920'\n")
    tool.chmod(0o755)
    assert module.device_memory() == ("NVIDIA T4", pytest.approx(17.18, abs=0.01))
    assert module.device_memory("cuda:1").card == "NVIDIA A100"
    assert module.device_memory("cuda:2").card == module.device_memory("cpu").card == ""
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert module.device_memory() == ("", 24.0)

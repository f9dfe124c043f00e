"""What the tests of the commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.app import run

Typed = Callable[[str], tuple[int, Any]]


@pytest.fixture
def typing_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Typed]:
    """A way to type commands in a folder, each with the same options behind: their exit code and what was said."""

    def begin(folder: Path, options: str) -> Typed:
        monkeypatch.chdir(folder)

        def type_in(command: str) -> tuple[int, Any]:
            code = run([*command.split(), *options.split()])
            return code, capsys.readouterr()

        return type_in

    return begin

"""Fill the two reference pages of the site: mkdocs calls this module for every page (`hooks` in mkdocs.yml).

`commands.md` gets the help of every command as `--help` prints it, `functions.md` the public names of every package,
whose docstrings mkdocstrings inserts: neither page can fall behind.
"""

from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from typing import Any

from cli.app import command_names, run

PACKAGES = ("ensemble", "submissions", "analysis", "webpage", "pipeline", "zoo")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Text of a page as mkdocs renders it; `page.file.src_uri` is its path below docs/."""
    made = {"commands.md": commands, "functions.md": functions}.get(page.file.src_uri)
    return markdown + made() if made else markdown


def commands() -> str:
    """Section for each command: its help."""
    return "".join(f"\n## cli {name}\n\n```text\n{help_of(name)}```\n" for name in command_names())


def functions() -> str:
    """Section for each package: the names that it exports."""
    found = []
    for package in PACKAGES:
        module = import_module(package)
        found.append(f"\n## {package}\n")
        for name in sorted(module.__all__, key=str.lower):
            home = getattr(getattr(module, name), "__module__", package)
            found.append(f"\n::: {home}.{name}\n")
    return "".join(found)


def help_of(command: str) -> str:
    """Help of one command."""
    with redirect_stdout(StringIO()) as printed:
        run([*command.split(), "--help"])
    return printed.getvalue()

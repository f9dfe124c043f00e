"""Imports are declared, packages are typed, the lock names no index or host."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
NEWER_STDLIB = {"compression"}  # of Python 3.14's standard library


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """Distributions that the project and its extras ask for."""
    project = PROJECT["project"]
    asked = [project["dependencies"], *project["optional-dependencies"].values()]
    return {normal(re.match(r"[\w.-]+", line)[0]) for lines in asked for line in lines}


def imported(path: Path) -> set[str]:
    """Top-level modules that a file imports."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names}


def test_every_import_is_declared():
    bring, own = packages_distributions(), declared()
    missing = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            names = imported(path) - {*sys.stdlib_module_names, *PACKAGES, *NEWER_STDLIB}
            unknown = [name for name in names if not {*map(normal, bring.get(name, ()))} & own]
            if unknown:
                missing[str(path.relative_to(ROOT))] = unknown
    assert missing == {}


def test_every_package_says_that_it_is_typed():
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)


def test_the_lock_names_no_host():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        assert not re.findall(r"\S*(?:://|--index|--find|--extra|@ )\S*", path.read_text()), path.name

"""Imports are declared, packages are typed, the lock names no index or host."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from packaging.requirements import Requirement

from core.extras import EXTRAS

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LEFT_OUT = {"mlflow"}  # extras that `make` does not install
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
    left_out = {package for extra in LEFT_OUT for package in EXTRAS[extra]}
    missing = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            names = imported(path) - {*sys.stdlib_module_names, *PACKAGES, *NEWER_STDLIB, *left_out}
            unknown = [name for name in names if not {*map(normal, bring.get(name, ()))} & own]
            if unknown:
                missing[str(path.relative_to(ROOT))] = unknown
    assert missing == {}


def test_every_package_says_that_it_is_typed():
    assert all((ROOT / package / "py.typed").is_file() for package in PACKAGES)


def requirements_of_the_project():
    """Every requirement that pyproject.toml states of what `make` installs; groups that are included left out."""
    project = PROJECT["project"]
    tables = project["optional-dependencies"] | PROJECT["dependency-groups"]
    named = (line for name, lines in tables.items() if name not in LEFT_OUT for line in lines)
    lines = [*project["dependencies"], *named]
    return [Requirement(line) for line in lines if isinstance(line, str)]


def test_make_installs_all_extras_but_those_left_out():
    (named,) = re.findall(r"^EXTRAS := (.+)$", (ROOT / "Makefile").read_text(), re.M)
    assert {*named.split()} == {*PROJECT["project"]["optional-dependencies"]} - LEFT_OUT
    assert {*PROJECT["project"]["optional-dependencies"]} == {*EXTRAS}


def test_the_lock_satisfies_the_project():
    lines = re.findall(r"^([\w.-]+)==([\w.+!]+)", (ROOT / "requirements" / "lock.txt").read_text(), re.M)
    locked = {normal(name): version for name, version in lines}
    asked = requirements_of_the_project()
    assert len(asked) > 30
    broken = [str(one) for one in asked if not one.specifier.contains(locked.get(normal(one.name), "0"))]
    assert broken == []


def bill():
    """The module requirements/bill.py."""
    found = spec_from_file_location("bill", ROOT / "requirements" / "bill.py")
    module = module_from_spec(found)
    sys.modules["bill"] = module
    found.loader.exec_module(module)
    return module


PERMISSIVE = re.compile(r"(MIT|BSD|Apache|ISC|PSF|Zlib|CC0|0BSD|MIT-CMU|BSL|LLVM)")
EXCEPTIONS = {"certifi", "hypothesis", "pathspec", "tqdm", "connected-components-3d"}  # MPL and LGPL, unmodified


def test_every_package_has_a_licence_that_the_page_names():
    rows = dict(re.findall(r"^\| ([\w-]+) \| (.+) \|$", (ROOT / "docs" / "licences.md").read_text(), re.M))
    found = bill().materials()
    assert len(found) > 50
    assert {one.name: one.licence for one in found if rows.get(one.name) != one.licence} == {}
    strict = [one for one in found if one.name not in EXCEPTIONS and "NVIDIA" not in one.licence]
    assert [one for one in strict if not PERMISSIVE.match(one.licence)] == []


def test_the_bill_has_hashes():
    document = bill().cyclonedx(bill().materials())
    assert document["bomFormat"] == "CycloneDX"
    assert all(one["hashes"] and one["version"] for one in document["components"])


def test_the_lock_names_no_host():
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        assert not re.findall(r"\S*(?:://|--index|--find|--extra|@ )\S*", path.read_text()), path.name

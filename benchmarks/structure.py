"""Counts of the code's structure, by its syntax trees: lines, functions, lazy imports, circles, logic in `cli`.

python -m benchmarks.structure [ROOT]
"""

import argparse
import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import quantiles

ROOMS = ("core", "zoo", "ensemble", "submissions", "analysis", "pipeline", "cli")
# Modules of `cli` that are neither commands nor logic: options, errors and the way things are printed.
FRAME = ("app", "options", "output", "listener", "fitting", "columns", "__init__", "__main__")
Trees = dict[str, ast.Module]


def read_trees(root: Path) -> Trees:
    """Syntax tree of every product module, by its path relative to `root`."""
    paths = sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))
    return {str(path.relative_to(root)): ast.parse(path.read_text()) for path in paths}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions and methods, without those inside others."""
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        yield from (member for member in members if isinstance(member, ast.FunctionDef))


def length(node: ast.FunctionDef) -> int:
    """Lines of a function with its decorators."""
    first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
    return (node.end_lineno or node.lineno) - first + 1


def lazy_imports(tree: ast.Module) -> int:
    """Import statements inside functions."""
    inside = {id(node) for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) for node in ast.walk(one)}
    return sum(isinstance(node, ast.Import | ast.ImportFrom) and id(node) in inside for node in ast.walk(tree))


def is_command(node: ast.FunctionDef) -> bool:
    """True if a decorator is click's."""
    return any("click" in ast.unparse(one) for one in node.decorator_list)


def prints(node: ast.FunctionDef) -> bool:
    """True if the function fills a table or writes on a console: a parameter or a call says so."""
    text = ast.unparse(node)
    return any(word in text for word in ("console.print", "Console", "Table(", "add_row", "click.echo", "Column("))


def cli_lines(trees: Trees) -> dict[str, int]:
    """Lines of `cli`'s functions by kind: command, printing, frame, logic."""
    lines = dict.fromkeys(("command", "printing", "frame", "logic"), 0)
    for path, tree in trees.items():
        if not path.startswith("cli/"):
            continue
        for node in functions(tree):
            if is_command(node):
                kind = "command"
            elif Path(path).stem in FRAME:
                kind = "frame"
            elif "tables" in path or prints(node):
                kind = "printing"
            else:
                kind = "logic"
            lines[kind] += length(node)
    return lines


def imports(tree: ast.Module, known: set[str]) -> set[str]:
    """Product modules that a module imports at its top, for types too."""
    found = set()
    blocks = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.If))]
    for node in (node for block in blocks for node in block):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known or {node.module} & known
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & known
    return found


def circles(trees: Trees) -> list[list[str]]:
    """Groups of modules that import one another; a package's `__init__`, which re-exports, counts for none."""
    modules = {
        path.removesuffix(".py").replace("/", "."): tree for path, tree in trees.items() if "__init__" not in path
    }
    graph = {name: imports(tree, set(modules)) for name, tree in modules.items()}
    reach = {name: _reachable(graph, name) for name in graph}
    groups = {
        tuple(sorted(other for other in reach[name] if name in reach[other])) for name in graph if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


def _reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    left = list(graph[start])
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += graph[name]
    return seen


def measure(root: Path) -> dict[str, object]:
    """All counts of the checkout at `root`."""
    trees = read_trees(root)
    sizes = {path: len((root / path).read_text().splitlines()) for path in trees}
    lengths = sorted(length(node) for tree in trees.values() for node in functions(tree))
    texts = [(root / path).read_text() for path in trees]
    cli = cli_lines(trees)
    return {
        "files": len(sizes),
        "lines": sum(sizes.values()),
        "lines_by_room": {room: sum(n for path, n in sizes.items() if path.startswith(f"{room}/")) for room in ROOMS},
        "longest_file": max(sizes.values()),
        "functions": len(lengths),
        "function_lines": {
            "median": lengths[len(lengths) // 2],
            "p90": round(quantiles(lengths, n=10)[-1]),
            "max": lengths[-1],
        },
        "lazy_imports": sum(map(lazy_imports, trees.values())),
        "lazy_imports_in_cli": sum(lazy_imports(tree) for path, tree in trees.items() if path.startswith("cli/")),
        "type_checking_blocks": sum("\nif TYPE_CHECKING:" in text for text in texts),
        "future_imports": sum("from __future__ import annotations" in text for text in texts),
        "cli_function_lines": cli,
        "cli_logic_share": round(cli["logic"] / sum(cli.values()), 3),
        "longest_command": max(
            (length(n) for p, t in trees.items() if p.startswith("cli/") for n in functions(t) if is_command(n)),
            default=0,
        ),
        "circles": circles(trees),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Print the counts as one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).parents[1])
    print(json.dumps(measure(parser.parse_args(argv).root), indent=1))


if __name__ == "__main__":
    main()

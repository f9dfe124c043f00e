"""The page and the notebook of the library run, in order, in a short form; nothing that they name is missing."""

import json
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
# The same calls on fewer scenes, with fewer epochs and folds, a smaller input and a tiny network.
TINY = (
    'sets={"size": 64, "encoder": "test_efficientnet", "weights": "none", "decoder_channels": [16, 16, 8, 8, 8], '
    '"batch": 2, "crop": 0}'
)
SHORT = [
    (r"train=\d+, validation=\d+, test=\d+", "train=4, validation=2, test=1"),
    (r"k=\d+", "k=2"),
    (r"epochs=\d+", "epochs=1"),
    (r'sets=\{"size": 128\}', TINY),
]

# Values of the page that a notebook would show: one or two lines each.
SHOWN = ("scenes", "folds", "runs", "trained", "test_sets", "one_run", "member", "found", "default", "report", "result")


def blocks_of(page: Path) -> list[str]:
    """Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def cells_of(notebook: Path) -> list[str]:
    """Code cells of a notebook."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def execute(blocks: list[str], name: str) -> dict[str, object]:
    """Execute blocks in one namespace, each in its short form, and return it."""
    pytest.importorskip("pandas")
    namespace: dict[str, object] = {"__name__": "__main__"}
    assert blocks
    for number, block in enumerate(blocks, start=1):
        for pattern, short in SHORT:
            block = re.sub(pattern, short, block)
        exec(compile(block, f"{name}, block {number}", "exec"), namespace)
    return namespace


def test_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = execute(blocks_of(DOCS / "library.md"), "library.md")
    printed = capsys.readouterr().out
    assert "resnet18-fc-t5" in printed and "is trained already, reused" in printed
    long = {name: shown for name in SHOWN if len(shown := repr(made[name])) > 200}
    assert not long


def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    execute(cells_of(DOCS / "library.ipynb"), "library.ipynb")


def test_the_notebook_of_another_problem_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = cells_of(DOCS / "another-problem.ipynb")
    less = [("count = 20", "count = 12"), ("max_iter=40", "max_iter=8"), ("3000", "1000")]
    for old, new in less:
        assert any(old in cell for cell in cells)
        cells = [cell.replace(old, new) for cell in cells]
    made = execute(cells, "another-problem.ipynb")
    assert made["found"].shape == (3, 512, 512) and len(made["results"]) == 3
    assert made["dice"] > 0.3  # a mask of everything scores 0.03


def test_folds_of_the_suite_are_splits_of_nnunet(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folds = "record_id,fold\n" + "".join(f"{name},{number % 2}\n" for number, name in enumerate("abcd"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "folds.csv").write_text(folds)
    execute(blocks_of(DOCS / "coming-from.md"), "coming-from.md")
    splits = json.loads((tmp_path / "splits_final.json").read_text())
    assert splits == [{"train": ["b", "d"], "val": ["a", "c"]}, {"train": ["a", "c"], "val": ["b", "d"]}]


def test_every_pattern_of_the_short_form_is_in_the_page():
    page = "\n".join(blocks_of(DOCS / "library.md"))
    assert all(re.search(pattern, page) for pattern, _ in SHORT)


@pytest.mark.parametrize("notebook", sorted(DOCS.glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_kept_without_output(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)

"""Commands that need a split, where there is none yet: they make the one that training makes."""

import pytest

from tests.zoo.training.cases import TINY_FILE, write_scenes
from zoo.data import make_folds, write_folds

MINE = f"""{TINY_FILE}
[tune]
lr = [1e-2]
"""


@pytest.mark.parametrize(
    ("refused", "command"),
    [
        ("data features --folds 9", "data features --top 1"),
        ("zoo tune mine.toml --fold 9", "zoo tune mine.toml --trials 1 --epochs 1"),
    ],
)
def test_without_folds_they_are_made_as_training_does_and_kept(tmp_path, typing_in, refused, command):
    write_folds(tmp_path / "expected.csv", make_folds(write_scenes(tmp_path / "scenes"), 5))
    (tmp_path / "mine.toml").write_text(MINE)
    typed, made = typing_in(tmp_path, "--data scenes --jobs 1"), tmp_path / "runs" / "folds.csv"
    assert typed(refused)[0] == 2
    assert not made.exists()
    code, said = typed(command)
    assert code == 0, said.err
    assert "folds.csv: did not exist; made 5 folds grouped by scene" in said.err
    assert made.read_bytes() == (tmp_path / "expected.csv").read_bytes()
    code, said = typed(command)
    assert (code, "made 5 folds" in said.err) == (0, False)

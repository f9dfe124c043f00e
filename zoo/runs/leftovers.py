"""What a kill leaves of a run that is trained: files of its training, a recipe that is missing or torn.

In: an ended run. Out: the same run, without leftovers. Stays outside: runs that are not at their end, which resume from
these files.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.errors import Damaged
from core.files import temporary_of, write_text
from core.locks import Claimed
from core.signing import signed_text
from zoo.members import read_recipe
from zoo.runs.run import EndedRun, Run


def tidy(ended: EndedRun) -> None:
    """Remove the files that only an unfinished run needs, and write the recipe again if it is missing or damaged.

    Nothing is done to a run that was stopped, which may go on, or that another process trains.
    """
    run = ended.run
    if ended.stopped or not (_left(run, ended.result) or _recipe_is_lost(run)):
        return
    with suppress(Claimed), run.claimed():  # which removes temporary files
        remove_left(run, ended.result)
        if _recipe_is_lost(run):
            write_text(run.recipe_file, signed_text(run.recipe.as_toml()))


def remove_left(run: Run, result: Mapping[str, Any]) -> None:
    """Remove states and weights that only an unfinished run needs; a state is many times the size of the weights."""
    for path in _left(run, result):
        path.unlink(missing_ok=True)


def _left(run: Run, result: Mapping[str, Any]) -> list[Path]:
    candidates = {run.kept(int(epoch)) for epoch in result.get("candidates", ())}
    kept = [path for stage in run.stages for path in stage.all_kept() if path not in candidates]
    states = [stage.state for stage in run.stages if stage.state.exists()]
    return [*states, *kept, *(path for path in run.folder.glob(".*.tmp") if temporary_of(path))]


def _recipe_is_lost(run: Run) -> bool:
    if not run.recipe_file.exists():
        return True
    try:
        read_recipe(run.recipe_file, run.member)
    except Damaged:
        return True
    return False

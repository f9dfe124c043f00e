"""What a kill leaves of a run that is trained: files of its training, a recipe that is missing or torn.

In: an ended run. Out: the same run, without leftovers, or the list of them. Stays outside: runs that are not at their
end, which resume from these files.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.errors import Damaged
from core.files import temporary_of, write_text
from core.locks import Claimed, lock_of
from core.signing import signed_text
from zoo.members import read_recipe
from zoo.runs.run import EndedRun, Run
from zoo.runs.store import RunPlace


def tidy(ended: EndedRun) -> None:
    """Remove the files that only an unfinished run needs, and write the recipe again if it is missing or damaged.

    Nothing is done to a run that was stopped, which may go on, or that another process trains.
    """
    run = ended.run
    is_left = lock_of(run.folder).exists() or any(left_of(stage, ended.result) for stage in run.stages)
    if ended.stopped or not (is_left or _recipe_is_lost(run)):
        return
    with suppress(Claimed), run.claimed():
        remove_left(run, ended.result)
        if _recipe_is_lost(run):
            write_text(run.recipe_file, signed_text(run.recipe.as_toml()))


def remove_left(run: Run, result: Mapping[str, Any]) -> None:
    """Remove states and weights that only an unfinished run needs; a state is many times the size of the weights."""
    for stage in run.stages:
        for path in left_of(stage, result):
            path.unlink(missing_ok=True)


def left_of(place: RunPlace, result: Mapping[str, Any]) -> list[Path]:
    """Files of a run, or of one of its stages, that nobody needs once the run has ended with this result.

    The state, weights of epochs that are no candidates, what was half written.
    """
    candidates = {replace(place, stage=0).kept(int(epoch)) for epoch in result.get("candidates", ())}
    kept = [path for path in place.all_kept() if path not in candidates]
    half = [path for path in place.folder.glob(".*.tmp") if temporary_of(path)]
    return [path for path in (place.state, *kept, *half) if path.exists()]


def _recipe_is_lost(run: Run) -> bool:
    if not run.recipe_file.exists():
        return True
    try:
        read_recipe(run.recipe_file, run.member)
    except Damaged:
        return True
    return False

"""Member file that a search writes: the member that was searched, with the values of the best trial.

In: a finished search. Out: the text of a TOML file. Stays outside: signing and writing it.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from optuna.trial import TrialState

from core.words import counted
from zoo.members import Recipe, with_settings
from zoo.training.tuning import Tuning


def tuned_member(tuning: Tuning, base: str, shipped: Recipe) -> str:
    """TOML of a member that inherits from `base` (`shipped`) and has the values of the best trial."""
    best, searched = tuning.best, dict(tuning.space)
    found = with_settings(tuning.recipe, tuning.values_of(best))
    in_stages = found.stages != tuning.recipe.stages
    if "epochs" not in searched:  # trials may be shorter than the member's training
        found = _with_epochs_of(shipped, found, searched)
    if found.weights == shipped.weights:  # the hash of a file is found when the member is trained
        found = replace(found, weights_sha256=shipped.weights_sha256)
    found = replace(found, label_offset=shipped.label_offset)  # found in the sources, too
    pruned = sum(trial.state == TrialState.PRUNED for trial in tuning.finished)
    epochs = "" if "epochs" in searched else f" of {counted(tuning.recipe.total_epochs, 'epoch')}"
    known = shipped.as_toml().splitlines()
    by_search: list[str] = []
    by_hand: list[str] = []
    for line in found.as_toml().splitlines():
        if line not in known:
            key = line.partition(" = ")[0]
            (by_search if key in searched or (key == "stages" and in_stages) else by_hand).append(line)
    return "\n".join(
        [
            f"# Dice {best.value:.4f} on fold {tuning.fold}: the best of {len(tuning.finished)} trials{epochs}, "
            f"{pruned} of them pruned.",
            "# The Dice is optimistic, since the trial was chosen on this fold; judge the member by the other folds.",
            f"base = {json.dumps(base)}",
            *by_search,
            *(["# Not searched, but the same in all trials, by --set:", *by_hand] if by_hand else []),
            "",
        ]
    )


def _with_epochs_of(shipped: Recipe, found: Recipe, searched: Mapping[str, Any]) -> Recipe:
    """Recipe found, with the epochs of the shipped member and of its stages, except those that were searched."""
    if len(found.stages) != len(shipped.stages):
        return replace(found, epochs=shipped.epochs)
    stages = []
    for number, (mine, theirs) in enumerate(zip(map(dict, found.stages), map(dict, shipped.stages)), start=1):
        if f"stages.{number}.epochs" in searched:
            stages.append(tuple(mine.items()))
            continue
        length = {"epochs": theirs["epochs"]} if "epochs" in theirs else {}
        whole = {key: value for key, value in mine.items() if key != "epochs"} | length
        stages.append(tuple((key, whole[key]) for key in dict.fromkeys([*theirs, *whole]) if key in whole))
    return replace(found, epochs=shipped.epochs, stages=tuple(stages))

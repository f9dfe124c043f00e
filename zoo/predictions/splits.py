"""Names of splits: what the records of a prediction set are, and which frame of them it labels.

`oof`: what a run held out, at the labelled frame; `pseudo-t4`: the same records at frame 4; `pseudo-t4-unlabelled`:
records without a mask, which every run labels; `test` or any other name: records that every run predicts.
"""

import re
from collections.abc import Collection, Sequence

from core.command import Command
from core.errors import UsageError
from zoo.data.records import LABELLED

OOF = "oof"
ENSEMBLE = "ensemble+"  # begins the name under which the labels of an ensemble are kept; no member is named so
_LABELS = re.compile(r"pseudo-t([1-8])(-unlabelled)?")


def label_split(member: str, frame: int, unlabelled: bool = False) -> str:
    """Split of a member's pseudo-labels of one frame.

    A member's labels of the labelled frame are its out-of-fold predictions; an ensemble has none.
    """
    if frame == LABELLED and not unlabelled and not is_ensemble(member):
        return OOF
    return f"pseudo-t{frame}" + ("-unlabelled" if unlabelled else "")


def labels_of(split: str) -> tuple[int, bool] | None:
    """Frame that a split labels, and whether of records without a mask; None for a split of predictions."""
    matched = _LABELS.fullmatch(split)
    return None if matched is None else (int(matched[1]), matched[2] is not None)


def is_held_out(split: str) -> bool:
    """True if each run predicts only records that it held out; else every run predicts all records of the split."""
    found = labels_of(split)
    return split == OOF or (found is not None and not found[1])


def is_ensemble(member: str) -> bool:
    """True if a member's name stands for an ensemble."""
    return member.startswith(ENSEMBLE)


def ensemble_named(name: str, ensembles: Collection[str], members: Collection[str]) -> str | None:
    """Ensemble that `name` stands for: its own name, or ensemble+NAME where a member has it; None if it is of none.

    UsageError for the name of an ensemble and a member.
    """
    if name in ensembles and name in members:
        raise UsageError(f'"{name}" is a member and an ensemble; M@HASH names the member, {ENSEMBLE}{name} the other')
    ensemble = name.removeprefix(ENSEMBLE)
    return ensemble if ensemble in ensembles else None


def how_to_predict(split: str, *member: object, tta: str | None = None, frames: Sequence[int] = ()) -> Command:
    """Command that makes the predictions of a split, or its pseudo-labels; with those of other `frames`, if given."""
    if split == OOF:
        return Command("zoo train", *member, fold="all")
    found = labels_of(split)
    if found is None:
        return Command("zoo predict", *member, split=split)
    how = {"frames": ",".join(map(str, frames or [found[0]])), "unlabelled": found[1]}
    ensembles = [str(name).removeprefix(ENSEMBLE).partition("@")[0] for name in member if is_ensemble(str(name))]
    if ensembles:
        return Command("zoo pseudo", ensemble=ensembles, **how)
    return Command("zoo pseudo", *member, **how, tta=None if tta == "none" else tta)

"""Which members were predicted: from the folders under runs/predictions to MemberMaps.

A member has several recipes (hashes), a recipe several runs and TTA settings; hashes and settings never mix.
A run that was stopped can be trained on: what it predicted before does not count any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from core.errors import UserError
from core.files import read_json
from zoo.data import Folds, read_folds
from zoo.predictions.format import MANIFEST, set_folder
from zoo.predictions.members import OOF, MemberMaps
from zoo.predictions.reader import PredictionSet
from zoo.recipe_names import meant_recipe, split_name

LeftOut = Callable[[UserError], None]

# Where nothing in particular is asked for, the plainest of those that cover most folds.
TTA_ORDER = ("none", "flips", "d4")
RESULT = "result.json"  # of a run that is complete: names its weights

_RUN = re.compile(r"(?P<fold>fold-(?:[0-9]+|full))(?:-seed-[0-9]+)?")


@dataclass(frozen=True)
class SetFolder:
    """A folder of runs/predictions that holds a prediction set, or was to."""

    path: Path
    member: str
    recipe: str
    fold: str
    tta: str
    written: int | None  # when the manifest was, in ns; None: it never was

    @classmethod
    def at(cls, path: Path) -> SetFolder | None:
        """From .../<member>/<recipe>/<split>/fold-<k>[-seed-<s>]/<tta>; None where the name is another."""
        member, recipe, _, run, tta = path.parts[-5:]
        matched = _RUN.fullmatch(run)
        if matched is None or not path.is_dir():
            return None
        manifest = path / MANIFEST
        written = manifest.stat().st_mtime_ns if manifest.is_file() else None
        return cls(path, member, recipe, matched["fold"], tta, written)

    @cached_property
    def outdated(self) -> str:
        """Why the set does not count: its run has other weights by now, none yet, or is torn; "" where it counts.

        A set without a run folder counts: it was imported, or its run lies on another machine.
        """
        runs, split, run = self.path.parents[5], *self.path.parts[-3:-1]
        folder, named = runs / "members" / self.member / self.recipe / run, f"{self.member}@{self.recipe}"
        again = f"cli zoo predict {named} --tta {self.tta}" + ("" if split == OOF else f" --split {split}")
        stale = f'{named} {run.replace("-", " ")}: its {_words(split)} predictions with TTA "{self.tta}" are'
        if not folder.is_dir():
            return ""
        if not (folder / RESULT).is_file():
            return f"{stale} older than its training, which is not at its end; train it to its end, then run: {again}"
        try:
            trained = read_json(folder / RESULT).get("weights_sha256")
        except (UserError, AttributeError):
            return f"{stale} of a run whose {folder / RESULT} is torn; train it again"
        return "" if trained in (None, self._predicted_by()) else f"{stale} of weights that it had before; run: {again}"

    def _predicted_by(self) -> str | None:
        """SHA-256 of the weights; None where the manifest is torn, which is said where it is opened."""
        try:
            made: str = read_json(self.path / MANIFEST)["provenance"]["checkpoint_sha256"]
        except (UserError, KeyError, TypeError):
            return None
        return made


def set_folders(runs: Path, split: str = "*", member: str = "*") -> Iterator[SetFolder]:
    """Every folder of a prediction set, complete or not, sorted by path."""
    for path in sorted((runs / "predictions").glob(f"{member}/*/{split}/*/*")):
        found = SetFolder.at(path)
        if found is not None:
            yield found


def find_members(
    runs: Path,
    split: str = OOF,
    names: Sequence[str] | None = None,
    tta: str | None = None,
    folds_sha256: str | None = None,
    left_out: LeftOut | None = None,
) -> list[MemberMaps]:
    """The members' maps for a split: those named, in that order, or all that were predicted, by name.

    "M" is M's newest recipe among those that cover most folds, "M@hash" (or its beginning) that recipe.
    Without `tta`: the setting that covers most folds, the plainest of several. `folds_sha256` refuses
    predictions made on another folds.csv; what a run predicted before it was trained on does not count.
    Who was predicted, but with another TTA, on other folds or before that, is left out where no names are given or
    `left_out` wants to be told of it, and refused where nobody else is left, or else at once.
    Raises UserError that says what there is and what to run.
    """
    search = _Search.under(runs, split, names, tta, folds_sha256)
    if names is None:
        return search.members(search.names, left_out or (lambda refusal: None))
    return search.members(dict.fromkeys(names), left_out)


def find_out_of_fold(
    runs: Path, names: Sequence[str] | None = None, tta: str | None = None, left_out: LeftOut | None = None
) -> tuple[Folds, list[MemberMaps]]:
    """folds.csv, and the members' out-of-fold maps that were made on it; raises as `find_members`."""
    path = runs / "folds.csv"
    if not path.exists():
        find_members(runs, names=names, tta=tta)  # that nothing is predicted yet is said first
    folds = read_folds(path)
    return folds, find_members(runs, names=names, tta=tta, folds_sha256=folds.sha256, left_out=left_out)


def every_recipe(runs: Path, names: Sequence[str] | None = None) -> list[str]:
    """Each recipe that was predicted out of fold, of the members named or of all, as `find_members` takes it by name.

    "M@hash" where M has several or was asked for by its hash, else "M". Raises UserError as `find_members`.
    """
    search = _Search.under(runs, OOF, names)
    return list(dict.fromkeys(recipe for name in names or search.names for recipe in search.recipes(name)))


def other_recipes(runs: Path, members: Sequence[MemberMaps]) -> list[str]:
    """Recipes "M@hash" of these members that were predicted out of fold, too, but are not among them."""
    used = {(member.provenance.member, member.recipe) for member in members}
    names = {name for name, _ in used}
    there = {(f.member, f.recipe) for f in set_folders(runs, OOF) if f.written is not None and f.member in names}
    return [f"{name}@{recipe}" for name, recipe in sorted(there - used)]


class _NothingSuchError(UserError):
    """A member was predicted, but not with this TTA, not on these folds, or by weights that are gone."""


@dataclass(frozen=True)
class _Search:
    """What is looked for, and where."""

    runs: Path
    split: str
    folders: tuple[SetFolder, ...]  # where all members are asked for, the complete ones
    tta: str | None
    folds_sha256: str | None

    @classmethod
    def under(
        cls,
        runs: Path,
        split: str,
        names: Sequence[str] | None,
        tta: str | None = None,
        folds_sha256: str | None = None,
    ) -> _Search:
        """UserError where nothing is predicted, unless it is somebody asked for whose predictions are unfinished."""
        folders = tuple(set_folders(runs, split))
        complete = tuple(folder for folder in folders if folder.written is not None)
        if not complete and not (names and folders):
            raise UserError(f"{runs}: no {_words(split)} predictions; {_run(split)}")
        return cls(runs, split, complete if names is None else folders, tta, folds_sha256)

    @property
    def names(self) -> list[str]:
        """The members that there are."""
        return sorted({folder.member for folder in self.folders})

    def recipes(self, asked: str) -> list[str]:
        """By the names that tell them apart."""
        name, recipe = split_name(asked)
        known = {folder.recipe for folder in self._of_recipe(self._complete(name), name, recipe)}
        if recipe is None and len(known) == 1:
            return [name]
        return [f"{name}@{one}" for one in sorted(known)]

    def members(self, asked: Iterable[str], left_out: LeftOut | None) -> list[MemberMaps]:
        """Those asked for that have what is looked for; `left_out` is told of the others, where somebody has it."""
        found: list[MemberMaps] = []
        refusals: list[UserError] = []
        for name in asked:
            try:
                found.append(self.member(name))
            except _NothingSuchError as refusal:
                if left_out is None:
                    raise
                refusals.append(refusal)
        if refusals and not found:
            raise refusals[0]
        if left_out is not None:
            for refused in refusals:
                left_out(refused)
        return found

    def member(self, asked: str) -> MemberMaps:
        name, recipe = split_name(asked)
        known = self._complete(name)
        ranked = self._ranked(asked, self._of_recipe(known, name, recipe))
        for candidate in ranked:
            maps = MemberMaps(asked, tuple(self._open(folder.path) for folder in candidate))
            if self.folds_sha256 in (None, maps.provenance.folds_sha256):
                for outdated in filter(None, (folder.outdated for folder in candidate)):
                    raise _NothingSuchError(outdated)
                return maps
        raise _NothingSuchError(
            f"{asked}: its {_words(self.split)} predictions were made on another folds.csv than "
            f"{self.runs / 'folds.csv'}; {_run(self.split, name)}"
        )

    def _complete(self, name: str) -> list[SetFolder]:
        mine = [folder for folder in self.folders if folder.member == name]
        if not mine:
            members = sorted({folder.member for folder in self.folders if folder.written is not None})
            near = get_close_matches(name, members, n=1, cutoff=0.5)
            hint = f'did you mean "{near[0]}"? ' if near else f"there are: {', '.join(members)}; "
            raise UserError(
                f'{self.runs}: no {_words(self.split)} predictions of member "{name}"; '
                f"{hint}else {_run(self.split, name)}"
            )
        complete = [folder for folder in mine if folder.written is not None]
        if not complete:
            torn = sorted({folder.fold for folder in mine})
            raise UserError(
                f"{name}: its {_words(self.split)} predictions are unfinished "
                f"({', '.join(torn)}); {_run(self.split, name)}"
            )
        return complete

    def _of_recipe(self, folders: Sequence[SetFolder], name: str, recipe: str | None) -> list[SetFolder]:
        if recipe is None:
            return list(folders)
        known = {folder.recipe for folder in folders}
        meant = meant_recipe(name, recipe, known)
        if meant is None:
            there = ", ".join(f"{name}@{one}" for one in sorted(known))
            raise UserError(f"{name}@{recipe}: has no {_words(self.split)} predictions; there are: {there}")
        return [folder for folder in folders if folder.recipe == meant]

    def _ranked(self, asked: str, folders: Sequence[SetFolder]) -> list[list[SetFolder]]:
        """One candidate a recipe, best first: most folds, then newest."""
        settings = sorted({folder.tta for folder in folders})
        if self.tta is not None and self.tta not in settings:
            raise _NothingSuchError(
                f'{asked}: no {_words(self.split)} predictions with TTA "{self.tta}", only with: '
                f"{', '.join(settings)}; run: cli zoo predict {asked} --tta {self.tta}"
            )
        ranked = []
        for recipe in {folder.recipe for folder in folders}:
            chosen = self._with_one_tta([folder for folder in folders if folder.recipe == recipe])
            if chosen:
                ranked.append((_rank(chosen), recipe, chosen))
        return [chosen for _, _, chosen in sorted(ranked, key=lambda of_one: of_one[:2], reverse=True)]

    def _with_one_tta(self, folders: Sequence[SetFolder]) -> list[SetFolder]:
        if self.tta is not None:
            return [folder for folder in folders if folder.tta == self.tta]
        of_tta = {name: [folder for folder in folders if folder.tta == name] for name in {f.tta for f in folders}}
        if len(of_tta) == 1:
            return list(folders)
        return of_tta[min(of_tta, key=lambda name: (*_lacking(of_tta[name]), _plainness(name), name))]

    def _open(self, folder: Path) -> PredictionSet:
        found = PredictionSet.open(folder)
        if set_folder(self.runs, found.provenance) != folder:
            belongs = set_folder(self.runs, found.provenance).relative_to(self.runs)
            raise UserError(f"{folder}: holds the prediction set of {belongs}; move it back")
        return found


def _rank(folders: Sequence[SetFolder]) -> tuple[int, int]:
    return -_lacking(folders)[0], max(folder.written or 0 for folder in folders)


def _lacking(folders: Sequence[SetFolder]) -> tuple[int, bool]:
    """Less is better: minus the folds that count, and whether there is a set that does not."""
    counting = [folder for folder in folders if not folder.outdated]
    return -len({folder.fold for folder in counting}), len(counting) < len(folders)


def _plainness(tta: str) -> int:
    return TTA_ORDER.index(tta) if tta in TTA_ORDER else len(TTA_ORDER)


def _words(split: str) -> str:
    return "out-of-fold" if split == OOF else split


def _run(split: str, member: str = "") -> str:
    words = ("train", member, "--fold all") if split == OOF else ("predict", member, f"--split {split}")
    return " ".join(("run: cli zoo", *filter(None, words))) + " (made elsewhere: cli zoo import)"

"""Members that were predicted: from the prediction sets of a store to MemberMaps.

A member has several recipes (hashes), a recipe several runs and TTA settings; hashes and settings never mix.
A run that was stopped can be trained on: what it predicted before does not count any more.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from core.command import Command
from core.errors import UserError
from core.listener import SILENT, Listener
from zoo.data import Folds, read_folds
from zoo.data.folds import kept_as, split_again
from zoo.predictions.format import set_folder
from zoo.predictions.members import MemberMaps
from zoo.predictions.reader import PredictionSet
from zoo.predictions.splits import OOF, how_to_predict, labels_of
from zoo.runs.names import FULL, Ref
from zoo.runs.store import Ended, RunPlace, SetPlace, Store, chosen_on_together
from zoo.views import most_turned_first, parse_views

Ends = Mapping[Path, Ended[RunPlace]]  # ends of runs that were read before, by the folder of the run


@dataclass(frozen=True, eq=False)
class SetFolder:
    """Prediction set that is in the store, complete or not; its manifest and the result of its run are read once."""

    place: SetPlace
    written: int | None  # time of its manifest, in ns; None: it is unfinished
    end: Ended[RunPlace] | None = None  # of its run, if it was read before

    @cached_property
    def ended(self) -> Ended[RunPlace] | None:
        """End of its run; None if the run is absent or not complete."""
        return self.end or self.place.run.ended()

    @property
    def epoch_chosen_on(self) -> str | None:
        """Records that chose the epoch of its run; None if unknown."""
        return self.ended.epoch_chosen_on if self.ended and not self.ended.torn else None

    @cached_property
    def outdated(self) -> UserError | None:
        """Reason why the set does not count (its run has other weights, none yet, or is damaged); None if it counts.

        A set without a run folder counts: it was imported, or its run lies on another machine.
        """
        place, run = self.place, self.place.run
        if not run.folder.is_dir():
            return None
        stale = f'{place.ref} fold {place.name.words}: its {_words(place.split)} predictions with TTA "{place.tta}" are'
        again = Command("zoo predict", place.ref, tta=place.tta, split=None if place.split == OOF else place.split)
        if labels_of(place.split):
            again = how_to_predict(place.split, place.ref, tta=place.tta)
        ended = self.ended
        if ended is None:
            return UserError(f"{stale} older than its training, which is not at its end; train it to its end", again)
        if ended.torn:
            return UserError(f"{stale} of a run whose {run.result} is damaged; train it again")
        predicted_by = None
        with suppress(UserError):  # it is raised where the set is opened
            predicted_by = self.opened.provenance.checkpoint_sha256
        if ended.weights_sha256 in ("", predicted_by):
            return None
        return UserError(f"{stale} of weights that it had before", again)

    @cached_property
    def opened(self) -> PredictionSet:
        """Prediction set; UserError if it is unfinished, damaged or in the folder of another set."""
        found = PredictionSet.open(self.place.folder)
        require_in_place(self.place.store, found)
        return found


def require_in_place(store: Store, found: PredictionSet) -> None:
    """Raise UserError if a set is in the folder of another set."""
    belongs = set_folder(store, found.provenance)
    if belongs != found.folder:
        where = belongs.relative_to(store.root)
        raise UserError(f"{found.folder}: holds the prediction set of {where}; move it back")


def set_folders(store: Store, split: str = "*", member: str = "*", ends: Ends | None = None) -> Iterator[SetFolder]:
    """Prediction sets that are in the store, complete or not, sorted by path."""
    for place in store.sets(split, member):
        written = place.manifest.stat().st_mtime_ns if place.manifest.is_file() else None
        yield SetFolder(place, written, (ends or {}).get(place.run.folder))


def find_members(
    store: Store,
    split: str = OOF,
    names: Sequence[Ref] | None = None,
    tta: str | None = None,
    folds_sha256: str | None = None,
    listener: Listener = SILENT,
    ends: Ends | None = None,
) -> list[MemberMaps]:
    """Find the members' maps for a split: those named, in that order, or all that were predicted, by name.

    A member without a recipe means the newest of its recipes among those that cover most folds. Without `tta`: the
    setting that covers most folds, of several that with most mirrored and turned views; no label decides.
    `folds_sha256` refuses predictions made on another folds.csv; predictions that a run made before it was trained on
    do not count.
    A member predicted only with another TTA, on other folds or before that is refused if it is named; else it is left
    out and the listener is told, as long as another one is found. ends: of runs that were read before.
    Raises UserError that says what there is and what to run.
    """
    search = _Search.under(store, split, names, tta, folds_sha256, ends)
    if names is None:
        return search.members_left(listener)
    return [search.member(name) for name in dict.fromkeys(names)]


def find_out_of_fold(
    store: Store, names: Sequence[Ref] | None = None, tta: str | None = None, listener: Listener = SILENT
) -> tuple[Folds, list[MemberMaps]]:
    """Read folds.csv and find the members' out-of-fold maps that were made on it; raises as `find_members`."""
    if not store.folds.exists():
        find_members(store, names=names, tta=tta)  # that nothing is predicted yet is said first
    folds = read_folds(store.folds)
    return folds, find_members(store, names=names, tta=tta, folds_sha256=folds.sha256, listener=listener)


def every_recipe(store: Store, names: Sequence[Ref] | None = None) -> list[Ref]:
    """List each recipe that was predicted out of fold, of the members named or of all.

    With its hash if its member has several or was asked for by a hash. Raises UserError as `find_members`.
    """
    search = _Search.under(store, OOF, names)
    asked = search.names if names is None else names
    return list(dict.fromkeys(recipe for name in asked for recipe in search.recipes(name)))


def other_recipes(store: Store, members: Sequence[MemberMaps]) -> list[Ref]:
    """List the recipes of these members that were predicted out of fold, too, but are not among them."""
    used = {member.ref for member in members}
    names = {ref.member for ref in used}
    there = {one.place.ref for one in set_folders(store, OOF) if one.written is not None}
    return sorted((ref for ref in there - used if ref.member in names), key=str)


class _NothingSuchError(UserError):
    """A member was predicted, but not with this TTA, not on these folds, or by weights that are gone."""


@dataclass(frozen=True)
class _Search:
    """Sets among which members are found, and what is asked of them."""

    store: Store
    split: str
    folders: tuple[SetFolder, ...]  # the complete ones if all members are asked for
    tta: str | None
    folds_sha256: str | None

    @classmethod
    def under(
        cls,
        store: Store,
        split: str,
        names: Sequence[Ref] | None,
        tta: str | None = None,
        folds_sha256: str | None = None,
        ends: Ends | None = None,
    ) -> "_Search":
        """UserError if nothing is predicted, unless there are unfinished sets and names that may mean them."""
        folders = tuple(set_folders(store, split, ends=ends))
        complete = tuple(folder for folder in folders if folder.written is not None)
        if not complete and not (names and folders):
            raise UserError(f"{store}: no {_words(split)} predictions", how_to_predict(split))
        views = None if tta is None else parse_views(tta).name
        return cls(store, split, complete if names is None else folders, views, folds_sha256)

    @property
    def names(self) -> list[Ref]:
        """Members that were predicted, sorted."""
        return [Ref(member) for member in sorted({folder.place.ref.member for folder in self.folders})]

    def recipes(self, asked: Ref) -> list[Ref]:
        """Recipes that `asked` may mean, by names that tell them apart."""
        known = sorted({folder.place.ref for folder in self._of_recipe(self._complete(asked), asked)}, key=str)
        return [Ref(asked.member)] if asked.recipe is None and len(known) == 1 else known

    def members_left(self, listener: Listener) -> list[MemberMaps]:
        """Members with the requested predictions; notes name the others, if any member has them."""
        found: list[MemberMaps] = []
        refusals: list[UserError] = []
        for name in self.names:
            try:
                found.append(self.member(name))
            except _NothingSuchError as refusal:
                refusals.append(refusal)
        if refusals and not found:
            raise refusals[0]
        for refused in refusals:
            listener.note(f"left out: {refused.what}", refused.do)
        return found

    def member(self, asked: Ref) -> MemberMaps:
        """Maps of the best recipe that `asked` may mean."""
        known = self._complete(asked)
        for candidate in self._ranked(asked, self._of_recipe(known, asked)):
            chosen_on = chosen_on_together(folder.epoch_chosen_on for folder in candidate)
            maps = MemberMaps(str(asked), tuple(folder.opened for folder in candidate), chosen_on)
            if self.folds_sha256 in (None, maps.provenance.folds_sha256):
                for outdated in filter(None, (folder.outdated for folder in candidate)):
                    raise _NothingSuchError(outdated.what, outdated.do)
                return maps
        raise self._of_other_folds(asked, candidate)

    def _of_other_folds(self, asked: Ref, sets: Sequence[SetFolder]) -> UserError:
        """Error for predictions of another split, with how to bring that split back."""
        path = self.store.folds
        what = f"{asked}: its {_words(self.split)} predictions were made on another folds.csv than {path}"
        kept = kept_as(path, sets[0].opened.provenance.folds_sha256)
        if kept.is_file():
            return _NothingSuchError(f"{what}; copy {kept} over it, after which the runs count again")
        highest = max((int(one.place.name.fold) for one in sets if one.place.name.fold != FULL), default=0)
        if not highest:  # fold 0 alone does not tell how many there are
            return _NothingSuchError(f"{what}; bring that back, after which the runs count again")
        why, again = split_again(path, highest + 1)
        return _NothingSuchError(f"{what}; {why}", again)

    def _complete(self, asked: Ref) -> list[SetFolder]:
        mine = [folder for folder in self.folders if folder.place.ref.member == asked.member]
        if not mine:
            members = sorted({folder.place.ref.member for folder in self.folders if folder.written is not None})
            near = get_close_matches(asked.member, members, n=1, cutoff=0.5)
            hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(members)}"
            raise UserError(
                f'{self.store}: no {_words(self.split)} predictions of member "{asked.member}"; {hint}',
                how_to_predict(self.split, asked.member),
            )
        complete = [folder for folder in mine if folder.written is not None]
        if not complete:
            unfinished = ", ".join(sorted({f"fold {folder.place.name.fold}" for folder in mine}))
            raise UserError(
                f"{asked.member}: its {_words(self.split)} predictions are unfinished ({unfinished})",
                how_to_predict(self.split, asked.member),
            )
        return complete

    def _of_recipe(self, folders: Sequence[SetFolder], asked: Ref) -> list[SetFolder]:
        if asked.recipe is None:
            return list(folders)
        known = sorted({folder.place.ref.recipe or "" for folder in folders})
        meant = asked.resolve(known)
        if meant is None:
            raise UserError(f"{asked}: has no {_words(self.split)} predictions; there are: {asked.listed(known)}")
        return [folder for folder in folders if folder.place.ref.recipe == meant]

    def _ranked(self, asked: Ref, folders: Sequence[SetFolder]) -> list[list[SetFolder]]:
        """Sets of each recipe with one TTA, the recipe with most folds first, then the newest."""
        of_recipe: dict[str, dict[str, list[SetFolder]]] = {}
        for folder in folders:
            of_recipe.setdefault(folder.place.ref.recipe or "", {}).setdefault(folder.place.tta, []).append(folder)
        settings = sorted({tta for of_tta in of_recipe.values() for tta in of_tta})
        if self.tta is not None and self.tta not in settings:
            what = (
                f'{asked}: no {_words(self.split)} predictions with TTA "{self.tta}", only with: {", ".join(settings)}'
            )
            if labels_of(self.split):
                raise _NothingSuchError(what, how_to_predict(self.split, asked, tta=self.tta))
            if asked.member not in self.store.trained_members():
                raise _NothingSuchError(f"{what}; it has no runs here that could predict")
            raise _NothingSuchError(what, Command("zoo predict", asked, tta=self.tta))
        found = {recipe: self._with_one_tta(of_tta) for recipe, of_tta in of_recipe.items()}
        newest = {recipe: max(one.written or 0 for one in sets) for recipe, sets in found.items() if sets}
        ranked = sorted(newest, key=lambda recipe: (-_lacking(found[recipe])[0], newest[recipe], recipe), reverse=True)
        return [found[recipe] for recipe in ranked]

    def _with_one_tta(self, of_tta: Mapping[str, list[SetFolder]]) -> list[SetFolder]:
        if self.tta is not None:
            return of_tta.get(self.tta, [])
        return of_tta[min(of_tta, key=lambda name: (*_lacking(of_tta[name]), most_turned_first(name)))]


def _lacking(folders: Sequence[SetFolder]) -> tuple[int, bool]:
    """Less is better: minus the folds that count, and if there is a set that does not."""
    counting = [folder for folder in folders if not folder.outdated]
    return -len({folder.place.name.fold for folder in counting}), len(counting) < len(folders)


def _words(split: str) -> str:
    return "out-of-fold" if split == OOF else split

"""Pseudo-labels of a run: maps of a teacher as labels of further frames, of records without a mask, and beside a mask.

A labelled record takes its label only from runs that held out its scene group. A record without a mask takes that of
the teacher's run of the same fold, which has not seen the masks that the learner is scored by; for `full`, the mean
over all folds. In: a Run, Scenes, Folds, prediction sets of the store. Out: samples, the digest of the sets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from core.command import Command
from core.errors import UsageError, UserError
from core.files import sha256_of
from core.listener import SILENT, Listener
from core.words import counted
from zoo.data import LABELLED, Folds, Record, Scenes, unlabelled_records
from zoo.inputs import frames_at, records_with
from zoo.members import Recipe, fault_of
from zoo.predictions import MemberMaps, find_members
from zoo.predictions.splits import how_to_predict, is_ensemble, is_held_out, label_split, labels_of
from zoo.runs import Ref, Store
from zoo.runs.find import not_trained
from zoo.runs.names import FULL
from zoo.runs.run import Run, fold_names


@dataclass(frozen=True, eq=False)
class Sample:
    """Frame of a record that is trained on with a map of the teacher as its label."""

    record: Record
    frame: int
    maps: MemberMaps

    @property
    def name(self) -> str:
        """Record and frame in a message."""
        return f"{self.record.id} frame {self.frame}"


@dataclass(frozen=True, eq=False)
class PseudoLabels:
    """Pseudo-labels that a recipe asks for: maps of its teacher over all folds, by split."""

    ref: Ref
    maps: Mapping[str, MemberMaps]

    @cached_property
    def digits(self) -> str:
        """First 12 digits of the digest of all the sets."""
        return sha256_of({split: maps.digest for split, maps in self.maps.items()})[:12]

    def of_fold(self, split: str, fold: str) -> MemberMaps:
        """Maps that a run of `fold` may learn from."""
        maps = self.maps[split]
        if is_held_out(split) or fold == FULL:
            return maps
        return MemberMaps(maps.name, tuple(part for part in maps.sets if part.provenance.fold == fold))


def pin_pseudo(recipe: Recipe, store: Store, folds: Folds) -> Recipe:
    """Pin the pseudo-labels of a recipe: the teacher as MEMBER@HASH, and the digest of its sets.

    UserError if a set is absent, unfinished, of other folds or of weights that the teacher had before, with the command
    that makes it, and if the recipe names another digest. UsageError for keys of labels without a teacher.
    """
    if not recipe.pseudo:
        for key in ("pseudo_frames", "pseudo_unlabelled", "pseudo_share", "pseudo_tta"):
            if getattr(recipe, key) != getattr(Recipe, key):  # not refused in a recipe: runs may have it
                with fault_of(recipe, key):
                    raise UsageError(f"{recipe.name}: {key} has no effect without a teacher; give pseudo = MEMBER")
        return recipe
    with fault_of(recipe, "pseudo"):
        labels = find_labels(recipe, store, folds)
    _require_digest(recipe, labels)
    return replace(recipe, pseudo=str(labels.ref), pseudo_sha256=labels.digits)


def find_labels(recipe: Recipe, store: Store, folds: Folds) -> PseudoLabels:
    """Find the pseudo-labels that a recipe asks for; raises as `pin_pseudo`."""
    asked = Ref.parse(recipe.pseudo)
    if is_ensemble(asked.member) and recipe.pseudo_tta != "none":
        words = "an ensemble labels with the views of its members; leave pseudo_tta out"
        raise UsageError(f"{recipe.name}: pseudo_tta = {recipe.pseudo_tta}: {words}")
    splits = [label_split(asked.member, frame) for frame in sorted({*recipe.pseudo_frames, *_distilled(recipe)})]
    splits += [label_split(asked.member, frame, unlabelled=True) for frame in sorted(recipe.pseudo_unlabelled)]
    ref = _one_recipe(asked, splits, store, recipe, fold_names("all", folds))
    found = {}
    for split in splits:
        try:
            (maps,) = find_members(store, split, [ref], recipe.pseudo_tta, folds.sha256)
        except UserError as error:
            how = _how_to_label(recipe, ref, split, splits) if error.do and labels_of(split) else error.do
            raise UserError(error.what, how) from None
        _require_folds(maps, folds, recipe.name)
        found[split] = maps
    return PseudoLabels(next(iter(found.values())).ref, found)


def pseudo_samples(
    run: Run, scenes: Scenes, folds: Folds, seen: Sequence[Record], listener: Listener = SILENT
) -> tuple[list[Sample], MemberMaps | None]:
    """Samples with pseudo-labels for a run that trains on the records `seen`, and the maps that it distills, if any.

    Records without a label, or without a frame that the input needs, are left out; the listener is told how many are
    used. UserError if none is, for labelled records without a mask that the sources lack, and for labels that were made
    again since the recipe was pinned.
    """
    recipe = run.recipe
    if not recipe.pseudo:
        return [], None
    labels = find_labels(recipe, run.store, folds)
    _require_digest(recipe, labels)  # another command may have made them again since
    samples, told = [], []
    without_mask = unlabelled_records(scenes) if recipe.pseudo_unlabelled else []
    asked = [(frame, False) for frame in recipe.pseudo_frames] + [(frame, True) for frame in recipe.pseudo_unlabelled]
    for frame, unlabelled in sorted(asked):
        split = label_split(labels.ref.member, frame, unlabelled)
        records = without_mask if unlabelled else seen
        found = _samples(run, scenes, records, frame, labels.of_fold(split, run.fold))
        which = " without a mask" if unlabelled else ""
        told.append(f"frame {frame} of {len(found)} of {len(records)} records{which}")
        samples += found
    teacher = labels.maps[label_split(labels.ref.member, LABELLED)] if recipe.distill else None
    if teacher:
        lacking = sorted({record.id for record in seen} - set(teacher.record_ids))
        if lacking:
            of = f"{counted(len(lacking), 'record')}, {lacking[0]} first"
            what = f"{run.label}: {labels.ref} has no map to distill of {of}"
            raise UserError(what, how_to_predict(teacher.provenance.split, labels.ref, frames=[LABELLED]))
        told.append(f"frame {LABELLED}, with weight {recipe.distill:g} beside the masks")
    views = "" if recipe.pseudo_tta == "none" else f", {recipe.pseudo_tta} views"
    listener.info(f"{run.label}: pseudo-labels of {labels.ref}{views}: {', '.join(told)}")
    if asked and not samples:
        raise UserError(
            f"{run.label}: no record has a pseudo-label of {recipe.pseudo} and the frames that its input needs; "
            "give other pseudo_frames or pseudo_unlabelled, or [] for none"
        )
    return samples, teacher


def _samples(run: Run, scenes: Scenes, records: Sequence[Record], frame: int, maps: MemberMaps) -> list[Sample]:
    """Samples of one frame of those of the records that have a label and all frames of the input."""
    covered, split = set(maps.record_ids), maps.provenance.split
    labelled = [record for record in records if record.id in covered]
    if not is_held_out(split) and len(labelled) < len(covered):
        absent = min(covered - {record.id for record in labelled})
        what = f"{run.label}: record {absent}, which {maps.ref} labels without a mask, is not in {scenes.where}"
        raise UserError(f"{what}; name every source with --data, or label again", how_to_predict(split, maps.ref))
    found = records_with(scenes, labelled, run.recipe.input, frames_at(run.recipe.frames, frame))
    return [Sample(record, frame, maps) for record in found]


def _distilled(recipe: Recipe) -> tuple[int, ...]:
    return (LABELLED,) if recipe.distill else ()


def _one_recipe(asked: Ref, splits: Sequence[str], store: Store, recipe: Recipe, folds: Sequence[str]) -> Ref:
    """Recipe of the teacher; UsageError if a plain name may mean several, so that no later one takes its place."""
    split = splits[0]
    complete = (place for place in store.sets(split, asked.member) if place.manifest.is_file())
    known = sorted({place.ref.recipe or "" for place in complete})
    where = f"{recipe.name}: pseudo = {asked}"
    if not known:
        has_maps = asked.member in {*store.trained_members(), *store.predicted_members()}
        if not (has_maps or is_ensemble(asked.member)):
            raise not_trained(store, asked, folds, where=f"{recipe.name}: pseudo: ")
        how = _how_to_label(recipe, asked, split, splits)
        raise UserError(f"{where}: has no labels of {_words(split)} in {store}", how)
    if asked.recipe is None and len(known) > 1:
        raise UsageError(f"{where}: several recipes have such labels; name {asked.listed(known)}")
    return asked if asked.recipe is not None else asked.of(known[0])


def _how_to_label(recipe: Recipe, teacher: Ref, split: str, splits: Sequence[str]) -> Command:
    """Command that makes the labels of a split, and of the other frames of these records that the recipe asks for."""
    asked, found = labels_of(split), map(labels_of, splits)
    frames = [each[0] for each in found if asked and each and each[1] == asked[1]]
    return how_to_predict(split, teacher, tta=recipe.pseudo_tta, frames=frames)


def _words(split: str) -> str:
    frame, unlabelled = labels_of(split) or (LABELLED, False)
    return f"frame {frame}" + (" of records without a mask" if unlabelled else "")


def _require_digest(recipe: Recipe, labels: PseudoLabels) -> None:
    if recipe.pseudo_sha256 not in ("", labels.digits):
        raise UserError(
            f"{recipe.name}: the pseudo-labels of {labels.ref} have SHA-256 {labels.digits} and not "
            f"{recipe.pseudo_sha256}, as pseudo_sha256 says: they were made again; leave pseudo_sha256 out to train "
            "another recipe with them"
        )


def _require_folds(maps: MemberMaps, folds: Folds, where: str) -> None:
    """UserError unless every fold has labels, each of records that its runs held out."""
    split = maps.provenance.split
    lacking = sorted(set(map(str, range(folds.count))) - set(maps.folds))
    if lacking:
        what = f"{where}: {maps.ref} has no labels of {_words(split)} of fold {', '.join(lacking)}"
        raise UserError(what, how_to_predict(split, maps.ref, tta=maps.tta))
    for part in maps.sets if is_held_out(split) else ():
        fold = part.provenance.fold
        odd = next((name for name in part.record_ids if str(folds.fold_of.get(name)) != fold), None)
        if odd:
            raise UserError(f"{part.folder}: record {odd} is not of fold {fold} in folds.csv; make these labels again")

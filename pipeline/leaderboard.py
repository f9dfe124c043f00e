"""Leaderboard: score members by their out-of-fold predictions.

In: a runs folder, scenes with labels. Out: a `Leaderboard` with a `Row` for each member.
A kept score is outdated when its predictions or labels change. Costs and scores of the log are read each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.command import Command
from core.errors import UserError
from core.files import sha256_of
from core.listener import SILENT, Listener
from core.locks import sweep_lock
from core.uncertainty import Estimate
from core.words import counted
from ensemble.compiling import ensure_compiled
from ensemble.loading import shared_records
from ensemble.member_scores import MemberScore, behind_first, score_member
from pipeline.labels import Labels, open_labels
from pipeline.leaderboard_rows import Behind, Facts, Leaderboard, Row, keep, read_kept
from zoo.data import Scenes, read_folds
from zoo.members import Recipe, load_member, member_names
from zoo.members.recipe import Logged
from zoo.predictions import MemberMaps, every_recipe, find_members, find_out_of_fold
from zoo.runs import Ref, Store
from zoo.runs.find import changed_keys, read_training


def leaderboard(
    store: Store,
    scenes: Scenes,
    members: Sequence[Ref] | None = None,
    *,
    tta: str | None = None,
    shared: bool = False,
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> Leaderboard:
    """Score members by their out-of-fold predictions, and keep the scores.

    members: all that were predicted by default. tta: predictions made with these views; by default those that a
    fit takes. shared: on the records that all of them predicted, each with its paired difference to the first; such
    scores are not kept. own_members: folder of the user's member files. UserError if nothing can be scored.
    """
    found = predicted_members(store, members, tta, listener)
    scoring = Scoring(store, open_labels(store, scenes, found, listener), own_members, jobs, listener)
    rows = scoring.rows(found, shared)
    if not shared:
        keep(store, rows, listener)
    return Leaderboard(tuple(rows))


def predicted_members(
    store: Store, members: Sequence[Ref] | None = None, tta: str | None = None, listener: Listener = SILENT
) -> list[MemberMaps]:
    """Find out-of-fold predictions, of all members by default; a member with several recipes is named "M@hash".

    Those predicted with other views, on another folds.csv, or damaged are left out with a note; UserError if all are.
    """
    folds = read_folds(store.folds)
    found: list[MemberMaps] = []
    refusals = []
    for recipe in every_recipe(store, members):
        try:
            found += find_members(store, names=[recipe], tta=tta, folds_sha256=folds.sha256)
        except UserError as refusal:
            refusals.append(refusal)
    if not found:
        raise refusals[0]
    for refused in refusals:
        listener.note(f"left out: {refused.what}", refused.do)
    often = Counter(maps.provenance.member for maps in found)
    by_hash = {ref.member for ref in members or () if ref.recipe is not None}
    alone = {member for member, count in often.items() if count == 1} - by_hash
    return [replace(maps, name=name) if (name := maps.provenance.member) in alone else maps for maps in found]


def own_scores(
    store: Store,
    scenes: Scenes | None = None,
    *,
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> dict[str, Row]:
    """Rows by member, of the predictions that a fit takes: the kept ones, brought up to date if scenes are given.

    A missing or outdated score is a note, never an error.
    """
    if not store.predicted_members():
        return {}
    try:
        _, found = find_out_of_fold(store, listener=listener)
        kept = _up_to_date(store, found, scenes, own_members, jobs, listener)
    except UserError as error:
        listener.note(f"no scores of trained members: {error.what}", error.do)
        return {}
    listed = [member for member in found if member.digest in kept]
    return {member.provenance.member: _with_facts(kept[member.digest], store, member, own_members) for member in listed}


def current_leaderboard(
    store: Store,
    scenes: Scenes | None = None,
    *,
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> Leaderboard:
    """Collect the kept rows of all predicted members; if scenes are given and a row is outdated, rank them anew.

    A row is outdated, too, where the others that it was compared with are not those of today. Without scenes it has no
    `behind`, and a missing or outdated score is a note. UserError if nothing is predicted.
    """
    found = predicted_members(store, listener=listener)
    sweep_lock(store.leaderboard)  # left behind by a killed command if no row is new here
    kept = read_kept(store)
    labels = open_labels(store, scenes, found, listener) if scenes else None
    outdated = [member for member in found if not _is_current(kept.get(member.digest), member, labels)]
    rows = _ranked(
        replace(_with_facts(kept[member.digest], store, member, own_members), name=member.name)
        for member in found
        if member.digest in kept
    )
    if labels and (outdated or any(row.behind is None for row in rows if row.labels == rows[0].labels)):
        rows = Scoring(store, labels, own_members, jobs, listener).rows(found)
        keep(store, rows, listener)
    elif outdated:
        _note_unscored(len(outdated), listener)
    return Leaderboard(tuple(rows))


def _ranked(rows: Iterable[Row]) -> list[Row]:
    """Kept rows, best first; `behind` stays where it was found among the same rows, on the same records."""
    found = sorted(rows, key=lambda row: (row.dice is None, *_rank(row.kind, row.dice or 0)))
    among = compared([row.digest for row in found if row.dice is not None and row.labels == found[0].labels])
    return [row if row.behind and row.behind.get("among") == among else replace(row, behind=None) for row in found]


def _rank(kind: str, dice: float) -> tuple[bool, float]:
    """Sort key: the highest Dice first, but what is in-sample, of a single fold, after all that is cross-fitted."""
    return kind != "cross_fitted", -dice


def compared(digests: Iterable[str]) -> str:
    """Digest of the predictions that are compared with one another."""
    return sha256_of(sorted(digests))


def _up_to_date(
    store: Store,
    found: Sequence[MemberMaps],
    scenes: Scenes | None,
    own_members: Path | None,
    jobs: int | None,
    listener: Listener,
) -> dict[str, Row]:
    """Read kept rows by digest; with scenes, the missing and outdated ones of these members are scored and kept."""
    kept = read_kept(store)
    labels = open_labels(store, scenes, found, listener) if scenes else None
    outdated = [member for member in found if not _is_current(kept.get(member.digest), member, labels)]
    if outdated and labels:
        scored = Scoring(store, labels, own_members, jobs, listener).rows(outdated)
        return keep(store, scored, listener) | {row.digest: row for row in scored}
    if outdated:
        _note_unscored(len(outdated), listener)
    return kept


def _note_unscored(members: int, listener: Listener) -> None:
    are = "is" if members == 1 else "are"
    what = f"{counted(members, 'member')} {are} not scored yet; name the data"
    listener.note(what, Command("zoo leaderboard", data="DIR"))


def _with_facts(row: Row, store: Store, member: MemberMaps, own_members: Path | None) -> Row:
    return replace(row, **asdict(read_facts(store, member, own_members)))


def _is_current(row: Row | None, member: MemberMaps, labels: Labels | None) -> bool:
    """True if there is a row and, if labels are given, it was scored on them by this release."""
    if row is None or labels is None:
        return row is not None
    if row.interval and row.effective_groups is None:
        return False
    records = labels.predicted_by(member)
    return not records or row.labels == labels.digest(records)


@dataclass(frozen=True)
class Scoring:
    """Scoring of members on labels."""

    store: Store
    labels: Labels
    own_members: Path | None
    jobs: int | None
    listener: Listener

    def rows(self, members: Sequence[MemberMaps], shared: bool = False) -> list[Row]:
        """Score members, best first: each on its own records, or if `shared` on those that all of them predicted.

        A member that predicted none of the labelled records is left out with a note; if `shared` it is a UserError. One
        whose maps or labels cannot be read is left out too, as long as another can be scored. One whose records have no
        contrail pixel has no Dice (0/0) and comes last.
        """
        labels = self.labels
        together = shared_records(members, labels.folds, labels.record_ids).record_ids if shared else ()
        records = {member: together or labels.predicted_by(member) for member in members}
        for member in members:
            if not records[member]:
                words = "none of its records has labels in the data named here"
                self.listener.note(f"left out: {member.name}: {words}")
        empty = {member for member, ids in records.items() if not any(labels.mask(record).any() for record in ids)}
        scored = {member: ids for member, ids in records.items() if member not in empty}
        scores, refusals = [], []
        if scored:
            ensure_compiled(self.listener)
        with self.listener.task("scoring", sum(map(len, scored.values()))):
            for member, ids in scored.items():
                try:
                    scores.append(self._score(member, ids))
                except UserError as refusal:
                    refusals.append(refusal)
        if refusals and not scores:
            raise refusals[0]
        for refused in refusals:
            self.listener.note(f"left out: {refused.what}", refused.do)
        scores.sort(key=lambda score: _rank(score.kind, score.dice.value))
        unscored = [self._unscored(member, ids) for member, ids in records.items() if ids and member in empty]
        behind = behind_first(scores) if scores else []
        among = compared([score.member.digest for score, found in zip(scores, behind) if found])
        return [*(self._row(*pair, among) for pair in zip(scores, behind)), *unscored]

    def _score(self, member: MemberMaps, ids: Sequence[str]) -> MemberScore:
        score = score_member(member, ids, self.labels.mask, self.labels.folds, self.jobs)
        self.listener.advance(len(ids))
        if score.at_lowest_threshold:
            least = f"p = {score.counts.active.eps / 255:.3f}"
            words = f"the best threshold of {member.name} may lie below {least}"
            self.listener.note(f"{words}: their pixels do not fit into memory")
        return score

    def _row(self, score: MemberScore, behind: Estimate | None, among: str) -> Row:
        dice = score.dice
        return replace(
            self._unscored_row(score.member, score.counts.active.record_ids),
            dice=dice.value,
            interval=dice.interval,
            kind=score.kind,
            effective_groups=dice.effective_groups,
            per_fold={str(fold): value for fold, value in score.per_fold.items()},
            spread=score.spread,
            threshold=score.threshold,
            behind=_paired(behind, among),
        )

    def _unscored(self, member: MemberMaps, record_ids: Sequence[str]) -> Row:
        self.listener.note(f"{member.name}: its {len(record_ids)} records hold no contrail pixel, so it has no Dice")
        return self._unscored_row(member, record_ids)

    def _unscored_row(self, member: MemberMaps, record_ids: Sequence[str]) -> Row:
        """Row of a member on these records, without its scores."""
        folds = self.labels.folds
        return Row(
            name=member.name,
            member=member.provenance.member,
            recipe=member.recipe,
            tta=member.tta,
            dice=None,
            interval=None,
            kind="unscored",
            records=len(record_ids),
            groups=len({folds.group_of[record] for record in record_ids}),
            effective_groups=None,
            per_fold=dict.fromkeys(map(str, sorted({folds.fold_of[record] for record in record_ids}))),
            spread=None,
            threshold=None,
            behind=None,
            digest=member.digest,
            labels=self.labels.digest(record_ids),
            **asdict(read_facts(self.store, member, self.own_members)),
        )


def _paired(behind: Estimate | None, among: str) -> Behind | None:
    if behind is None:
        return None
    return {
        "value": behind.value,
        "interval": behind.interval,
        "z": behind.z,
        "effective_groups": behind.effective_groups,
        "among": among,
    }


def read_facts(store: Store, member: MemberMaps, own_members: Path | None = None) -> Facts:
    """Read costs of a member, its log's scores, and the recipe by which it was trained, if known."""
    name = member.provenance.member
    listed = load_member(name, own_members) if name in member_names(own_members) else None
    trained = read_training(store, member.ref)
    recipe = trained.recipe if trained else listed if listed and _is_of(member, listed) else None
    log = listed.log if listed else Logged()
    return Facts(
        size=recipe.final.size if recipe else None,
        epochs=recipe.total_epochs if recipe else None,
        epochs_trained=round(trained.epochs, 1) if trained else None,
        changed={} if listed is None else changed_keys(recipe, listed) if recipe else None,
        epoch_chosen_on=member.epoch_chosen_on,
        training_minutes=round(trained.minutes, 1) if trained else None,
        runs=len(member.sets),
        seconds_per_record=member.seconds_per_run,
        seconds_per_record_all_runs=member.seconds_per_record,
        row=log.row,
        logged_validation=log.validation,
        logged_leaderboard=log.leaderboard,
    )


def _is_of(member: MemberMaps, recipe: Recipe) -> bool:
    """True if the maps are this recipe's, by the hash alone: the run may lie elsewhere."""
    folds = member.provenance.folds_sha256
    return member.recipe in (recipe.hash(with_val, folds) for with_val in (False, True))

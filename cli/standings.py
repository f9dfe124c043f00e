"""The rows of the leaderboard, and what of them is kept for the list of members.

A row says on which records it stands. Rows are kept in runs/leaderboard.json under the digest of the predictions that
they were counted from, with the digest of the labels: once either changes, the row no longer holds. What is no score is
read anew each time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cli.options import Settings
from cli.output import progress, say_left_out, say_note
from core.command import Command
from core.errors import UnknownName, UserError
from zoo.runs import Ref, Store

if TYPE_CHECKING:
    from ensemble.member_scores import MemberScore
    from zoo.data import Folds, Scenes
    from zoo.members import Recipe
    from zoo.predictions import MemberMaps

Row = dict[str, Any]
FORMAT = 1


def read_kept(runs: Store) -> dict[str, Row]:
    """The rows by the digest of their predictions; none where the file is not there."""
    from core.files import check_format, read_json

    path = runs.leaderboard
    if not path.is_file():
        return {}
    document = read_json(path)
    check_format(document, FORMAT, path)
    rows = document.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "digest" in row for row in rows):
        raise UserError(f"{path}: is no leaderboard; remove it", Command("zoo leaderboard"))
    return {row["digest"]: row for row in rows}


def keep(runs: Store, rows: Sequence[Row]) -> dict[str, Row]:
    """Add rows to those that are kept, drop those of predictions that are gone; what is kept then, by digest.

    A row of the same predictions on fewer records replaces none: it was scored on a part of the data.
    """
    from core.files import write_json
    from zoo.predictions.catalogue import set_folders
    from zoo.predictions.members import OOF

    complete = (found.place for found in set_folders(runs, OOF) if found.written is not None)
    there = {(place.ref.member, place.ref.recipe, place.tta) for place in complete}
    before = read_kept(runs)
    fuller = [row for row in rows if row["records"] >= before.get(row["digest"], row)["records"]]
    newest = {_source(row): row for row in (*before.values(), *fuller)}
    kept = {row["digest"]: row for source, row in newest.items() if source in there}
    write_json(runs.leaderboard, {"format": FORMAT, "rows": list(kept.values())})
    return kept


def _source(row: Row) -> tuple[Any, ...]:
    """Whose predictions it stands on: of these there is one choice at a time."""
    return row.get("member"), row.get("recipe"), row.get("tta")


def predicted(settings: Settings, members: tuple[str, ...] = (), tta: str | None = None) -> list[MemberMaps]:
    """The out-of-fold predictions of these members; of all without any: "M@hash" where a member has several recipes.

    Those predicted otherwise, on another folds.csv, or torn are left out and named; UserError where nobody is left.
    """
    from zoo.data import read_folds
    from zoo.predictions import every_recipe, find_members

    names = [Ref.parse(name) for name in settings.line_up(members, "predicted")] if members else None
    recipes = every_recipe(settings.runs, names)
    folds = read_folds(settings.runs.folds)
    found: list[MemberMaps] = []
    refusals = []
    for recipe in recipes:
        try:
            found += find_members(settings.runs, names=[recipe], tta=tta, folds_sha256=folds.sha256)
        except UserError as refusal:
            refusals.append(refusal)
    if not found:
        raise refusals[0]
    for refused in refusals:
        say_left_out(settings, refused)
    often = Counter(maps.provenance.member for maps in found)
    by_hash = {name.member for name in names or () if name.recipe is not None}
    alone = {member for member, count in often.items() if count == 1} - by_hash
    return [replace(maps, name=name) if (name := maps.provenance.member) in alone else maps for maps in found]


def own_rows(settings: Settings) -> dict[str, Row]:
    """The row of each member, by name, on the predictions that a fit takes: kept ones; where the data are named, those
    that are missing or stand on other labels are scored.

    A list of members does not fail for want of them: what is at fault is said.
    """
    from zoo.predictions import find_out_of_fold

    if not settings.runs.predicted_members():
        return {}
    try:
        _, found = find_out_of_fold(settings.runs, listener=settings.listener)
        kept = read_kept(settings.runs)
        labels = open_labels(settings, found) if settings.data else None
        outdated = [member for member in found if not _holds(kept.get(member.digest), member, labels)]
        if outdated and labels:
            scored = score_members(settings, labels, outdated)
            kept = keep(settings.runs, scored) | {row["digest"]: row for row in scored}
        elif outdated:
            say_note(settings, f"{len(outdated)} not scored yet; name the data, or run: cli zoo leaderboard")
    except UserError as error:
        say_note(settings, f"no scores of one's own: {error}")
        return {}
    listed = [member for member in found if member.digest in kept]
    return {member.provenance.member: kept[member.digest] | _facts(settings, member) for member in listed}


@dataclass(frozen=True)
class Labels:
    """The data that are named: which of their records are labelled and in folds.csv, fold by fold."""

    scenes: Scenes
    folds: Folds
    record_ids: tuple[str, ...]

    def of(self, member: MemberMaps) -> tuple[str, ...]:
        """Those that it predicted."""
        predicted = set(member.record_ids)
        return tuple(record for record in self.record_ids if record in predicted)

    def digest(self, record_ids: Sequence[str]) -> str:
        """Of the sizes and times of the files that hold the masks: to read them all takes seconds."""
        from core.files import sha256_of

        found = map(self.scenes.record, record_ids)
        files = {record.id: self.scenes.source(record).mask_path(record).stat() for record in found}
        return sha256_of({record: [file.st_size, file.st_mtime_ns] for record, file in files.items()})

    def mask(self, record: str) -> Any:
        """(256, 256) bool."""
        return self.scenes.mask(self.scenes.record(record))


def open_labels(settings: Settings, members: Sequence[MemberMaps]) -> Labels:
    """The data, opened once; where they hold but a part of what these members predicted, that is said.

    UserError where they hold none of it.
    """
    from zoo.data import read_folds

    scenes, folds = settings.scenes(), read_folds(settings.runs.folds)
    labelled = {record.id for record in scenes.labelled} & set(folds.fold_of)
    predicted = {record for member in members for record in member.record_ids} & set(folds.fold_of)
    absent = predicted - labelled
    if absent == predicted:
        raise UserError("no predicted record has labels in the data named here; name what the members were trained on")
    if absent:
        say_note(
            settings,
            f"{len(absent)} of {len(predicted)} predicted records have no labels in the data named here; "
            "each score is on those that have, and replaces no kept one on more records",
        )
    return Labels(scenes, folds, tuple(sorted(labelled, key=lambda record: (folds.fold_of[record], record))))


def _holds(row: Row | None, member: MemberMaps, labels: Labels | None) -> bool:
    """Whether there is a row that, where the data are named, stands on their records and masks."""
    if row is None or labels is None:
        return row is not None
    records = labels.of(member)
    return not records or row.get("labels") == labels.digest(records)


def score_members(settings: Settings, labels: Labels, members: Sequence[MemberMaps], shared: bool = False) -> list[Row]:
    """A row a member, best first; on the records that all of them predicted where `shared`, else each on its own.

    Who predicted none of the data's records is left out and named, but not where `shared`: then it is a UserError.
    """
    from ensemble.loading import shared_records

    together = shared_records(members, labels.folds, labels.record_ids).record_ids if shared else ()
    records = {member: together or labels.of(member) for member in members}
    for member in members:
        if not records[member]:
            say_note(settings, f"left out: {member.name}: none of its records has labels in the data named here")
    with progress(settings, "scoring", sum(map(len, records.values()))) as advance:
        standings = [_stand(settings, labels, member, ids, advance) for member, ids in records.items() if ids]
    for standing in standings:
        if standing.at_the_floor:
            least = f"p = {standing.counts.active.eps / 255:.3f}"
            words = f"the best threshold of {standing.member.name} may lie below {least}"
            say_note(settings, f"{words}: the pixels there do not fit into memory")
    standings.sort(key=lambda standing: -standing.dice.value)
    return [_row(settings, labels, standing, standings[0]) for standing in standings]


def _stand(settings: Settings, labels: Labels, member: MemberMaps, ids: Sequence[str], advance: Any) -> MemberScore:
    from ensemble.member_scores import score_member

    return score_member(member, ids, labels.mask, labels.folds, settings.seed, settings.jobs, advance)


def _row(settings: Settings, labels: Labels, standing: MemberScore, first: MemberScore) -> Row:
    member, dice = standing.member, standing.dice
    behind = standing.behind(first, settings.seed)
    return {
        "name": member.name,
        "member": member.provenance.member,
        "recipe": member.recipe,
        "tta": member.tta,
        "dice": dice.value,
        "interval": [dice.low, dice.high],
        "kind": standing.kind,
        "records": len(standing.counts.active.record_ids),
        "groups": len(set(standing.counts.group_names)),
        "per_fold": {str(fold): value for fold, value in standing.per_fold.items()},
        "spread": standing.spread,
        "threshold": standing.threshold,
        "behind": behind and {"value": behind.value, "interval": [behind.low, behind.high], "z": behind.z},
        **_facts(settings, member),
        "digest": member.digest,
        "labels": labels.digest(standing.counts.active.record_ids),
    }


def _facts(settings: Settings, member: MemberMaps) -> Row:
    """What the log says of the member, what it takes, and by which recipe it was trained, where that is known."""
    from zoo.members import load_member
    from zoo.runs.find import changed_keys, read_training

    name = member.provenance.member
    try:
        listed = load_member(name, settings.members)
    except UnknownName:
        listed = None
    trained = read_training(settings.runs, member.ref)
    recipe = trained.recipe if trained else listed if listed and _is_of(member, listed) else None
    log = listed.log if listed else None
    return {
        "size": recipe and recipe.final.size,
        "epochs": recipe and recipe.total_epochs,
        "epochs_trained": trained and round(trained.epochs, 1),
        "changed": (recipe and changed_keys(recipe, listed)) if listed else {},
        "training_minutes": trained and round(trained.minutes, 1),
        "runs": len(member.sets),
        "seconds_per_record": member.seconds_per_run,
        "seconds_per_record_all_runs": member.seconds_per_record,
        "row": log and log.row,
        "logged_validation": log and log.validation,
        "logged_leaderboard": log and log.leaderboard,
    }


def _is_of(member: MemberMaps, recipe: Recipe) -> bool:
    """Whether its maps are this recipe's, to judge by the hash alone: the run may lie elsewhere."""
    folds = member.provenance.folds_sha256
    return member.recipe in (recipe.hash(with_val, folds) for with_val in (False, True))


def marked(row: Row) -> str:
    """Its Dice with the marks that `legend` explains."""
    return f"{row['dice']:.3f}" + ("*" if row["kind"] == "in_sample" else "") + ("†" if row["changed"] != {} else "")


def heading(rows: Sequence[Row]) -> str:
    """What the Dice of these rows are."""
    crossed = "cross-fitted" + (" but for *" if any(row["kind"] == "in_sample" for row in rows) else "")
    records = {row["records"] for row in rows}
    on = f", {records.pop()} records" if len(records) == 1 else ""
    return f"Dice: global, out of fold, {crossed}{on}; 95 % over scene groups"


def legend(rows: Sequence[Row]) -> list[str]:
    """What the marks of these rows mean, a line each."""
    marks = "".join(map(marked, rows))
    lines = {
        "*": "* in-sample: one fold alone, whose own records chose the threshold",
        "†": "† not by the listed recipe: what differs stands under changed, or in --json",
    }
    return [line for mark, line in lines.items() if mark in marks]


def changes(row: Row) -> str:
    """The keys in which its recipe differs from the listed one; "?" where that is not known."""
    from cli.members import as_settings

    return "?" if row["changed"] is None else as_settings(row["changed"])

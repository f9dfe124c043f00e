"""The rows of the leaderboard, and what of them is kept for the list of members.

A row says on which records it stands. Rows are kept in runs/leaderboard.json under the digest of the predictions that
they were counted from, with the digest of the labels: once either changes, the row no longer holds. What is no score is
read anew each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.options import Settings
from cli.output import as_words, progress, say_left_out, say_note
from core.errors import UnknownName, UserError

if TYPE_CHECKING:
    from ensemble.standings import Standing
    from zoo.data import Folds, Scenes
    from zoo.members import Recipe
    from zoo.predictions import MemberMaps

Row = dict[str, Any]
FORMAT = 1


def kept_path(runs: Path) -> Path:
    """Where the rows lie."""
    return runs / "leaderboard.json"


def read_kept(runs: Path) -> dict[str, Row]:
    """The rows by the digest of their predictions; none where the file is not there."""
    from core.files import check_format, read_json

    path = kept_path(runs)
    if not path.is_file():
        return {}
    document = read_json(path)
    check_format(document, FORMAT, path)
    rows = document.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "digest" in row for row in rows):
        raise UserError(f"{path}: is no leaderboard; remove it and run: cli zoo leaderboard")
    return {row["digest"]: row for row in rows}


def keep(runs: Path, rows: Sequence[Row]) -> dict[str, Row]:
    """Add rows to those that are kept, drop those of predictions that are gone; what is kept then, by digest."""
    from core.files import write_json
    from zoo.predictions.find import set_folders
    from zoo.predictions.members import OOF

    there = {(found.member, found.recipe, found.tta) for found in set_folders(runs, OOF) if found.written is not None}
    newest = {_source(row): row for row in (*read_kept(runs).values(), *rows)}
    kept = {row["digest"]: row for source, row in newest.items() if source in there}
    write_json(kept_path(runs), {"format": FORMAT, "rows": list(kept.values())})
    return kept


def _source(row: Row) -> tuple[Any, ...]:
    """Whose predictions it stands on: of these there is one choice at a time."""
    return row.get("member"), row.get("recipe"), row.get("tta")


def predicted(settings: Settings, members: tuple[str, ...] = (), tta: str | None = None) -> list[MemberMaps]:
    """The out-of-fold predictions of these members; of all without any: "M@hash" where a member has several recipes.

    Those predicted otherwise, or on another folds.csv, are left out and named; UserError where nobody is left.
    """
    from zoo.predictions import find_members, find_out_of_fold, other_recipes

    left_out = partial(say_left_out, settings)
    names = settings.line_up(members) if members else None
    folds, found = find_out_of_fold(settings.runs, names, tta, left_out)
    if names:
        return found
    several = []
    for other in other_recipes(settings.runs, found):
        try:
            several += find_members(settings.runs, names=[other], tta=tta, folds_sha256=folds.sha256)
        except UserError as error:
            left_out(error)
    torn = {maps.provenance.member for maps in several}
    plain = [maps for maps in found if maps.provenance.member not in torn]
    full = [f"{maps.provenance.member}@{maps.recipe}" for maps in found if maps.provenance.member in torn]
    return [*plain, *(find_members(settings.runs, names=full, tta=tta) if full else []), *several]


def own_rows(settings: Settings) -> dict[str, Row]:
    """The row of each member, by name, on the predictions that a fit takes: kept ones; where the data are named, those
    that are missing or stand on other labels are scored.

    A list of members does not fail for want of them: what is at fault is said.
    """
    from zoo.predictions import find_out_of_fold

    if not (settings.runs / "predictions").is_dir():
        return {}
    try:
        _, found = find_out_of_fold(settings.runs, left_out=partial(say_left_out, settings))
        kept = read_kept(settings.runs)
        outdated = _outdated(settings, found, kept)
        if outdated and settings.data:
            kept = keep(settings.runs, score_members(settings, outdated))
        elif outdated:
            say_note(settings, f"{len(outdated)} not scored yet; name the data, or run: cli zoo leaderboard")
    except UserError as error:
        say_note(settings, f"no scores of one's own: {error}")
        return {}
    scored = [member for member in found if member.digest in kept]
    return {member.provenance.member: kept[member.digest] | _facts(settings, member) for member in scored}


def _outdated(settings: Settings, members: Sequence[MemberMaps], kept: Mapping[str, Row]) -> list[MemberMaps]:
    """Those without a row; where the data are named, those too whose row stands on other records or masks."""
    if not settings.data:
        return [member for member in members if member.digest not in kept]
    from zoo.data import read_folds

    scenes, folds = settings.scenes(), read_folds(settings.runs / "folds.csv")

    def holds(member: MemberMaps) -> bool:
        row = kept.get(member.digest, {})
        return row.get("labels") == _label_digest(scenes, _records(scenes, folds, [member]))

    return [member for member in members if not holds(member)]


def _label_digest(scenes: Scenes, records: Sequence[str]) -> str:
    """Of the sizes and times of the files that hold the masks: to read them all takes seconds."""
    from core.files import sha256_of

    files = {record: scenes.mask_path(scenes.record(record)).stat() for record in records}
    return sha256_of({record: [file.st_size, file.st_mtime_ns] for record, file in files.items()})


def _records(scenes: Scenes, folds: Folds, members: Sequence[MemberMaps]) -> tuple[str, ...]:
    """The labelled records that all of these members predicted."""
    from ensemble.gather import shared_records

    return shared_records(members, folds, [record.id for record in scenes.labelled]).record_ids


def score_members(settings: Settings, members: Sequence[MemberMaps], shared: bool = False) -> list[Row]:
    """A row a member, best first; on the records that all of them predicted where `shared`, else each on its own."""
    from zoo.data import read_folds

    scenes, folds = settings.scenes(), read_folds(settings.runs / "folds.csv")
    together = _records(scenes, folds, members) if shared else None
    records = [together or _records(scenes, folds, [member]) for member in members]
    with progress(settings, "scoring", sum(map(len, records))) as advance:
        standings = [_stand(settings, scenes, folds, member, ids, advance) for member, ids in zip(members, records)]
    standings.sort(key=lambda standing: -standing.dice.value)
    return [_row(settings, scenes, standing, standings[0]) for standing in standings]


def _stand(
    settings: Settings, scenes: Scenes, folds: Folds, member: MemberMaps, ids: Sequence[str], advance: Any
) -> Standing:
    from ensemble.standings import stand

    def read_mask(record: str) -> Any:
        return scenes.mask(scenes.record(record))

    return stand(member, ids, read_mask, folds, settings.seed, settings.jobs, advance)


def _row(settings: Settings, scenes: Scenes, standing: Standing, first: Standing) -> Row:
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
        "records": len(standing.tally.active.record_ids),
        "groups": len(set(standing.tally.group_names)),
        "per_fold": {str(fold): value for fold, value in standing.per_fold.items()},
        "spread": standing.spread,
        "threshold": standing.threshold,
        "behind": behind and {"value": behind.value, "interval": [behind.low, behind.high], "z": behind.z},
        **_facts(settings, member),
        "digest": member.digest,
        "labels": _label_digest(scenes, standing.tally.active.record_ids),
    }


def _facts(settings: Settings, member: MemberMaps) -> Row:
    """What the log says of the member, what it takes, and by which recipe it was trained, where that is known."""
    from zoo.members import load_member
    from zoo.members.trained import changed_keys, read_trained

    name = member.provenance.member
    try:
        listed = load_member(name, settings.members)
    except UnknownName:
        listed = None
    trained = read_trained(settings.runs, name, member.recipe)
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
    return f"Dice: global, out of fold, {crossed}; 95 % over scene groups"


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
    return "?" if row["changed"] is None else as_words(row["changed"])

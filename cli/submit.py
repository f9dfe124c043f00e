"""`cli submit`: test predictions -> masks -> file -> gate -> ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, progress, show
from cli.zoo_train import predict_test
from core.errors import UsageError, UserError

if TYPE_CHECKING:
    from rich.console import Console

    from ensemble import Ensemble, MemberUse
    from zoo.data import Scenes
    from zoo.predictions import MemberMaps

CHUNK = 64  # records blended at once: a shard of every member


@click.command("submit")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option("--ensemble", "name", default="default", show_default=True, help="Which fitted ensemble.")
@click.option("--split", type=click.Choice(["test", "oof"]), default="test", show_default=True)
@click.option("--force", is_flag=True, help="Overwrite the file.")
@common
def submit(settings: Settings, out: Path, name: str, split: str, force: bool) -> None:
    """Write the masks of the test records, checked and noted in the ledger.

    Test maps that are missing are predicted first. --split oof writes the masks of the very records that the
    ensemble was fitted on, from their out-of-fold maps: scoring that file gives its in-sample Dice.
    """
    from ensemble import ensemble_path, read_ensemble
    from submissions import find_sample, write_submission

    if out.exists() and not force:
        raise UsageError(f"{out}: exists already; choose another name or overwrite it with --force")
    if not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}; make it or choose another")
    ensemble = read_ensemble(ensemble_path(settings.runs, name))
    if split == "test":
        scenes = settings.scenes()
        ids, members = _test_maps(settings, ensemble, scenes)
        sample = find_sample(settings.data)
    else:
        ids, members, sample = list(ensemble.record_ids), oof_maps(settings.runs, ensemble), None
    with progress(settings, "masks", len(ids)) as advance:
        written = write_submission(out, _masks(ensemble, ids, members, advance), force, sample)
    if split == "test":
        _note(settings, ensemble, written)
    document = {
        "file": str(written.path),
        "sha256": written.sha256,
        "rows": written.rows,
        "not_empty": written.filled,
        "share": written.share,
    }
    show(settings, document, lambda console: _print(console, ensemble, document))
    next_step(settings, f"cli submissions {'check' if split == 'test' else 'score'} {out}")


def _test_maps(settings: Settings, ensemble: Ensemble, scenes: Scenes) -> tuple[list[str], dict[str, MemberMaps]]:
    """The test records' ids and every weighted member's maps of them, predicted where they are missing."""
    from zoo.predictions import MemberMaps, find_members

    if not scenes.test:
        raise UserError(f"{', '.join(map(str, settings.data))}: holds no test records; name a source that does")
    ids = sorted(record.id for record in scenes.test)
    members = {}
    for name in ensemble.weights:
        use = ensemble.member(name)
        runs = _runs(settings, use)
        if runs:
            sets = tuple(predict_test(settings, run, scenes, use.tta) for run in runs)
            members[name] = MemberMaps(name, sets)
        else:  # made elsewhere and imported
            members[name] = find_members(settings.runs, "test", [f"{_plain(use)}@{use.recipe}"], use.tta)[0]
    return ids, members


def _runs(settings: Settings, use: MemberUse) -> list[Any]:
    """The member's runs: those of folds, as its threshold was fitted on; none where it was made elsewhere."""
    if not (settings.runs / "members" / _plain(use) / use.recipe).is_dir():
        return []  # so that an ensemble of imported members needs no torch
    from zoo.training import find_runs, set_threads

    set_threads(settings.jobs)
    runs = find_runs(settings.runs, _plain(use), use.recipe)
    return [run for run in runs if run.fold != "full"]


def oof_maps(runs: Path, ensemble: Ensemble) -> dict[str, MemberMaps]:
    """The very out-of-fold maps that the ensemble was fitted on; UserError where they have changed since."""
    from zoo.predictions import find_members

    members = {}
    for name in ensemble.weights:
        use = ensemble.member(name)
        members[name] = find_members(runs, "oof", [f"{_plain(use)}@{use.recipe}"], use.tta)[0]
        if members[name].digest != use.digest:
            raise UserError(f"{name}: its predictions have changed since the fit; run: cli ensemble fit")
    return members


def _masks(
    ensemble: Ensemble, ids: list[str], members: dict[str, MemberMaps], advance: Any
) -> Iterator[tuple[str, Any]]:
    """(id, mask) in the order of `ids`, a chunk in memory at a time."""
    for start in range(0, len(ids), CHUNK):
        chunk = ids[start : start + CHUNK]
        yield from zip(chunk, ensemble.apply({name: maps.maps(chunk) for name, maps in members.items()}))
        advance(len(chunk))


def _plain(use: MemberUse) -> str:
    """The member's name without the hash that it may have been asked for by."""
    return use.name.partition("@")[0]


def _note(settings: Settings, ensemble: Ensemble, written: Any) -> None:
    from core.files import sha256_of
    from ensemble.frozen import to_document
    from submissions.ledger import Sent, append, ledger_path

    dice = ensemble.fitted.get("dice", {})
    interval = dice.get("interval")
    sent = Sent(
        name=written.path.name,
        sha256=written.sha256,
        ensemble=ensemble.name,
        ensemble_sha256=sha256_of(to_document(ensemble)),
        members={name: weight / 2**16 for name, weight in ensemble.weights.items()},
        local=dice.get("cross_fitted"),
        interval=(interval[0], interval[1]) if interval else None,
        records=ensemble.fitted.get("records"),
        rows=written.rows,
        share=written.share,
    )
    append(ledger_path(settings.runs), sent)


def _print(console: Console, ensemble: Ensemble, document: dict[str, Any]) -> None:
    from rich.table import Table

    console.print(f"{document['file']}: {document['rows']} records, read back and compared pixel by pixel")
    table = Table("", "contrail pixels", "masks with any")
    filled = f"{document['not_empty']} of {document['rows']}"
    table.add_row("this file", f"{document['share']:.3%}", filled)
    counts, records = ensemble.fitted.get("counts"), ensemble.fitted.get("records")
    if counts and records:
        pixels = records * 65536
        table.add_row(f"out of fold, {records} records", f"{counts['predicted'] / pixels:.3%}", "")
        table.add_row("their labels", f"{counts['truth'] / pixels:.3%}", "")
    console.print(table)

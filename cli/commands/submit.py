"""`cli submit`: test predictions -> masks -> file -> gate -> ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import Settings, common
from cli.output import next_step, progress, say, show
from core.errors import UsageError
from core.registry import module_names

if TYPE_CHECKING:
    from rich.console import Console

    from ensemble import Ensemble
    from submissions import Written
    from submissions.foreground import Foreground

TITLES = {"oof": "the out-of-fold masks", "labels": "their labels"}

FORMATS = Path(__file__).parents[2] / "submissions" / "formats"


@click.command("submit")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file, or folder, to write.")
@click.option("--ensemble", "name", default="default", show_default=True, help="Which fitted ensemble.")
@click.option("--split", type=click.Choice(["test", "oof"]), default="test", show_default=True)
@click.option("--format", "form", type=click.Choice(module_names(FORMATS)), default="csv", show_default=True)
@click.option("--kaggle", is_flag=True, help="Write a zip for a notebook without internet instead.")
@click.option("--to", type=click.Choice(["kaggle"]), help="Hand the file to the official kaggle client.")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@common
def submit(
    settings: Settings, out: Path, name: str, split: str, form: str, kaggle: bool, to: str | None, force: bool
) -> None:
    """Write the masks of the test records, checked and noted in the ledger.

    Test maps that are missing are predicted first. --split oof writes the masks of the very records that the
    ensemble was fitted on, from their out-of-fold maps: scoring that file gives its in-sample Dice. Formats other
    than csv make a folder with one file a record; geotiff and geojson need the metadata of the records' split.
    --kaggle packs what makes the same csv in a notebook: wheels, weights, ensemble.json, a script of three lines.
    """
    if (kaggle or to) and (form != "csv" or split != "test" or (kaggle and to)):
        raise UsageError("--kaggle and --to kaggle each stand for the csv of the test records; give one, alone")
    if kaggle:
        _bundle(settings, out, name, force)
    else:
        _submit(settings, out, name, split, form, to, force)


def _bundle(settings: Settings, out: Path, name: str, force: bool) -> None:
    from cli.submit_kaggle import bundle
    from ensemble import read_ensemble
    from submissions.kaggle import require_bundle

    require_bundle(out, force)
    bundle(settings, read_ensemble(settings.runs.ensemble(name)), out)


def _submit(settings: Settings, out: Path, name: str, split: str, form: str, to: str | None, force: bool) -> None:
    from cli.submit_kaggle import send_to_kaggle
    from cli.submit_maps import gather, predictions
    from ensemble import read_ensemble
    from submissions.formats import FORMATS, WriteOptions, require_format
    from submissions.kaggle import require_client

    facts = FORMATS.facts(form)
    require_format(form, out, force)
    if to:
        require_client()
    ensemble = read_ensemble(settings.runs.ensemble(name))
    found = gather(settings, ensemble, split, facts.placed)

    def note(written: Written) -> None:
        if split == "test" and form == "csv":
            _note(settings, ensemble, written)

    asked = WriteOptions(force=force, sample_order=found.sample, on_written=note, source=_source(ensemble))
    with progress(settings, "masks", len(found.ids)) as advance:
        stream = predictions(ensemble, found, facts.probability, advance)
        written = FORMATS.get(form)(out, stream, asked)
    document = _document(ensemble, written)
    for line in document["warnings"]:
        say(settings, f"warning: {line}")
    if to:
        document["sent"] = send_to_kaggle(settings, ensemble, written)
    show(settings, document, lambda console: _print(console, document))
    if to:
        next_step(settings, "cli submissions log --public SCORE")
    elif form == "csv":
        next_step(settings, f"cli submissions check {out}" if split == "test" else _score(settings, out))


def _score(settings: Settings, out: Path) -> str:
    """Masks come from predictions alone; their labels lie with the scenes."""
    return f"cli submissions score {out}" + ("" if settings.data else " --data SCENES")


def _source(ensemble: Ensemble) -> dict[str, Any]:
    """What the masks come from, for those who find them later."""
    from core.files import sha256_of
    from ensemble.model import to_document

    weights = {name: weight / 2**16 for name, weight in ensemble.weights.items()}
    return {"ensemble": ensemble.name, "sha256": sha256_of(to_document(ensemble)), "members": weights}


def _document(ensemble: Ensemble, written: Written) -> dict[str, Any]:
    """What was written, beside what the ensemble and the labels hold where it was fitted."""
    from submissions.foreground import Foreground, implausible

    found = Foreground(written.rows, written.pixels, written.filled)
    known = _known(ensemble)
    warnings = [line for name, share in known.items() for line in implausible(found, share, TITLES[name])]
    return {
        "file": str(written.path),
        "sha256": written.sha256,
        "rows": written.rows,
        "not_empty": written.filled,
        "share": written.share,
        **{name: share.as_dict() for name, share in known.items()},
        "warnings": warnings,
    }


def _known(ensemble: Ensemble) -> dict[str, Foreground]:
    """Shares of the records that the ensemble was fitted on; empty where it kept no counts."""
    from submissions.foreground import Foreground

    counts = ensemble.per_record.get("in_sample")
    if not counts:
        return {}
    _, predicted, truth = zip(*counts)
    return {"oof": Foreground.of(predicted), "labels": Foreground.of(truth)}


def _note(settings: Settings, ensemble: Ensemble, written: Written) -> None:
    from submissions.ledger import Sent, append

    dice = ensemble.fitted.get("dice", {})
    local = dice.get("cross_fitted")
    interval = None if local is None else dice.get("interval")  # else it is of the in-sample Dice
    source = _source(ensemble)
    sent = Sent(
        name=written.path.name,
        sha256=written.sha256,
        ensemble=source["ensemble"],
        ensemble_sha256=source["sha256"],
        members=source["members"],
        local=local,
        interval=(interval[0], interval[1]) if interval else None,
        records=ensemble.fitted.get("records"),
        rows=written.rows,
        share=written.share,
    )
    append(settings.runs.ledger, sent)


def _print(console: Console, document: dict[str, Any]) -> None:
    from rich.table import Table

    console.print(f"{document['file']}: {document['rows']} records, read back and compared pixel by pixel")
    table = Table("", "records", "contrail pixels", "masks with any")
    for column in table.columns[1:]:
        column.justify = "right"
    ours = {"records": document["rows"], "share": document["share"], "not_empty": document["not_empty"]}
    known = {TITLES[name]: document[name] for name in TITLES if name in document}
    for name, share in {"this file": ours, **known}.items():
        filled = f"{share['not_empty']:,} ({share['not_empty'] / share['records']:.0%})"
        table.add_row(name, f"{share['records']:,}", f"{share['share']:.3%}", filled)
    console.print(table)

"""Submit: test predictions -> masks -> file -> gate -> ledger, and to Kaggle.

In: a store, an ensemble, scenes. Out: the file, or folder, with its figures. Stays outside: maps (see
`pipeline.maps`), formats and files (`submissions`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from core.command import Command
from core.errors import UsageError, UserError
from core.files import read_json, sha256_of, sha256_of_file
from core.listener import SILENT, Listener
from core.locks import claim
from ensemble import Ensemble
from ensemble.model import EDITED, to_document
from pipeline.maps import oof_maps, test_maps
from pipeline.score import note_other_ids
from submissions import Written, find_sample
from submissions.foreground import Foreground, implausible
from submissions.formats import FORMATS, MANIFEST, Place, Prediction, WriteOptions, require_format
from submissions.kaggle import require_client, send
from submissions.ledger import Sent, append, read_ledger
from zoo.data import Record, Scenes
from zoo.predictions import MemberMaps
from zoo.predictions.format import SHARD_RECORDS
from zoo.runs import Store

TITLES = {"oof": "the out-of-fold masks", "labels": "their labels"}


@dataclass(frozen=True)
class Submitted:
    """Submission that was written, and the foreground of the records that its ensemble was fitted on."""

    written: Written
    known: Mapping[str, Foreground]  # "oof": of the ensemble's masks, "labels": of their labels; empty if not counted
    answer: str | None = None  # of the kaggle client

    @property
    def ensemble_warnings(self) -> list[str]:
        """Warnings if the ensemble's masks differ much from the labels where both are known, by its threshold."""
        if not self.known:
            return []
        lines = implausible(self.known["oof"], self.known["labels"], TITLES["labels"])
        return [f"out of fold, {line}; its threshold, min-pixels or members are the cause" for line in lines]

    @property
    def scene_warnings(self) -> list[str]:
        """Warnings if the masks differ much from those that the same ensemble makes where labels are known."""
        if not self.known:
            return []
        found = Foreground(self.written.rows, self.written.pixels, self.written.filled)
        lines = implausible(found, self.known["oof"], TITLES["oof"])
        return [f"{line}; are these scenes of the same kind, and complete?" for line in lines]

    @property
    def warnings(self) -> list[str]:
        """All warnings on the foreground."""
        return self.ensemble_warnings + self.scene_warnings

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        return {
            "file": str(self.written.path),
            "sha256": self.written.sha256,
            "rows": self.written.rows,
            "not_empty": self.written.filled,
            "share": self.written.share,
            **{name: known.as_dict() for name, known in self.known.items()},
            "warnings": self.warnings,
            **({} if self.answer is None else {"sent": self.answer}),
        }


def submit(
    store: Store,
    ensemble: Ensemble,
    out: str | PathLike[str],
    scenes: Scenes | None = None,
    *,
    split: str = "test",
    form: str = "csv",
    force: bool = False,
    to_kaggle: bool = False,
    device: str = "auto",
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> Submitted:
    """Write the masks of the test records, checked and noted in the ledger; missing test maps are predicted first.

    split: "oof" writes the masks of the records that the ensemble was fitted on, from their out-of-fold maps. form: a
    name of `submissions.formats`; only a csv of test records is noted in the ledger. scenes: not needed for a csv,
    png or npy of "oof". to_kaggle: send the file with the official client.
    Raises UserError if `out` may not be written, maps are missing or have changed since the fit, or places are unknown.
    """
    out, facts = Path(out), FORMATS.facts(form)
    if ensemble.edited:
        listener.warn(f"ensemble {ensemble.name} {EDITED}; the ledger notes no local Dice")
    source = _source(ensemble)
    require_format(form, out, force or _is_of(out, source["sha256"], store))
    if to_kaggle:
        require_client()
    with claim(out):
        masks = _gather(store, ensemble, scenes, split, facts.placed, device=device, jobs=jobs, listener=listener)

        def note(written: Written) -> None:
            if split == "test" and form == "csv":
                append(store.ledger, _entry(ensemble, source, written), listener=listener)

        options = WriteOptions(force=force, sample_order=masks.sample, on_written=note, source=source)
        with listener.task("masks", len(masks.ids)):
            stream = _predictions(ensemble, masks, facts.probability, listener)
            written = FORMATS.get(form)(out, stream, options)
        submitted = Submitted(written, _known(ensemble))
        dice = ensemble.fitted["dice"]
        if split == "oof" and dice["cross_fitted"] is not None:
            scores = f"in-sample {dice['in_sample']:.4f}; expect the cross-fitted {dice['cross_fitted']:.4f} of others"
            listener.note(f"the score of these records, on which the ensemble was fitted, is {scores}")
        for line in submitted.ensemble_warnings:
            listener.warn(line, Command("ensemble show", ensemble.name))
        for line in submitted.scene_warnings:
            listener.warn(line, Command("data check"))
        return _send(ensemble, submitted, listener) if to_kaggle else submitted


def _is_of(out: Path, ensemble_sha256: str, store: Store) -> bool:
    """True for a file or folder that a submit of this ensemble wrote: the same command again may find it complete."""
    try:
        if out.is_dir():
            return bool(read_json(out / MANIFEST)["source"]["sha256"] == ensemble_sha256)
        digest = sha256_of_file(out)
        noted = (entry.sent for entry in read_ledger(store.ledger).entries)
        return any((sent.sha256, sent.ensemble_sha256) == (digest, ensemble_sha256) for sent in noted)
    except (UserError, KeyError, TypeError):
        return False


def find_places(scenes: Scenes, records: Sequence[Record]) -> dict[str, Place]:
    """Places of the records' pixels; UserError that names the first record whose source does not tell it."""
    found = {record.id: scenes.metadata(record) for record in records}
    lacking = [record for record in records if (data := found[record.id]) is None or data.grid is None]
    if lacking:
        others = f" and {len(lacking) - 1} more have" if len(lacking) > 1 else " has"
        source = scenes.source(lacking[0])
        raise UserError(
            f"{source.root}: record {lacking[0].id}{others} no usable entry in a metadata.json, so cannot be "
            f"placed on a map; provide {lacking[0].split}_metadata.json, or choose a format without places"
        )
    return {
        record_id: Place(
            wkt=data.grid.wkt, left=data.grid.col_min, top=data.grid.row_min,
            column=data.grid.col_size, row=data.grid.row_size, time=data.time,
        )
        for record_id, data in found.items()
        if data is not None and data.grid is not None
    }  # fmt: skip


@dataclass(frozen=True)
class _Masks:
    """Records to write, and the maps that their masks are made of."""

    ids: tuple[str, ...]
    members: Mapping[str, MemberMaps]
    places: Mapping[str, Place] = field(default_factory=dict)  # for formats that need them
    sample: tuple[str, ...] | None = None  # order of sample_submission.csv


def _gather(store: Store, ensemble: Ensemble, scenes: Scenes | None, split: str, placed: bool, **how: Any) -> _Masks:
    if scenes is None and (split == "test" or placed):
        raise UsageError("scenes are needed for test records and for places; name them")
    if split == "oof":
        places = _known_places(scenes, ensemble.record_ids, how["listener"]) if scenes and placed else {}
        ids = tuple(each for each in ensemble.record_ids if each in places or not placed)
        return _Masks(ids, oof_maps(store, ensemble), places)
    assert scenes is not None
    places = find_places(scenes, scenes.test) if placed else {}
    ids = tuple(sorted(record.id for record in scenes.test))
    sample = find_sample(source.root for source in scenes.sources)
    note_other_ids(sample, ids, how["listener"])
    scenes.note_labelled_test(how["listener"])
    return _Masks(ids, test_maps(store, ensemble, scenes, **how), places, sample)


def _known_places(scenes: Scenes, ids: Sequence[str], listener: Listener) -> dict[str, Place]:
    """Places of the records that have one: the official train records, and ash-colour scenes, come without."""
    labelled = [record for record in scenes.labelled if record.id in set(ids)]
    placed = [record for record in labelled if (data := scenes.metadata(record)) and data.grid]
    if len(placed) < len(ids):
        listener.warn(f"{len(ids) - len(placed)} of {len(ids)} records have no place in the data; left out")
    return find_places(scenes, placed or labelled)


def _predictions(ensemble: Ensemble, masks: _Masks, with_probability: bool, listener: Listener) -> Iterator[Prediction]:
    """Yield predictions in the order of the ids, with one chunk of maps in memory."""
    for start in range(0, len(masks.ids), SHARD_RECORDS):
        chunk = masks.ids[start : start + SHARD_RECORDS]
        maps = {name: member.maps(chunk) for name, member in masks.members.items()}
        blends = ensemble.probabilities(maps) if with_probability else [None] * len(chunk)
        for record_id, mask, blend in zip(chunk, ensemble.apply(maps), blends):
            yield Prediction(record_id, mask, blend, masks.places.get(record_id))
        listener.advance(len(chunk))


def _source(ensemble: Ensemble) -> dict[str, Any]:
    """Origin of the masks, for manifests and the ledger."""
    weights = {name: weight / 2**16 for name, weight in ensemble.weights.items()}
    return {"ensemble": ensemble.name, "sha256": sha256_of(to_document(ensemble)), "members": weights}


def _entry(ensemble: Ensemble, source: Mapping[str, Any], written: Written) -> Sent:
    dice = ensemble.figures.get("dice", {})
    local = dice.get("cross_fitted")
    interval = None if local is None else dice.get("interval")  # without it, the interval is of the in-sample Dice
    return Sent(
        name=written.path.name,
        sha256=written.sha256,
        ensemble=source["ensemble"],
        ensemble_sha256=source["sha256"],
        members=source["members"],
        local=local,
        interval=(interval[0], interval[1]) if interval else None,
        records=ensemble.figures.get("records"),
        effective_groups=None if local is None else ensemble.figures.get("effective_groups"),
        rows=written.rows,
        share=written.share,
    )


def _known(ensemble: Ensemble) -> dict[str, Foreground]:
    """Foreground of the records that the ensemble was fitted on; empty if it has no counts."""
    counts = ensemble.per_record.get("in_sample")
    if not counts or ensemble.edited:
        return {}
    _, predicted, truth = zip(*counts)
    return {"oof": Foreground.of(predicted), "labels": Foreground.of(truth)}


def _send(ensemble: Ensemble, submitted: Submitted, listener: Listener) -> Submitted:
    """Send the file; the message names its hash, by which the ledger finds it."""
    written, local = submitted.written, ensemble.figures.get("dice", {}).get("cross_fitted")
    dice = "" if local is None else f", local Dice {local:.4f}"
    answer = send(written.path, f"{ensemble.name}, {written.sha256[:12]}{dice}")
    listener.info(f"kaggle: {answer}")
    return Submitted(written, submitted.known, answer)

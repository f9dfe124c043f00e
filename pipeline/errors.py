"""Error analysis: where a member or an ensemble loses its Dice, from its out-of-fold maps.

In: a runs folder, scenes with labels, the name of a member or an ensemble. Out: an `ErrorReport`, and pictures of the
worst records. Maps are cut as the leaderboard and the fit cut them: by what was chosen without the record's fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis import ErrorReport, RecordErrors, examine
from analysis.picture import draw_record
from core.command import Command
from core.errors import UnknownName, UsageError, UserError
from core.files import atomic_write, make_folder
from core.listener import SILENT, Listener
from core.locks import locked
from ensemble import Ensemble
from ensemble.held_out import held_out_ensembles, held_out_member
from ensemble.member_scores import score_member
from pipeline.labels import Labels, open_labels
from pipeline.maps import oof_maps
from zoo.data import LABELLED, Scenes
from zoo.data.ash import ASH_BANDS, ash_image
from zoo.data.parallel import parallel_map
from zoo.members import member_names
from zoo.predictions import MemberMaps, find_out_of_fold
from zoo.predictions.format import SHARD_RECORDS
from zoo.predictions.splits import OOF, ensemble_named, how_to_predict
from zoo.runs import Ref, Store
from zoo.runs.store import DEFAULT_ENSEMBLE

TEMPERATURE = 14  # band
Masks = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Out-of-fold maps of a member or an ensemble, and what was chosen without each fold.

    record_ids: labelled records, fold by fold
    """

    name: str
    kind: str  # cross_fitted | in_sample
    choices: Mapping[int, Ensemble]
    maps: Mapping[str, MemberMaps]
    labels: Labels
    record_ids: tuple[str, ...]
    fitted: Mapping[str, Sequence[int]] = field(default_factory=dict)  # counts of an ensemble's records at its fit

    def masks(self, ids: Sequence[str]) -> Masks:
        """Masks of records of one fold: (n, 256, 256) bool."""
        return self._choice(ids).apply(self._read(ids))

    def probabilities(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of records of one fold, before the threshold: (n, 256, 256)."""
        return self._choice(ids).probabilities(self._read(ids))

    def chunks(self) -> Iterator[tuple[str, ...]]:
        """Records of one fold, a few at a time."""
        for fold in self.choices:
            own = [record for record in self.record_ids if self.labels.folds.fold_of[record] == fold]
            for start in range(0, len(own), SHARD_RECORDS):
                yield tuple(own[start : start + SHARD_RECORDS])

    def _choice(self, ids: Sequence[str]) -> Ensemble:
        return self.choices[self.labels.folds.fold_of[ids[0]]]

    def _read(self, ids: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        return {name: self.maps[name].maps(ids) for name in self._choice(ids).weights}


def find_errors(
    store: Store,
    scenes: Scenes,
    name: str,
    *,
    tta: str | None = None,
    out: Path | None = None,
    worst: int = 10,
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> ErrorReport:
    """Analyse the errors of a member, M or M@HASH, or of an ensemble on all its labelled records.

    tta: views of a member's predictions, by default those that a fit takes. out: folder for a picture of each of the
    `worst` records. own_members: folder of the user's member files. Raises UnknownName for a name of neither,
    UsageError for one of both, UserError if nothing is predicted.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file; name a folder")
    held_out = open_held_out(store, scenes, name, tta=tta, own_members=own_members, jobs=jobs, listener=listener)
    if out is not None:
        make_folder(out)
    report = examine_all(held_out, jobs, listener)
    if out is not None:
        draw_errors(held_out, report.worst(worst), out)
    return report


def examine_all(held_out: HeldOut, jobs: int | None = None, listener: Listener = SILENT) -> ErrorReport:
    """Analyse the errors of all records of held-out maps."""
    chunks = list(held_out.chunks())
    found = parallel_map(lambda ids: _examine(held_out, ids), chunks, jobs, listener, "errors")
    records = [record for some in found for record in some]
    fitted = held_out.fitted
    changed = sum(fitted.get(one.record_id, one.counts) != one.counts for one in records)
    if changed:
        listener.note(f"{held_out.name}: the labels of {changed} of its records have changed since its fit")
    return ErrorReport(held_out.name, held_out.kind, tuple(records))


def open_held_out(
    store: Store,
    scenes: Scenes,
    name: str,
    *,
    tta: str | None = None,
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> HeldOut:
    """Find the maps of a member or an ensemble, and what was chosen without each fold; raises as `find_errors`.

    ensemble+NAME is the ensemble, where a member has its name; UsageError for a name of both.
    """
    members, ensembles = store.predicted_members(), store.ensembles()
    # The default one also where it is not fitted: how to fit it is said then.
    ensemble = ensemble_named(name, ensembles, members) or ensemble_named(name, [DEFAULT_ENSEMBLE], [])
    if ensemble:
        if tta is not None:
            raise UsageError(f"--tta: ensemble {ensemble} has views of its own; fit it on others")
        return held_out_of_ensemble(store, scenes, ensemble, listener)
    ref = Ref.parse(name)
    if ref.member not in members and ref.member in store.trained_members():
        raise UserError(f"{store}: no out-of-fold predictions of {name}, which is trained", Command("zoo predict", ref))
    if ref.member not in members and ref.member in member_names(own_members):
        raise UserError(f"{store}: {name} is not trained", how_to_predict(OOF, ref))
    if ref.member not in members and (members or ensembles):
        raise UnknownName("predicted member or ensemble", name, {*members, *ensembles}, str(store))
    return _of_member(store, scenes, ref, tta, jobs, listener)


def _of_member(
    store: Store, scenes: Scenes, ref: Ref, tta: str | None, jobs: int | None, listener: Listener
) -> HeldOut:
    folds, (member,) = find_out_of_fold(store, [ref], tta, listener)
    labels = open_labels(store, scenes, [member], listener)
    ids = labels.predicted_by(member)
    with listener.task("scoring", len(ids)):
        score = score_member(member, ids, labels.mask, folds, jobs)
        listener.advance(len(ids))
    choices = held_out_member(score, folds.sha256)
    return HeldOut(str(member.ref), score.kind, choices, {member.name: member}, labels, ids)


def held_out_of_ensemble(store: Store, scenes: Scenes, name: str, listener: Listener = SILENT) -> HeldOut:
    """Find the maps of an ensemble, and what was chosen without each fold; raises as `find_errors`."""
    ensemble = Ensemble.load(store.ensemble(name))
    choices = held_out_ensembles(ensemble)
    everyone = {member for choice in choices.values() for member in choice.weights}
    maps = oof_maps(store, ensemble, everyone or None)
    labels = open_labels(store, scenes, list(maps.values()), listener)
    if labels.folds.sha256 != ensemble.folds_sha256:
        raise UserError(f"ensemble {name}: was fitted on another {store.folds}", ensemble.fit_again)
    kind = "cross_fitted" if choices else "in_sample"
    fitted = dict(zip(ensemble.record_ids, map(tuple, ensemble.per_record[kind])))
    ids = tuple(record for record in labels.record_ids if record in fitted)
    if not choices:
        choices = dict.fromkeys((labels.folds.fold_of[record] for record in ids), ensemble)
    return HeldOut(f"ensemble {name}", kind, choices, maps, labels, ids, fitted)


def _examine(held_out: HeldOut, ids: Sequence[str]) -> list[RecordErrors]:
    """Count the errors of records of one fold, with what their sources know of them."""
    scenes, folds = held_out.labels.scenes, held_out.labels.folds
    errors = []
    for record, predicted in zip(map(scenes.record, ids), held_out.masks(ids)):
        source = scenes.source(record)
        known = TEMPERATURE in source.bands(record)
        errors.append(
            examine(
                predicted,
                scenes.mask(record),
                record_id=record.id,
                fold=folds.fold_of[record.id],
                group=folds.group_of[record.id],
                split=record.split,
                labelers=source.labelers(record),
                t14=source.kelvin(record, (TEMPERATURE,), (LABELLED,))[0, 0] if known else None,
            )
        )
    return errors


def draw_errors(held_out: HeldOut, worst: Sequence[RecordErrors], out: Path) -> None:
    """Draw a picture of each of these records into a folder, `<record id>.png`."""
    scenes = held_out.labels.scenes
    for rank, errors in enumerate(worst, 1):
        record, ids = scenes.record(errors.record_id), (errors.record_id,)
        source = scenes.source(record)
        ash = None
        if set(ASH_BANDS) <= set(source.bands(record)):
            ash = ash_image(source.kelvin(record, ASH_BANDS, (LABELLED,))[:, 0])
        false, missed = errors.predicted - errors.tp, errors.truth - errors.tp
        picture = draw_record(
            f"{rank}. {record.id}: {held_out.name}, Dice {errors.dice:.3f}, {false} false and {missed} missed pixels",
            held_out.masks(ids)[0],
            scenes.mask(record),
            held_out.probabilities(ids)[0],
            ash,
            source.labelers(record),
        )
        path = out / f"{record.id}.png"
        with locked(path), atomic_write(path) as file:
            file.write(picture)

"""Pseudo-labels of an ensemble: its members label, and its frozen weights blend their maps.

In: a store, an ensemble, Scenes. Out: prediction sets of the store under `ensemble+NAME`, one a frame and fold. The
blend of a fold is that of the members' runs of this fold, before any threshold. Stays outside: training with them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import UserError
from core.files import sha256_of
from core.listener import SILENT, Listener
from ensemble import Ensemble
from ensemble.model import CHUNK
from pipeline.maps import usable_runs
from zoo.data import Scenes, read_folds
from zoo.predictions import MemberMaps, PredictionSet, PredictionWriter, Provenance, set_folder
from zoo.predictions.splits import ENSEMBLE, label_split
from zoo.runs import Ref, Store
from zoo.workflows.pseudo import LabelledSet, LabelledSets, pseudo_label


def pseudo_label_ensemble(
    store: Store,
    ensemble: Ensemble,
    scenes: Scenes,
    *,
    frames: Sequence[int] = (),
    unlabelled: bool = False,
    device: str = "auto",
    jobs: int | None = None,
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> LabelledSets:
    """Label frames with an ensemble, as `zoo.pseudo_label` does with a member; each with the views of the fit.

    A record is labelled where every member with a weight labels it. Raises UserError as `pseudo_label` and
    `usable_runs`, for an ensemble of another folds.csv, and for a member that was predicted elsewhere.
    """
    where = f"ensemble {ensemble.name}"
    if ensemble.folds_sha256 != read_folds(store.folds).sha256:
        what = f"{where}: was fitted on another folds.csv than {store.folds}"
        raise UserError(what, ensemble.fit_again)
    by_member: dict[str, LabelledSets] = {}
    for name, runs in usable_runs(store, ensemble, listener).items():
        if not runs:
            raise UserError(f"{where}: member {name} has no runs here, and cannot label other frames")
        by_member[name] = pseudo_label(
            runs[0].run.ref,
            scenes,
            store,
            frames=frames,
            unlabelled=unlabelled,
            tta=ensemble.member(name).tta,
            device=device,
            jobs=jobs,
            own_members=own_members,
            listener=listener,
        )
    shared = sorted(set.intersection(*({each.frame for each in sets} for sets in by_member.values())))
    if not shared:
        raise UserError(f"{where}: its members label no frame together; give --frames")
    return LabelledSets(
        _blended(store, ensemble, {name: _of(sets, frame, fold) for name, sets in by_member.items()}, listener)
        for frame in shared
        for fold in sorted({each.predictions.provenance.fold for each in next(iter(by_member.values()))}, key=int)
    )


def _of(sets: LabelledSets, frame: int, fold: str) -> LabelledSets:
    return LabelledSets(each for each in sets if (each.frame, each.predictions.provenance.fold) == (frame, fold))


def _blended(
    store: Store, ensemble: Ensemble, by_member: Mapping[str, LabelledSets], listener: Listener
) -> LabelledSet:
    """Blend the members' labels of one frame and fold, and write them as a set; a complete one is reused."""
    maps = {name: MemberMaps(name, tuple(each.predictions for each in sets)) for name, sets in by_member.items()}
    first = next(iter(by_member.values()))[0]
    record_ids = sorted(set.intersection(*(set(each.record_ids) for each in maps.values())))
    member = f"{ENSEMBLE}{ensemble.name}"
    split = label_split(member, first.frame, first.unlabelled)
    provenance = Provenance(
        member=member,
        recipe=_digest(ensemble),
        split=split,
        fold=first.predictions.provenance.fold,
        folds_sha256=ensemble.folds_sha256,
        checkpoint_sha256=sha256_of({name: each.digest for name, each in maps.items()}),
        frame=first.frame,
    )
    folder = set_folder(store, provenance)
    with PredictionWriter(folder, provenance, record_ids, listener=listener) as writer:
        missing = writer.missing
        for part in (missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)):
            blend = ensemble.probabilities({name: each.maps(part) for name, each in maps.items()})
            for record_id, probability in zip(part, blend):
                writer.add(record_id, probability)
    every = max(len(each.predictions.record_ids) + each.skipped for sets in by_member.values() for each in sets)
    found = PredictionSet(folder, writer.manifest)
    return replace(first, predictions=found, skipped=every - len(record_ids))


def _digest(ensemble: Ensemble) -> str:
    """Twelve hex digits that name what decides an ensemble's probabilities."""
    used = [ensemble.member(name) for name in ensemble.weights]
    members = [[str(Ref.parse(use.name).member), use.recipe, use.tta, use.weight, use.digest] for use in used]
    return sha256_of([members, ensemble.table])[:12]

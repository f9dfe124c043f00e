"""The maps that a submission is made of: of the test records, predicted where they are missing, or out of fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.options import Settings
from cli.output import require_test, say
from cli.runs import say_stopped
from core.command import Command
from core.errors import UserError
from zoo.runs import Ref, Store
from zoo.runs.names import FULL

if TYPE_CHECKING:
    from core.listener import Listener
    from ensemble import Ensemble, MemberUse
    from submissions.formats import Place, Prediction
    from zoo.data import Record, Scenes
    from zoo.predictions import MemberMaps, PredictionSet
    from zoo.runs.run import EndedRun

CHUNK = 64  # records blended at once: a shard of every member


@dataclass(frozen=True)
class Gathered:
    """What masks are made of."""

    ids: tuple[str, ...]
    members: Mapping[str, MemberMaps]  # those with a weight
    places: Mapping[str, Place]  # where they were asked for
    sample: tuple[str, ...] | None  # the order of sample_submission.csv


def gather(settings: Settings, ensemble: Ensemble, split: str, placed: bool) -> Gathered:
    """The maps of the test records, or ("oof") those that the ensemble was fitted on; what is missing is predicted."""
    from submissions import find_sample

    if split == "oof":
        places = _known_places(settings, ensemble.record_ids) if placed else {}
        ids = tuple(each for each in ensemble.record_ids if each in places or not placed)
        return Gathered(ids, oof_maps(settings.runs, ensemble), places, None)
    scenes = settings.scenes()
    places = find_places(scenes, scenes.test) if placed else {}
    ids = tuple(sorted(record.id for record in scenes.test))
    sample = find_sample(settings.data)
    if sample and set(sample) != set(ids):
        say(settings, "sample_submission.csv lists other ids than test/ holds: its order does not count")
    return Gathered(ids, test_maps(settings, ensemble, scenes), places, sample)


def test_maps(settings: Settings, ensemble: Ensemble, scenes: Scenes) -> dict[str, MemberMaps]:
    """Every weighted member's maps of the test records; what is complete is reused, the rest predicted first."""
    from zoo.predictions import MemberMaps, find_members

    require_test(settings, scenes)
    runs = fitted_runs(settings, ensemble)
    for name, found in runs.items():
        _warn_of_lacking_folds(settings, ensemble, name, found)
    total = len(scenes.test) * sum(map(len, runs.values()))
    members = {}
    listener = settings.listener
    with listener.task("predict", total):
        for name, found in runs.items():
            use = ensemble.member(name)
            if found:
                members[name] = MemberMaps(name, tuple(_predict(settings, run, scenes, use, listener) for run in found))
            else:  # made elsewhere and imported
                members[name] = find_members(settings.runs, "test", [ref_of(use)], use.tta)[0]
    return members


def oof_maps(runs: Store, ensemble: Ensemble) -> dict[str, MemberMaps]:
    """Find the very out-of-fold maps that the ensemble was fitted on; UserError if they have changed since."""
    return {name: _fitted_maps(runs, ensemble, ensemble.member(name)) for name in ensemble.weights}


def _fitted_maps(runs: Store, ensemble: Ensemble, use: MemberUse, found: Sequence[EndedRun] = ()) -> MemberMaps:
    from zoo.predictions import find_members

    ends = {ended.run.folder: ended for ended in found}
    maps = find_members(runs, "oof", [ref_of(use)], use.tta, ends=ends)[0]
    if maps.digest != use.digest:
        what = f"{use.name}: its predictions are not those of the fit: a run was added, removed or trained on"
        raise UserError(what, _fit_again(ensemble))
    return maps


def _fit_again(ensemble: Ensemble) -> Command:
    """Command that fits the same members anew, by their predictions with the same TTA."""
    ttas = {member.tta for member in ensemble.members}
    members = ",".join(member.name for member in ensemble.members)
    tta = ttas.pop() if len(ttas) == 1 else None
    return Command("ensemble fit", name=ensemble.name, members=members, tta=tta)


def predictions(
    ensemble: Ensemble, found: Gathered, with_probability: bool, advance: Callable[[int], None]
) -> Iterator[Prediction]:
    """Mask, and where asked for probability and place, in the order of the ids; a chunk in memory at a time."""
    from submissions.formats import Prediction

    chunks = [found.ids[start : start + CHUNK] for start in range(0, len(found.ids), CHUNK)]

    for chunk in chunks:
        maps: dict[str, Any] = {name: member.maps(chunk) for name, member in found.members.items()}
        blends = ensemble.probabilities(maps) if with_probability else [None] * len(chunk)
        for record_id, mask, blend in zip(chunk, ensemble.apply(maps), blends):
            yield Prediction(record_id, mask, blend, found.places.get(record_id))
        advance(len(chunk))


def find_places(scenes: Scenes, records: Sequence[Record]) -> dict[str, Place]:
    """Where the pixels of each record lie; UserError, by name, where a source does not say."""
    from submissions.formats import Place

    found = {record.id: scenes.metadata(record) for record in records}
    lacking = [record for record in records if (data := found[record.id]) is None or data.grid is None]
    if lacking:
        others = f" and {len(lacking) - 1} more have" if len(lacking) > 1 else " has"
        source = scenes.source(lacking[0])
        raise UserError(
            f"{source.root}: record {lacking[0].id}{others} no entry in a metadata.json, so cannot be placed on a "
            f"map; bring {lacking[0].split}_metadata.json, or choose a format without places"
        )
    return {
        record_id: Place(
            wkt=data.grid.wkt, left=data.grid.col_min, top=data.grid.row_min,
            column=data.grid.col_size, row=data.grid.row_size, time=data.time,
        )
        for record_id, data in found.items()
        if data is not None and data.grid is not None
    }  # fmt: skip


def _known_places(settings: Settings, ids: Sequence[str]) -> dict[str, Place]:
    """Of the records that can be placed; the official train records, and ash-colour scenes, come without a place."""
    scenes = settings.scenes()
    labelled = [record for record in scenes.labelled if record.id in set(ids)]
    placed = [record for record in labelled if (data := scenes.metadata(record)) and data.grid]
    if len(placed) < len(ids):
        say(settings, f"warning: {len(ids) - len(placed)} of {len(ids)} records have no place in --data; left out")
    return find_places(scenes, placed or labelled)


def ref_of(use: MemberUse) -> Ref:
    """Member and recipe, whatever name it was asked for by."""
    return Ref(Ref.parse(use.name).member, use.recipe)


def fitted_runs(settings: Settings, ensemble: Ensemble) -> dict[str, list[EndedRun]]:
    """Find every weighted member's complete runs of folds; none for a member made elsewhere.

    UserError if it was fitted with other weights than they have. This can be told only where the out-of-fold maps lie:
    a machine that only predicts, as the notebook, has none.
    """
    from zoo.runs.find import find_runs

    found = {}
    for use in map(ensemble.member, ensemble.weights):
        ref = ref_of(use)
        found[use.name] = [ended for ended in find_runs(settings.runs, ref) if ended.run.fold != FULL]
        there = [place for place in settings.runs.sets("oof", ref.member) if place.manifest.is_file()]
        if any((place.ref, place.tta) == (ref, use.tta) for place in there):
            _fitted_maps(settings.runs, ensemble, use, found[use.name])
    return {name: _complete(settings, runs) for name, runs in found.items()}


def _complete(settings: Settings, found: Sequence[EndedRun]) -> list[EndedRun]:
    """Those of a member's runs whose weights are there; the others are named, and refused if none is complete."""
    complete = [ended for ended in found if ended.complete]
    for ended in found:
        run = ended.run
        if not ended.complete:
            what = f"{run.best}: is missing, or not the weights that result.json names"
            advice = f"bring them back, or remove {run.folder} and train the fold again"
            if not complete:
                raise UserError(f"{what}; {advice}")
            say(settings, f"warning: {what}; {advice}; the run is left out")
    say_stopped(settings, complete)
    return complete


def _predict(settings: Settings, ended: EndedRun, scenes: Scenes, use: MemberUse, listener: Listener) -> PredictionSet:
    from zoo.predict import predict_set
    from zoo.training import set_threads

    set_threads(settings.jobs)
    return predict_set(
        ended, scenes, scenes.test, split="test", tta=use.tta, device_name=settings.device, listener=listener
    )


def _warn_of_lacking_folds(settings: Settings, ensemble: Ensemble, name: str, runs: Sequence[EndedRun]) -> None:
    fitted = {str(fold["fold"]) for fold in ensemble.fitted.get("folds", ())}
    lacking = sorted(fitted - {ended.run.fold for ended in runs})
    if runs and lacking:
        folds = ", ".join(lacking)
        say(settings, f"warning: {name}: no complete run of fold {folds}; the mean is over the others alone")

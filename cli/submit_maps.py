"""The maps that a submission is made of: of the test records, predicted where they are missing, or out of fold."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.options import Settings
from cli.output import progress, require_test, say
from cli.runs import say_stopped
from core.errors import UserError

if TYPE_CHECKING:
    from ensemble import Ensemble, MemberUse
    from submissions.formats import Place, Prediction
    from zoo.data import Record, Scenes
    from zoo.predictions import MemberMaps
    from zoo.training import Run

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
    with progress(settings, "predict", total) as advance:
        for name, found in runs.items():
            use = ensemble.member(name)
            if found:
                members[name] = MemberMaps(name, tuple(_predict(settings, run, scenes, use, advance) for run in found))
            else:  # made elsewhere and imported
                members[name] = find_members(settings.runs, "test", [f"{plain(use)}@{use.recipe}"], use.tta)[0]
    return members


def oof_maps(runs: Path, ensemble: Ensemble) -> dict[str, MemberMaps]:
    """The very out-of-fold maps that the ensemble was fitted on; UserError where they have changed since."""
    return {name: _fitted_maps(runs, ensemble, ensemble.member(name)) for name in ensemble.weights}


def _fitted_maps(runs: Path, ensemble: Ensemble, use: MemberUse) -> MemberMaps:
    from zoo.predictions import find_members

    maps = find_members(runs, "oof", [f"{plain(use)}@{use.recipe}"], use.tta)[0]
    if maps.digest != use.digest:
        raise UserError(
            f"{use.name}: its predictions are not those of the fit: a run was added, removed or trained on; "
            f"fit again: {_fit_again(ensemble)}"
        )
    return maps


def _fit_again(ensemble: Ensemble) -> str:
    """The command that fits the same members anew, by their predictions with the same TTA."""
    words = ["--name", ensemble.name, "--members", ",".join(member.name for member in ensemble.members)]
    ttas = {member.tta for member in ensemble.members}
    return shlex.join(["cli", "ensemble", "fit", *words, *(["--tta", *ttas] if len(ttas) == 1 else [])])


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


def plain(use: MemberUse) -> str:
    """The member's name without the hash that it may have been asked for by."""
    return use.name.partition("@")[0]


def fitted_runs(settings: Settings, ensemble: Ensemble) -> dict[str, list[Run]]:
    """Every weighted member's runs; UserError where it was fitted with other weights than they have.

    That can be told where the out-of-fold maps lie: a machine that only predicts, as the notebook, has none.
    """
    from zoo.predictions.catalogue import set_folders

    for use in map(ensemble.member, ensemble.weights):
        there = set_folders(settings.runs, "oof", plain(use))
        if any((each.recipe, each.tta) == (use.recipe, use.tta) and each.written is not None for each in there):
            _fitted_maps(settings.runs, ensemble, use)
    return {name: _member_runs(settings, ensemble.member(name)) for name in ensemble.weights}


def _member_runs(settings: Settings, use: MemberUse) -> list[Run]:
    """The member's complete runs: those of folds, as its threshold was fitted on; none where it was made elsewhere."""
    if not (settings.runs / "members" / plain(use) / use.recipe).is_dir():
        return []  # so that an ensemble of imported members needs no torch
    from zoo.training import find_runs, set_threads

    set_threads(settings.jobs)
    found = [run for run in find_runs(settings.runs, plain(use), use.recipe) if run.fold != "full"]
    complete = [run for run in found if run.complete]
    for run in found:
        if run not in complete:
            what = f"{run.best}: is missing, or not the weights that result.json names"
            advice = f"bring them back, or remove {run.folder} and train the fold again"
            if not complete:
                raise UserError(f"{what}; {advice}")
            say(settings, f"warning: {what}; {advice}; the run is left out")
    say_stopped(settings, complete)
    return complete


def _predict(settings: Settings, run: Run, scenes: Scenes, use: MemberUse, advance: Callable[..., None]) -> Any:
    from zoo.predict import predict_set

    return predict_set(
        run, scenes, scenes.test, split="test", tta=use.tta, device_name=settings.device, advance=advance
    )


def _warn_of_lacking_folds(settings: Settings, ensemble: Ensemble, name: str, runs: list[Run]) -> None:
    fitted = {str(fold["fold"]) for fold in ensemble.fitted.get("folds", ())}
    lacking = sorted(fitted - {run.fold for run in runs})
    if runs and lacking:
        folds = ", ".join(lacking)
        say(settings, f"warning: {name}: no complete run of fold {folds}; the mean is over the others alone")

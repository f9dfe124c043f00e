"""The maps that a submission is made of: of the test records, predicted where they are missing, or out of fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.options import Settings
from cli.output import progress, say
from core.errors import UserError

if TYPE_CHECKING:
    from ensemble import Ensemble, MemberUse
    from zoo.data import Scenes
    from zoo.predictions import MemberMaps
    from zoo.training import Run

CHUNK = 64  # records blended at once: a shard of every member


def test_maps(settings: Settings, ensemble: Ensemble, scenes: Scenes) -> dict[str, MemberMaps]:
    """Every weighted member's maps of the test records; what is complete is reused, the rest predicted first."""
    from zoo.predictions import MemberMaps, find_members

    if not scenes.test:
        raise UserError(f"{', '.join(map(str, settings.data))}: holds no test records; name a source that does")
    runs = {name: member_runs(settings, ensemble.member(name)) for name in ensemble.weights}
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
    from zoo.predictions import find_members

    members = {}
    for name in ensemble.weights:
        use = ensemble.member(name)
        members[name] = find_members(runs, "oof", [f"{plain(use)}@{use.recipe}"], use.tta)[0]
        if members[name].digest != use.digest:
            raise UserError(f"{name}: its predictions have changed since the fit; run: cli ensemble fit")
    return members


def masks(
    ensemble: Ensemble, ids: list[str], members: dict[str, MemberMaps], advance: Callable[[int], None]
) -> Iterator[tuple[str, Any]]:
    """(id, mask) in the order of `ids`, a chunk in memory at a time."""
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]

    def maps_of(chunk: list[str]) -> dict[str, Any]:
        return {name: maps.maps(chunk) for name, maps in members.items()}

    # A share of the pixels needs all records before the first mask; a level needs none.
    settled = ensemble.settled(map(maps_of, chunks))
    for chunk in chunks:
        yield from zip(chunk, settled.apply(maps_of(chunk)))
        advance(len(chunk))


def plain(use: MemberUse) -> str:
    """The member's name without the hash that it may have been asked for by."""
    return use.name.partition("@")[0]


def member_runs(settings: Settings, use: MemberUse) -> list[Run]:
    """The member's runs: those of folds, as its threshold was fitted on; none where it was made elsewhere."""
    if not (settings.runs / "members" / plain(use) / use.recipe).is_dir():
        return []  # so that an ensemble of imported members needs no torch
    from zoo.training import find_runs, set_threads

    set_threads(settings.jobs)
    runs = find_runs(settings.runs, plain(use), use.recipe)
    return [run for run in runs if run.fold != "full"]


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

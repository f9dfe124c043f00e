"""Maps of an ensemble's members: test maps, predicted if they are missing, and the out-of-fold maps of its fit.

In: a store, an ensemble, scenes. Out: MemberMaps by name, of the members with a weight; the runs that predict.
Stays outside: masks.
"""

from collections.abc import Iterable, Sequence

from core.command import Command
from core.errors import UserError
from core.jobs import job_count
from core.listener import SILENT, Listener
from ensemble import Ensemble, MemberUse
from zoo.data import Scenes
from zoo.predictions import MemberMaps, find_members
from zoo.runs import Ref, Store
from zoo.runs.find import find_runs
from zoo.runs.names import FULL
from zoo.runs.run import EndedRun, stopped_at


def oof_maps(store: Store, ensemble: Ensemble, members: Iterable[str] | None = None) -> dict[str, MemberMaps]:
    """Find the out-of-fold maps that the ensemble was fitted on; UserError if they have changed since.

    members: by default those with a weight
    """
    names = ensemble.weights if members is None else members
    return {name: _fitted_maps(store, ensemble, ensemble.member(name)) for name in names}


def changed_since_fit(store: Store, ensemble: Ensemble) -> list[UserError]:
    """Reasons why the members' out-of-fold maps are not those of the fit; members without any here are not asked."""
    changes = []
    for use in ensemble.members:
        try:
            if _is_predicted(store, use):
                _fitted_maps(store, ensemble, use)
        except UserError as change:
            changes.append(change)
    return changes


def test_maps(
    store: Store,
    ensemble: Ensemble,
    scenes: Scenes,
    *,
    device: str = "auto",
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> dict[str, MemberMaps]:
    """Find the maps of the test records, predicting first what is missing or incomplete.

    A member without runs here was predicted elsewhere and imported. Raises UserError as `usable_runs`, for no test
    records, and for a member without runs and maps.
    """
    scenes.require_test()
    usable = usable_runs(store, ensemble, listener)
    members = {}
    with listener.task("predict", len(scenes.test) * sum(map(len, usable.values()))):
        for name, found in usable.items():
            use = ensemble.member(name)
            if found:
                members[name] = _predict(found, scenes, use, device, jobs, listener)
            else:
                members[name] = _imported(store, use)
    return members


def _imported(store: Store, use: MemberUse) -> MemberMaps:
    """Maps of the test records of a member that was predicted elsewhere; UserError with how to bring them."""
    if not any(place.manifest.is_file() for place in store.sets("test", Ref.parse(use.name).member)):
        what = f"{store}: no test predictions of {use.name}, which has no runs here that could make them"
        raise UserError(what, Command("zoo import", use.name, oof="DIR", test="DIR"))
    return find_members(store, "test", [_ref(use)], use.tta)[0]


def usable_runs(store: Store, ensemble: Ensemble, listener: Listener = SILENT) -> dict[str, list[EndedRun]]:
    """Find the complete runs of folds of each member with a weight; none for a member that was predicted elsewhere.

    Raises UserError if a member's runs have other weights than at the fit, which the out-of-fold maps tell; a machine
    that only predicts, such as Kaggle's, has none. Warns of runs that are left out.
    """
    usable = {}
    fitted = {str(fold["fold"]) for fold in ensemble.fitted.get("folds", ())}
    for use in map(ensemble.member, ensemble.weights):
        ref = _ref(use)
        found = [ended for ended in find_runs(store, ref) if ended.run.fold != FULL]
        if _is_predicted(store, use):
            _fitted_maps(store, ensemble, use, found)
        usable[use.name] = complete = _complete(found, listener)
        lacking = sorted(fitted - {ended.run.fold for ended in complete})
        if complete and lacking:
            folds = ", ".join(lacking)
            listener.warn(f"{use.name}: no complete run of fold {folds}; its maps are the mean over the other folds")
    return usable


def _is_predicted(store: Store, use: MemberUse) -> bool:
    """True if there are complete out-of-fold maps of the recipe and views that the ensemble uses."""
    sets = (place for place in store.sets("oof", Ref.parse(use.name).member) if place.manifest.is_file())
    return any((place.ref, place.tta) == (_ref(use), use.tta) for place in sets)


def _ref(use: MemberUse) -> Ref:
    """Member and recipe, whichever name it was asked for by."""
    return Ref(Ref.parse(use.name).member, use.recipe)


def _fitted_maps(store: Store, ensemble: Ensemble, use: MemberUse, found: Sequence[EndedRun] = ()) -> MemberMaps:
    ends = {ended.run.folder: ended for ended in found}
    maps = find_members(store, "oof", [_ref(use)], use.tta, ends=ends)[0]
    if maps.digest != use.digest:
        what = "its predictions are not those of the fit: a run was added, removed or trained on; fit again"
        raise UserError(f"{use.name}: {what}", ensemble.fit_again)
    return maps


def _complete(found: Sequence[EndedRun], listener: Listener) -> list[EndedRun]:
    """Runs whose weights are those of their results; the others are named, and refused if none is complete."""
    complete = [ended for ended in found if ended.complete]
    for ended in found:
        run = ended.run
        if not ended.complete:
            what = f"{run.best}: is missing, or not the weights that result.json names"
            advice = f"bring them back, or remove {run.folder} and train the fold again"
            if not complete:
                raise UserError(f"{what}; {advice}")
            listener.warn(f"{what}; {advice}; the run is left out")
        elif ended.stopped:
            listener.note(f"{run.ref} fold {run.name.words}: was stopped at {stopped_at(ended)}")
    return complete


def _predict(
    found: Sequence[EndedRun], scenes: Scenes, use: MemberUse, device: str, jobs: int | None, listener: Listener
) -> MemberMaps:
    from zoo.inference import predict_set
    from zoo.training import set_threads

    set_threads(job_count(jobs))
    sets = (
        predict_set(ended, scenes, scenes.test, split="test", tta=use.tta, device_name=device, listener=listener)
        for ended in found
    )
    return MemberMaps(use.name, tuple(sets))

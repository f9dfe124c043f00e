"""Fit on the predictions under a runs folder: the workflow of `cli ensemble fit`.

In: a `Store`, scenes with labels, a `FitJob`. Out: the fit and its frozen ensemble, and how both are written.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.command import Command
from core.errors import UnknownName, UsageError, UserError
from core.files import atomic_write, sweep
from core.listener import SILENT, Listener
from core.locks import locked
from ensemble.documents import freeze
from ensemble.fitting import Fit, fit_records
from ensemble.loading import out_of_fold, shared_records, without_partial
from ensemble.model import Ensemble, MemberUse
from ensemble.strategy import Budget, FitOptions
from zoo.data import Folds, Scenes
from zoo.predictions import MemberMaps, find_out_of_fold, other_recipes
from zoo.predictions.splits import OOF
from zoo.runs import Ref, Store
from zoo.runs.store import DEFAULT_ENSEMBLE, HELD_OUT, ensemble_option
from zoo.views import parse_views

ALL = "oof"
RECORDS = (ALL, "train", "validation")


@dataclass(frozen=True, kw_only=True)
class FitJob:
    """Members, records and options of a fit on predictions.

    name: of the ensemble. members: None: all that predicted as many folds as any. on: oof (all labelled records), train
    or validation. tta: None: of each member the set that covers most folds, of several that with most mirrored and
    turned views. budget_hours: keep the members that predict `budget_records` (None: the test records) in this time.
    costs: seconds per record of members that were not timed. max_ram: GB. jobs: threads, by default all cores. Raises
    UsageError or UnknownName for values that make no sense.
    """

    name: str = DEFAULT_ENSEMBLE
    options: FitOptions = field(default_factory=FitOptions)
    members: Sequence[Ref] | None = None
    on: str = ALL
    tta: str | None = None
    budget_hours: float | None = None
    budget_records: int | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    max_ram: float | None = None
    jobs: int | None = None

    def __post_init__(self) -> None:
        if not self.name or Path(self.name).name != self.name or self.name.startswith("."):
            raise UsageError(f'ensemble name "{self.name}": give a plain name, it becomes a folder')
        if isinstance(self.members, str):
            raise UsageError(f'members "{self.members}": give a list of them')
        if self.members is not None and not all(isinstance(member, Ref) for member in self.members):
            raise UsageError("members: give each as a Ref, as Ref.parse makes it of its name")
        if self.on not in RECORDS:
            raise UnknownName("set of records", self.on, RECORDS)
        if self.budget_hours is None and (self.costs or self.budget_records):
            raise UsageError("--cost and --budget-records are for --budget-hours; give it, too")


@dataclass(frozen=True, eq=False)
class Fitted:
    """Fit on predictions, and the ensemble that was frozen from it."""

    fit: Fit
    ensemble: Ensemble

    def __repr__(self) -> str:
        return f"Fitted({self.ensemble!r})"

    def save(self, store: Store) -> Path:
        """Write ensemble.json, and report.png beside it; returns the path of the former."""
        from ensemble.plot import draw

        path = store.ensemble(self.ensemble.name)
        with locked(path):
            sweep(path.with_name("report.png"))
            self.ensemble.save(path)
            with atomic_write(path.with_name("report.png")) as file:
                file.write(draw(self.fit, self.ensemble.name))
        return path


def fit_runs(store: Store, scenes: Scenes, job: FitJob | None = None, listener: Listener = SILENT) -> Fitted:
    """Fit an ensemble on the members' out-of-fold predictions in a runs folder.

    Raises UserError if nothing is predicted, if no labelled record is shared by all members, or if a member of a budget
    was not timed; UnknownName for a member of `costs` that is not fitted.
    """
    job = job or FitJob()
    folds, members = _members(store, job, listener)
    if job.tta is None:
        _note_views(store, members, listener)
    labelled = {record.id: record for record in scenes.labelled if job.on in (ALL, record.split)}
    absent = sum(record not in labelled for record in folds.fold_of)
    if absent and job.on == ALL:
        listener.note(f"{absent} of the {len(folds.fold_of)} records of folds.csv are not in the data given")
    options = replace(job.options, budget=_budget(job, members, len(scenes.test)))
    shared = shared_records(members, folds, labelled)
    records = out_of_fold(members, shared.record_ids, lambda record: scenes.mask(labelled[record]), folds)
    result = fit_records(records, options, jobs=job.jobs, max_ram=job.max_ram, listener=listener)
    uses = [
        MemberUse(one.name, one.recipe, one.tta, weight, one.digest, one.seconds_per_record)
        for one, weight in zip(members, result.result.choice.blend.weights)
    ]
    split_of = {name: record.split for name, record in labelled.items()}
    ensemble = freeze(job.name, result, uses, folds.sha256, shared.missing, split_of, _again(job))
    for other in other_recipes(store, members):
        listener.note(f"{other} was predicted, too, and is not used; --members takes it by that name")
    if optimistic := [member.name for member in members if member.epoch_chosen_on == HELD_OUT]:
        whose, them = ("its epochs", "it") if len(optimistic) == 1 else ("their epochs", "them")
        words = f"{whose} were chosen on the folds that score {them}, so each Dice is a little too high"
        listener.note(f"{', '.join(optimistic)}: {words}")
    for line in shared.missing:
        listener.note(f"{line}; fitted on the {len(shared.record_ids)} records that all members share")
    for line, do in ensemble.report.advised_warnings:
        listener.warn(line, do)
    return Fitted(result, ensemble)


def _again(job: FitJob) -> dict[str, object]:
    """Options of the command line that fit the same records and members again, under the same name."""
    return {
        "members": job.members and ",".join(map(str, job.members)),
        "on": None if job.on == ALL else job.on,
        "tta": job.tta,
        "ensemble": ensemble_option(job.name),
    }


def parse_costs(texts: Iterable[str]) -> dict[str, float]:
    """Parse texts such as "a=1,b=2.5": seconds by member; UsageError for another form."""
    return dict(_cost(part) for text in texts for part in text.split(","))


def _cost(text: str) -> tuple[str, float]:
    name, _, seconds = text.rpartition("=")
    try:
        value = float(seconds)
    except ValueError:
        value = -1.0
    if not name or not 0 <= value < float("inf"):
        raise UsageError(f'--cost "{text}": give MEMBER=SECONDS')
    return name, value


def _members(store: Store, job: FitJob, listener: Listener) -> tuple[Folds, list[MemberMaps]]:
    folds, found = _maps(store, job, listener)
    if job.members is not None:
        return folds, found
    complete, partial = without_partial(found, folds)
    for line in partial:
        listener.note(f"{line}; it is left out, --members takes it")
    return folds, complete


def _maps(store: Store, job: FitJob, listener: Listener) -> tuple[Folds, list[MemberMaps]]:
    """Find the members' maps with the views of the job; a member without runs that has no such maps stays as it is."""
    views = None if job.tta is None else parse_views(job.tta).name
    asked = [Ref(name) for name in store.predicted_members()] if job.members is None else list(job.members)
    made = {ref: {place.tta for place in store.sets(OOF, ref.member)} for ref in asked}
    trained = store.trained_members()
    kept = [ref for ref, ttas in made.items() if views and ttas and views not in ttas and ref.member not in trained]
    others = [ref for ref in asked if ref not in kept and (job.members is not None or views in made[ref])]
    if not kept or not others:
        return find_out_of_fold(store, job.members, job.tta, listener)
    listener.note(f"{', '.join(map(str, kept))}: no runs here, so used with the views that there are")
    folds, found = find_out_of_fold(store, kept, None, listener)
    found += find_out_of_fold(store, others, job.tta, listener)[1]
    for ref in [ref for ref in asked if made[ref] and ref not in (*kept, *others)]:
        listener.note(f"left out: {ref}: no predictions with TTA {views}", Command("zoo predict", ref, tta=views))
    order = [str(ref) for ref in asked]
    return folds, sorted(found, key=lambda member: order.index(member.name))


def _note_views(store: Store, members: Sequence[MemberMaps], listener: Listener) -> None:
    """Note which predictions are used of members that were predicted with several sets of views."""
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for member in members:
        made = {place.tta for place in store.sets(OOF, member.ref.member) if place.ref == member.ref}
        if others := made - {member.tta}:
            alike.setdefault((member.tta, tuple(sorted(others))), []).append(member.name)
    for (tta, left), names in alike.items():
        whose = "its" if len(names) == 1 else "their"
        taken = f"{whose} predictions with TTA {tta} are used, not {', '.join(left)}"
        how = "most folds, then most mirrored and turned views; --tta takes others"
        listener.note(f"{', '.join(names)}: {taken}: {how}")


def fit_with(store: Store, refs: Iterable[Ref], tta: str) -> Command:
    """Command that fits an ensemble on these predictions, with no more options than it needs to take them.

    refs: recipes that were predicted out of fold with these views
    """
    wanted = list(dict.fromkeys(refs))
    for job in (FitJob(), FitJob(tta=tta), FitJob(tta=tta, members=wanted)):
        with suppress(UserError):
            taken = {(member.ref, member.tta) for member in _members(store, job, SILENT)[1]}
            if taken.issuperset((ref, tta) for ref in wanted):
                break
    return Command("ensemble fit", **_again(job))


def _budget(job: FitJob, members: Sequence[MemberMaps], test_records: int) -> Budget | None:
    """Compute the seconds that each member takes for the records of the budget."""
    names = [member.name for member in members]
    for name in job.costs:
        if name not in names:
            raise UnknownName("member", name, names, "--cost")
    if job.budget_hours is None:
        return None
    records = job.budget_records or test_records
    if not records:
        raise UsageError("--budget-hours: the data hold no test records; give --budget-records N")
    seconds = {member.name: job.costs.get(member.name, member.seconds_per_record) for member in members}
    for name, value in seconds.items():
        if value is None:
            raise UserError(f"{name}: its seconds per record were not measured; give --cost {name}=SECONDS")
    return Budget(job.budget_hours * 3600, tuple((value or 0.0) * records for value in seconds.values()), records)

"""Members for display: the table of all with their scores, and one in full, as listed or as trained.

In: a runs folder, the user's folder of member files. Out: a `MemberList`, a `MemberDescription`. Torch is loaded only
for a member file of the user that needs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UnknownName
from core.listener import SILENT, Listener
from pipeline.leaderboard import own_scores
from pipeline.leaderboard_rows import Row, read_kept
from zoo.members import Recipe, is_path, load_member, member_names
from zoo.members.costs import Cost, Estimate, cost_of, estimate
from zoo.members.files import SHIPPED, own_instead_of_shipped
from zoo.members.recipe import KEYS
from zoo.members.table import MemberTable, readable_members
from zoo.predictions.catalogue import set_folders
from zoo.predictions.format import Provenance
from zoo.runs import Ref, Store
from zoo.runs.find import changed_keys, read_trained_recipe, trained_recipes
from zoo.runs.names import FULL
from zoo.runs.store import chosen_on_together
from zoo.runtime.memory import DeviceMemory, device_memory

if TYPE_CHECKING:
    from pandas import DataFrame

    from zoo.data import Scenes

# Keys of a leaderboard's row that the list takes, under the same names.
SCORE_COLUMNS = (
    "dice",
    "interval",
    "kind",
    "records",
    "effective_groups",
    "recipe",
    "changed",
    "tta",
    "epochs_trained",
    "epoch_chosen_on",
    "runs",
    "seconds_per_record",
)


@dataclass(frozen=True)
class MemberList:
    """Members, and the scores of those that were trained."""

    table: MemberTable
    scores: Mapping[str, Row]  # by member
    everyone: MemberTable | None = field(default=None, repr=False)  # the table before its filter

    def as_dict(self) -> list[dict[str, Any]]:
        """JSON document of `cli zoo list --json`."""
        return list(self.table.rows)

    def to_frame(self) -> DataFrame:
        """DataFrame with one row per member; interval bounds are the columns low and high."""
        frame = self.table.to_frame()
        ends = [interval or (None, None) for interval in frame["interval"]]
        frame["low"], frame["high"] = [low for low, _ in ends], [high for _, high in ends]
        return frame.drop(columns="interval")


def list_members(
    store: Store,
    scenes: Scenes | None = None,
    *,
    containing: str = "",
    sort: str = "name",
    scored: bool = True,
    own_members: Path | None = None,
    jobs: int | None = None,
    listener: Listener = SILENT,
) -> MemberList:
    """List members with costs, logged scores and, if `scored`, their own scores.

    If `scored`, members that were predicted here but are listed nowhere, such as imported ones, come with their names
    and scores alone.
    scenes: if given, missing and outdated scores are brought up to date. containing, sort: see `MemberTable`.
    own_members: folder of the user's member files; one at fault is left out with a note.
    """
    recipes = readable_members(own_members, lambda recipe: check_member(recipe, store), listener)
    _note_replaced(own_members, None, listener)
    scores: Mapping[str, Row] = {}
    table = MemberTable.of(recipes)
    if scored:
        scores = own_scores(store, scenes, own_members=own_members, jobs=jobs, listener=listener)
        table = table.with_others(sorted({*store.predicted_members(), *store.trained_members()}))
    columns = {name: _columns(row) for name, row in scores.items()}
    table = table.joined((*SCORE_COLUMNS, "folds"), columns)
    return MemberList(table.filtered(containing).sorted_by(sort), scores, table)


def _columns(row: Row) -> dict[str, Any]:
    document = row.as_dict()
    return {key: document[key] for key in SCORE_COLUMNS} | {"folds": len(row.per_fold)}


@dataclass(frozen=True, kw_only=True)
class MemberDescription:
    """Recipe of a member with its costs."""

    recipe: Recipe
    cost: Cost
    estimate: Estimate
    device: DeviceMemory  # of the device that would train
    trained: str | None = None  # hash of the recipe, if it is one that was trained
    changed: dict[str, Any] | None = None  # keys of a trained one that differ from the listed; None: none is listed
    epoch_chosen_on: str | None = None  # what chose the epochs of its runs on folds; None: none is at its end

    @property
    def ref(self) -> Ref:
        """Member, and the hash of a trained recipe."""
        return Ref(self.recipe.name, self.trained)

    @property
    def own_keys(self) -> tuple[str, ...]:
        """Keys in which a trained recipe differs from the listed member, or that a member's own file gives."""
        if self.changed is not None:
            return tuple(self.changed)
        files = self.recipe.given_by.items()
        return tuple(key for key, file in files if file and file.stem == self.recipe.name)

    def as_dict(self) -> dict[str, Any]:
        """JSON document of `cli zoo show --json`."""
        return {
            "name": self.recipe.name,
            **(self._of_runs() if self.trained else {}),
            **self.recipe.resolved,
            "log": asdict(self.recipe.log),
            "cost": asdict(self.cost),
            "estimate": asdict(self.estimate),
            "device": self.device._asdict(),
        }

    def _of_runs(self) -> dict[str, Any]:
        return {"recipe": self.trained, "changed": self.changed, "epoch_chosen_on": self.epoch_chosen_on}


@dataclass(frozen=True, kw_only=True)
class PredictedMember:
    """Member of which only predictions are here: imported, or trained on another machine."""

    ref: Ref
    sets: tuple[Provenance, ...]
    scores: tuple[Row, ...]  # kept on the leaderboard

    def as_dict(self) -> dict[str, Any]:
        """JSON document of `cli zoo show --json`."""
        return {
            "name": self.ref.member,
            "recipe": self.ref.recipe,
            "predictions": [provenance.as_dict() for provenance in self.sets],
            "scores": [row.as_dict() for row in self.scores],
        }


def describe_member(
    store: Store, asked: str, *, own_members: Path | None = None, device: str = "cpu", listener: Listener = SILENT
) -> MemberDescription | PredictedMember:
    """Describe a listed member by its name or file, or a trained recipe as MEMBER@HASH.

    A member or a recipe that is only predicted here is described by its predictions, one that is only trained here by
    its newest recipe. UsageError for an unknown member, with the nearest; UserError for a faulty file.
    """
    ref = Ref.parse(asked)
    _note_replaced(own_members, ref.member, listener)
    if predicted := _only_predicted(store, ref, own_members):
        return predicted
    if not is_path(asked):
        ref = _newest(store, ref, own_members)
    if ref.recipe is not None and not asked.endswith(".toml"):
        digest, recipe, changed = _trained(store, ref, own_members)
        ended = [place.ended() for place in store.runs(ref.of(digest)) if place.fold != FULL]
        cost, takes = _costs(recipe, listener)
        return MemberDescription(
            recipe=recipe,
            trained=digest,
            changed=changed,
            epoch_chosen_on=chosen_on_together(each.epoch_chosen_on for each in ended if each and not each.torn),
            cost=cost,
            estimate=takes,
            device=device_memory(device),
        )
    recipe = load_member(asked, own_members)
    check_member(recipe, store, device)
    cost, takes = _costs(recipe, listener)
    return MemberDescription(recipe=recipe, cost=cost, estimate=takes, device=device_memory(device))


def _only_predicted(store: Store, ref: Ref, own_members: Path | None) -> PredictedMember | None:
    """Describe a member without runs, and not listed or asked for by a hash, by its complete predictions."""
    if ref.member in store.trained_members() or (ref.recipe is None and ref.member in member_names(own_members)):
        return None
    found = [one for one in set_folders(store, member=ref.member) if one.written is not None]
    meant = ref.resolve({one.place.ref.recipe or "" for one in found})
    if ref.recipe is not None:
        found = [one for one in found if one.place.ref.recipe == meant]
    if not found:
        return None
    rows = [row for row in read_kept(store).values() if row.member == ref.member and meant in (None, row.recipe)]
    sets = tuple(one.opened.provenance for one in found)
    return PredictedMember(ref=Ref(ref.member, meant), sets=sets, scores=tuple(rows))


def check_member(recipe: Recipe, store: Store, device: str = "cpu") -> None:
    """Refuse what training would refuse in a user's file, as far as it needs no scenes; raises UserError."""
    if any(path and path.parent != SHIPPED for key, path in recipe.given_by.items() if KEYS[key].asks_torch):
        from zoo.training import check_recipe, pin_weights

        check_recipe(recipe, device)
        pin_weights(recipe, store)
    for stage in recipe.staged:
        if cost_of(stage) is None:
            from zoo.models import sketch

            sketch(stage)


def _trained(store: Store, ref: Ref, own_members: Path | None) -> tuple[str, Recipe, dict[str, Any] | None]:
    """Hash, recipe with what the log says of the listed member, and changed keys; None if no such member is listed."""
    digest, recipe = read_trained_recipe(store, ref)
    try:
        listed = load_member(ref.member, own_members)
    except UnknownName:
        return digest, recipe, None
    return digest, replace(recipe, log=listed.log, given_by=listed.given_by), changed_keys(recipe, listed)


def _newest(store: Store, ref: Ref, own_members: Path | None) -> Ref:
    """Newest recipe of a member that was trained from a file and is not listed; any other as it is asked for."""
    if ref.recipe is not None or ref.member in member_names(own_members):
        return ref
    trained = trained_recipes(store, ref.member).values()
    newest = max(trained, key=lambda place: place.recipe_file.stat().st_mtime, default=None)
    return ref if newest is None else ref.of(newest.hash)


def _costs(recipe: Recipe, listener: Listener) -> tuple[Cost, Estimate]:
    """Costs from the table of shipped networks; counted for one that is not in it."""
    cost, takes = cost_of(recipe), estimate(recipe)
    if cost is None or takes is None:
        listener.info("this network is not in the table of costs; counting them")
        from zoo.models.costs import count

        cost, takes = count(recipe), estimate(recipe, count)
    assert takes is not None
    return cost, takes


def _note_replaced(own_members: Path | None, member: str | None, listener: Listener) -> None:
    """Note the user's own files that replace shipped members."""
    for path in own_instead_of_shipped(own_members):
        if member in (None, path.stem):
            listener.note(f"{path} replaces the shipped member {path.stem}")

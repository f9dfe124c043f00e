"""One member's recipe as a table: every key, its value, who chose it, and what training it takes."""

from collections.abc import Iterator
from typing import Any

from rich.console import Console
from rich.table import Table

from cli.tables.columns import EMPTY, cell
from cli.tables.marks import epoch_mark, legend, marked_dice
from core.uncertainty import interval_text
from core.words import counted
from pipeline.members import MemberDescription, PredictedMember
from zoo.epoch_choice import candidate_epochs
from zoo.members import Recipe, setting_text
from zoo.members.costs import Cost, Estimate
from zoo.members.files import SHIPPED
from zoo.members.recipe import KEYS
from zoo.predictions.format import Provenance

A100_GB = 80
FLOAT = 4  # bytes of a weight


def print_member(console: Console, member: MemberDescription) -> None:
    """Print the recipe, its stages, its difference from the listed member, the log's scores and the costs."""
    recipe = member.recipe
    table = Table("key", "value", "from", box=None)
    given = {key: _given_by(member, key) for key in recipe.resolved}
    for key, value, giver in _same_in_all_stages(recipe):
        table.add_row(key, _value(key, value), given[giver])
    console.print(str(member.ref), markup=False, soft_wrap=True)
    console.print(table)
    if recipe.stages:
        lead = f"stages, from {given['stages']}; each starts from the keys and the last weights of the one before"
        console.print(lead, soft_wrap=True)
        console.print(_stages_table(recipe))
    epochs = legend([epoch_mark(member.epoch_chosen_on)])
    costs = (_costs(recipe, member.cost), _takes(member.estimate), _keeps(recipe, member.cost))
    for line in (_differs(member), *epochs, _logged(recipe), *costs):
        if line:
            console.print(line, soft_wrap=True)


def print_predicted(console: Console, member: PredictedMember) -> None:
    """Print the predictions of a member whose recipe is not known here, and its scores on the leaderboard."""
    console.print(
        f"{member.ref}: imported, or trained elsewhere; no recipe of it is here", markup=False, soft_wrap=True
    )
    table = Table("recipe", "split", "TTA", "folds", "s / record", box=None)
    alike: dict[tuple[str, str, str], list[Provenance]] = {}
    for one in member.sets:
        alike.setdefault((one.recipe, one.split, one.tta), []).append(one)
    for key, sets in alike.items():
        seconds = [one.seconds_per_record for one in sets if one.seconds_per_record is not None]
        mean = sum(seconds) / len(seconds) if seconds else None
        table.add_row(*key, ", ".join(one.run.words for one in sets), cell(mean, "{:.2f}"))
    console.print(table)
    for row in member.scores:
        where = f"{row.recipe}, TTA {row.tta}, {counted(row.records, 'record')}"
        console.print(f"Dice {marked_dice(row)} {interval_text(row.interval, '.3f')}: {where}", markup=False)
    for line in legend([marked_dice(row) for row in member.scores]):
        console.print(line, soft_wrap=True)


def _given_by(member: MemberDescription, key: str) -> str:
    """Source of a key's value."""
    recipe = member.recipe
    own = recipe.resolved if member.trained and member.changed is None else member.changed or {}
    if key in own or key in recipe.log.gave:
        return "its training" if key in own else recipe.log.source or "the log"
    file = recipe.given_by.get(key)
    return file.name if file and file.parent != SHIPPED else "the zoo"


def _same_in_all_stages(recipe: Recipe) -> Iterator[tuple[str, Any, str]]:
    """Key, value and the key that gave it: `stages` if all of them change it alike."""
    apart = {*recipe.changing_keys, *(["stages"] if recipe.stages else [])}
    trained_with = recipe.final.resolved
    for key, value in recipe.resolved.items():
        if key not in apart:
            alike = KEYS[key].fixed or trained_with[key] == value
            yield key, value if alike else trained_with[key], key if alike else "stages"


def _stages_table(recipe: Recipe) -> Table:
    """First stage with all keys that others change, later ones with those that they change themselves."""
    apart, first = recipe.changing_keys, recipe.staged[0].resolved
    tables = [{key: first[key] for key in apart}, *map(dict, recipe.stages[1:])]
    table = Table("stage", "trains with", *(["logged Dice"] if recipe.log.stages else []), box=None)
    for number, keys in enumerate(tables):
        words = ", ".join(f"{key} = {_value(key, value)}" for key, value in keys.items() if key in apart)
        logged = dict(enumerate(recipe.log.stages)).get(number)
        scores = [EMPTY if logged is None else str(logged)] if recipe.log.stages else []
        table.add_row(str(number + 1), words or "same as before", *scores)
    return table


def _value(key: str, value: Any) -> str:
    """Value as `--set` takes it."""
    return setting_text(key, value).partition("=")[2]


def _differs(member: MemberDescription) -> str:
    """Difference of a trained recipe from its listed member."""
    if member.trained is None:
        return ""
    name = member.recipe.name
    if member.changed is None:
        return f"no member {name} is listed to compare it with"
    words = " ".join(setting_text(key, value) for key, value in member.changed.items())
    return f"differs from {name}: {words}" if words else f"trained as {name} is listed"


def _keeps(recipe: Recipe, cost: Cost) -> str:
    """Disk space of a run until its epoch is chosen."""
    count = len(candidate_epochs(recipe.final.epochs, recipe.final.score_every))
    if not count:
        return ""
    megabytes = count * cost.parameters * FLOAT / 1e6
    return f"a run keeps the weights of {counted(count, 'epoch')}, {megabytes:.0f} MB, until all folds are trained"


def _logged(recipe: Recipe) -> str:
    log = recipe.log
    if log.source:
        return f"after {log.source}; keys not from there are the zoo's choice" + (f" ({log.note})" if log.note else "")
    if log.row is None:
        return "no row of the log"
    scores = [f"{board} {score}" for board, score in (("validation", log.validation), ("LB", log.leaderboard)) if score]
    apart = log.stages and len(log.stages) != len(recipe.stages)
    stages = f", after each stage {', '.join(map(str, log.stages))}" if apart else ""
    return f"row {log.row} of the log: {', '.join(scores) or 'no score'}{stages}" + (
        f" ({log.note})" if log.note else ""
    )


def _costs(recipe: Recipe, cost: Cost) -> str:
    weights = f"{cost.parameters / 1e6:.1f} M weights, {cost.gmacs:.1f} GMACs a scene"
    return weights + (f"; ImageNet weights: {cost.licence}" if recipe.weights == "imagenet" else "")


def _takes(takes: Estimate) -> str:
    hours = f"{takes.gpu_hours:g} h" if takes.gpu_hours else "minutes"
    much = (
        f"; more than its {A100_GB} GB: give a smaller batch and as many times more accumulate, or checkpointing=true"
    )
    return (
        f"about {takes.gpu_gb:.0f} GB and {hours} of a GPU like an A100 for one fold of the competition's records, "
        f"within a factor of two, if files are read as fast{much if takes.gpu_gb > A100_GB else ''}"
    )

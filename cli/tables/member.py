"""One member's recipe as a table: every key, its value, who chose it, and what training it takes."""

from collections.abc import Iterator, Sequence
from typing import Any

from cli.tables.columns import EMPTY, Column, cell, column_of
from cli.tables.marks import epoch_mark, legend, marked_dice
from cli.tables.page import Page
from core.uncertainty import interval_text
from core.words import counted
from pipeline.members import MemberDescription, PredictedMember
from zoo.epoch_choice import candidate_epochs
from zoo.members import Recipe, setting_text
from zoo.members.costs import Cost, Estimate
from zoo.members.files import SHIPPED
from zoo.members.meanings import meanings
from zoo.members.recipe import KEYS
from zoo.predictions.format import Provenance

FLOAT = 4  # bytes of a weight


def print_member(console: Page, member: MemberDescription, only_own: bool = False) -> None:
    """Print the recipe, its stages, its difference from the listed member, the log's scores and the costs.

    only_own: of the keys, those in which it differs from what it is based on.
    """
    recipe = member.recipe
    given = {key: _given_by(member, key) for key in recipe.resolved}
    rows = [row for row in _same_in_all_stages(recipe) if not only_own or row[0] in member.own_keys]
    console.say(str(member.ref))
    if rows:
        console.table(_key_columns([(key, _value(key, value), given[giver]) for key, value, giver in rows]))
    if recipe.stages:
        lead = f"stages, from {given['stages']}; each starts from the keys and the last weights of the one before"
        console.table(_stage_columns(recipe), lead)
    epochs = legend([epoch_mark(member.epoch_chosen_on)])
    costs = (_costs(recipe, member.cost), _takes(member.estimate), _fits(member), _keeps(recipe, member.cost))
    for line in (_differs(member), *epochs, _logged(recipe), *costs):
        if line:
            console.say(line)


def print_predicted(console: Page, member: PredictedMember) -> None:
    """Print the predictions of a member whose recipe is not known here, and its scores on the leaderboard."""
    console.say(f"{member.ref}: imported, or trained elsewhere; no recipe of it is here")
    alike: dict[tuple[str, str, str], list[Provenance]] = {}
    for one in member.sets:
        alike.setdefault((one.recipe, one.split, one.tta), []).append(one)
    rows = list(alike.items())
    columns = [
        column_of(rows, "recipe", 0, lambda row: row[0][0], numbers=False),
        column_of(rows, "split", 0, lambda row: row[0][1], numbers=False),
        column_of(rows, "TTA", 2, lambda row: row[0][2], numbers=False),
        column_of(rows, "folds", 1, lambda row: ", ".join(one.run.words for one in row[1]), numbers=False),
        column_of(rows, "s / record", 3, lambda row: cell(_mean_seconds(row[1]), "{:.2f}")),
    ]
    console.table(columns)
    for row in member.scores:
        where = f"{row.recipe}, TTA {row.tta}, {counted(row.records, 'record')}"
        console.say(f"Dice {marked_dice(row)} {interval_text(row.interval, '.3f')}: {where}")
    for line in legend([marked_dice(row) for row in member.scores]):
        console.say(line)


def _mean_seconds(sets: Sequence[Provenance]) -> float | None:
    seconds = [one.seconds_per_record for one in sets if one.seconds_per_record is not None]
    return sum(seconds) / len(seconds) if seconds else None


def _key_columns(rows: Sequence[tuple[str, str, str]]) -> list[Column]:
    return [
        column_of(rows, "key", 0, lambda row: row[0], numbers=False),
        Column("value", tuple(row[1] for row in rows), 0, numbers=False, folds=True),
        column_of(rows, "from", 0, lambda row: row[2], numbers=False),
        column_of(rows, "meaning", 1, lambda row: meanings().get(row[0], EMPTY), numbers=False),
    ]


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


def _stage_columns(recipe: Recipe) -> list[Column]:
    """First stage with all keys that others change, later ones with those that they change themselves."""
    apart, first = recipe.changing_keys, recipe.staged[0].resolved
    tables = [{key: first[key] for key in apart}, *map(dict, recipe.stages[1:])]
    logged = dict(enumerate(recipe.log.stages))
    words = [
        ", ".join(f"{key} = {_value(key, value)}" for key, value in keys.items() if key in apart) for keys in tables
    ]
    return [
        Column("stage", tuple(str(number) for number in range(1, len(tables) + 1)), 0, numbers=False),
        Column("trains with", tuple(each or "same as before" for each in words), 0, numbers=False, folds=True),
        Column("logged Dice", tuple(cell(logged.get(number)) for number in range(len(tables))), 1, numbers=False),
    ]


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
    return (
        f"about {takes.gpu_gb:.0f} GB and {hours} of a GPU like an A100 for one fold of the competition's records, "
        "within a factor of two, if files are read as fast"
    )


def _fits(member: MemberDescription) -> str:
    """Memory of training against that of the device here."""
    card, gb = member.device
    takes = member.estimate.gpu_gb if card else member.estimate.cpu_gb
    what = f"{card} has {gb:.0f} GB" if card else f"no GPU here: about {takes:.0f} GB of this machine's {gb:.0f} GB"
    if takes <= gb:
        return what
    return f"{what}, too little: give a smaller batch and as many times more accumulate, or checkpointing=true"

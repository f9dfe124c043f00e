"""Names that a shell completes: members, ensembles, folds, logs. Loads neither numpy nor torch, and reads few files.

In: what was typed. Out: the names that begin so. An error of a configuration file gives no names.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from cli.options import Settings, settings_of
from core.errors import UserError
from core.files import read_text
from zoo.logs import LOGS
from zoo.runs.store import DEFAULT_ENSEMBLE

SHIPPED = Path(__file__).parents[1] / "zoo" / "members"


def complete_members(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Listed, trained and predicted members, line-ups; behind M@ its hashes; files behind a path."""
    if "/" in incomplete or incomplete.startswith("."):
        return [CompletionItem(incomplete, type="file")]
    settings = _settings(ctx)
    member, at, _ = incomplete.partition("@")
    if at:
        return _beginning(incomplete, (f"{member}@{recipe}" for recipe in settings.runs.recipes(member)))
    return _beginning(incomplete, _members(settings))


def complete_predicted(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Predicted members and line-ups; behind M@ its hashes."""
    runs = _settings(ctx).runs
    return _made(ctx, incomplete, runs.predicted_members(), runs.predicted_recipes)


def complete_trained(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Trained members and line-ups; behind M@ its hashes."""
    runs = _settings(ctx).runs
    return _made(ctx, incomplete, runs.trained_members(), runs.recipes)


def _made(
    ctx: click.Context, incomplete: str, members: Iterable[str], recipes: Callable[[str], Iterable[str]]
) -> list[CompletionItem]:
    member, at, _ = incomplete.partition("@")
    if at:
        return _beginning(incomplete, (f"{member}@{recipe}" for recipe in recipes(member)))
    return _beginning(incomplete, (*members, *_settings(ctx).lineups))


def complete_among(*names: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """Completion by fixed names."""
    return lambda ctx, param, incomplete: _beginning(incomplete, names)


def complete_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Keys of a recipe for --set; their source is read, as importing it takes longer than a TAB may."""
    keys = re.findall(r"^    (\w+): .* = key\(", (SHIPPED / "fields.py").read_text(), re.M)
    return _beginning(incomplete, (f"{key}=" for key in keys))


def complete_listed(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Predicted members behind the last comma of a list, but for those before it."""
    before, comma, last = incomplete.rpartition(",")
    names = [item.value for item in complete_predicted(ctx, param, last)]
    return [CompletionItem(f"{before}{comma}{name}") for name in names if name not in before.split(",")]


def complete_ensembles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ensembles that were fitted."""
    return _beginning(incomplete, _settings(ctx).runs.ensembles())


ENSEMBLE = click.option(
    "--ensemble",
    "name",
    default=DEFAULT_ENSEMBLE,
    show_default=True,
    shell_complete=complete_ensembles,
    help="Name of the fitted ensemble.",
)


def complete_either(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ensembles and predicted members."""
    return complete_ensembles(ctx, param, incomplete) + complete_predicted(ctx, param, incomplete)


def complete_removable(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ensembles, and members with runs or predictions; behind M@ its hashes."""
    store = _settings(ctx).runs
    member, at, _ = incomplete.partition("@")
    if at:
        recipes = {*store.recipes(member), *store.predicted_recipes(member)}
        return _beginning(incomplete, (f"{member}@{recipe}" for recipe in recipes))
    return _beginning(incomplete, (*store.ensembles(), *store.trained_members(), *store.predicted_members()))


def complete_folds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Folds of folds.csv, `all` and `full`."""
    with suppress(UserError, ValueError, csv.Error):
        lines = read_text(_settings(ctx).runs.folds).splitlines()
        folds = sorted({int(row["fold"]) for row in csv.DictReader(lines) if row.get("fold")})
        return _beginning(incomplete, ("all", "full", *map(str, folds)))
    return _beginning(incomplete, ("all", "full"))


def complete_logs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Logs that a training can write."""
    return _beginning(incomplete, LOGS.names())


def _members(settings: Settings) -> set[str]:
    folders = [SHIPPED, *([settings.members] if settings.members else [])]
    listed = {path.stem for folder in folders for path in folder.glob("*.toml")}
    return {*listed, *settings.runs.trained_members(), *settings.runs.predicted_members(), *settings.lineups}


def _settings(ctx: click.Context) -> Settings:
    with suppress(UserError):
        return settings_of(ctx.params.get("runs"), ctx.params.get("config"))
    return Settings()


def _beginning(incomplete: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(set(names)) if name.startswith(incomplete)]

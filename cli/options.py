"""Options of every command, and the settings made of them and of `contrails.toml`."""

from __future__ import annotations

import functools
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from cli.listener import Terminal
from core.command import Command
from core.errors import UnknownName, UsageError, UserError
from core.files import parse_toml, read_text, require_new_file
from core.jobs import job_count
from zoo.runs import Ref, Store
from zoo.views import ALIASES, parse_views

if TYPE_CHECKING:
    from zoo.data import Scenes
    from zoo.lineups import LineUps, Made

CONFIG_NAME = "contrails.toml"


class ViewsType(click.ParamType):
    """Option that takes a set of test-time views in any spelling and gives its canonical name."""

    name = "views"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Canonical name; UsageError with the nearest name if the set is not valid."""
        return parse_views(value).name

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Names of the usual sets."""
        return [CompletionItem(name) for name in ALIASES if name.startswith(incomplete)]


class Renamed(click.Option):
    """Option whose last spelling is an old one: accepted, and not shown by help."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Spellings but the old one, and the help text."""
        spelled, self.opts = self.opts, self.opts[:-1]
        try:
            return super().get_help_record(ctx)
        finally:
            self.opts = spelled


TTA = ViewsType()
VIEWS = (
    "Views merged in the predictions: none, flips, d4, steps such as hflip+scale(0.75,1.5)@gmean, or sets with commas "
    "between them."
)


def memory_limit(text: str) -> Callable[[Any], Any]:
    """Option --max-ram, GB, with this help."""
    return click.option("--max-ram", type=click.FloatRange(0, min_open=True), metavar="GB", help=text)


ON = click.option(
    "--on", metavar="tcp://HOST:PORT", help="Dask cluster whose workers do it; they share the folders of this machine."
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Common options and configuration file, checked once."""

    data: tuple[Path, ...] = ()
    runs: Store = field(default_factory=lambda: Store(Path("runs")))
    device: str = "auto"
    seed: int = 0
    jobs: int = 1
    asked_jobs: int | None = None  # None: all cores of the machine that computes
    json: bool = False
    verbosity: int = 0
    lineups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    config: Path | None = None  # the file that says so
    members: Path | None = None
    log: tuple[str, ...] = ()  # logs of trainings
    typed: str = ""  # the options by which the next command speaks of the same data and runs
    wide: bool = False  # tables with all columns, whatever the width of the terminal
    csv: Path | None = None  # file that the tables are written to

    @property
    def listener(self) -> Terminal:
        """Listener of this call: prints on stderr."""
        return Terminal(self.typed, self.verbosity)

    def how(self) -> dict[str, Any]:
        """Arguments of all workflows of the zoo: device, number of threads, folder of the user's own members."""
        return {"device": self.device, "jobs": self.jobs, "own_members": self.members, "listener": self.listener}

    def scenes(self) -> Scenes:
        """Open the sources; UsageError if none is named."""
        from zoo.data import open_scenes

        return open_scenes(self.require_data())

    def require_data(self) -> tuple[Path, ...]:
        """Paths of the sources; UsageError if none is named."""
        if not self.data:
            found = "names none" if self.config else "is not in this folder or above"
            what = f"no data directory, and {CONFIG_NAME} {found}; give --data DIR, or make scenes"
            raise UsageError(what, Command("data synth", "scenes"))
        return self.data

    def scenes_or_none(self, wanted: bool) -> Scenes | None:
        """Open the sources if wanted and named; None if those of the configuration file cannot be opened.

        UserError for a folder of --data that does not exist, wanted or not.
        """
        if "--data" in self.typed and not all(path.is_dir() for path in self.data):
            return self.scenes()
        if not self.data or not wanted:
            return None
        try:
            return self.scenes()
        except UserError as error:
            self.listener.note(error.what, error.do)
            return None

    def require_runs(self) -> None:
        """UsageError if the folder of --runs does not exist."""
        if "--runs" in self.typed and not self.runs.root.is_dir():
            raise UsageError(f"--runs {self.runs}: there is no such folder; name the one with your runs")

    def one_member(self, name: str) -> str:
        """Name of a member, or the only member of a line-up; UsageError with the members of one that has several."""
        if name not in self.lineups:
            return name
        members = self.line_up((name,))
        if len(members) > 1:
            raise UsageError(f"{name}: is a line-up of {len(members)} members; name one: {', '.join(members)}")
        return members[0]

    def refs(self, members: tuple[str, ...]) -> list[Ref]:
        """Predicted members named by the user, line-ups replaced by their members."""
        return [Ref.parse(name) for name in self.line_up(members, "predicted")]

    @property
    def line_ups(self) -> LineUps:
        """Line-ups of the configuration file, with the members that they may name."""
        from zoo.lineups import LineUps

        return LineUps(store=self.runs, lineups=self.lineups, source=self.config, own_members=self.members)

    def line_up(self, members: tuple[str, ...], made: Made = "") -> tuple[str, ...]:
        """Members named by the user, line-ups replaced as by `zoo.lineups.LineUps.members`; says the default one."""
        chosen = self.line_ups.members(members, made)
        if not members:
            self.listener.info(f"no member is named: the default line-up, {', '.join(chosen)}")
        return chosen


def parse_frames(text: str | None) -> tuple[int, ...]:
    """Frames of `--frames K,...`, each once; none without the option."""
    if text is None:
        return ()
    if not re.fullmatch(r"[1-8](, *[1-8])*", text):
        raise UsageError(f"--frames {text}: give numbers of frames 1 to 8, such as 4,6")
    return tuple(dict.fromkeys(map(int, text.split(","))))


def reads_runs(command: Callable[..., None]) -> Callable[..., None]:
    """Refuse a --runs folder that does not exist, for a command that makes none; goes below `common`."""

    @functools.wraps(command)
    def checked(*, settings: Settings, **given: Any) -> None:
        settings.require_runs()
        command(settings=settings, **given)

    return checked


def wide(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--wide` to a command that prints tables; goes above `common`."""
    return click.option("--wide", is_flag=True, help="All columns, whatever the width of the terminal.")(command)


def tables(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--wide` and `--csv` to a command that prints tables; goes above `common`."""
    words = "Write the table there too; further tables go to files beside it."
    option = click.option("--csv", "table_file", metavar="FILE", type=click.Path(path_type=Path), help=words)
    return wide(option(command))


def common(command: Callable[..., None]) -> Callable[..., None]:
    """Add the common options; the command gets `settings` as its first argument."""

    @click.option("--data", type=click.Path(path_type=Path), multiple=True, help="Data source; may be repeated.")
    @click.option("--runs", type=click.Path(path_type=Path), help="Folder of all artefacts. [runs]")
    @click.option("--config", type=click.Path(path_type=Path), help=f"[{CONFIG_NAME}, here or above]")
    @click.option("--device", help="auto, cpu, cuda[:N] or mps. [auto]")
    @click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Random seed. [0]")
    @click.option(
        "--jobs", "--threads", "jobs", type=click.IntRange(1), help="Number of processes or threads. [all cores]"
    )
    @click.option("--json", is_flag=True, help="Print one JSON document on stdout.")
    @click.option("-v", "--verbose", count=True, help="Verbose output.")
    @click.option("-q", "--quiet", is_flag=True, help="No progress bar and no notes.")
    @click.option("--debug", is_flag=True, help="Show the traceback of an error.")
    @functools.wraps(command)
    def wrapped(**given: Any) -> None:
        names = ("data", "runs", "config", "device", "seed", "jobs", "json", "verbose", "quiet")
        common_values = {name: given.pop(name) for name in names}
        meta = click.get_current_context().find_root().meta
        meta["debug"] = given.pop("debug")
        meta["typed"] = _typed(*(common_values[name] for name in ("data", "runs", "config")))
        shown = {"wide": given.pop("wide", False), "csv": given.pop("table_file", None)}
        if shown["csv"] == Path("-"):
            raise UsageError("--csv -: name a file; --json prints on stdout")
        if shown["csv"]:
            require_new_file(shown["csv"], force=True)
        command(settings=replace(_settings(**common_values, typed=meta["typed"]), **shown), **given)

    return wrapped


def settings_of(runs: Path | None, config: Path | None) -> Settings:
    """Settings of a runs folder and a configuration file alone, as completion needs them; UserError for a bad file."""
    nothing: dict[str, Any] = {"device": None, "seed": None, "jobs": None, "json": False, "verbose": 0, "quiet": False}
    return _settings(data=(), runs=runs, config=config, typed="", **nothing)


def _settings(
    *,
    data: tuple[Path, ...],
    runs: Path | None,
    config: Path | None,
    device: str | None,
    seed: int | None,
    jobs: int | None,
    json: bool,
    verbose: int,
    quiet: bool,
    typed: str,
) -> Settings:
    """Options win over the file, the file over the defaults; paths in the file stand relative to it."""
    where = config or _find_config(Path.cwd())
    filed = _read_config(where) if where else {}
    base = where.parent if where else Path()
    filed_data = filed.get("data", [])
    paths = [filed_data] if isinstance(filed_data, str) else filed_data
    return Settings(
        data=data or tuple(base / path for path in paths),
        runs=Store(runs or base / filed.get("runs", "runs")),
        device=_device(device or filed.get("device", "auto")),
        seed=seed if seed is not None else filed.get("seed", 0),
        jobs=job_count(jobs or filed.get("jobs")),
        asked_jobs=jobs or filed.get("jobs"),
        json=json,
        verbosity=-1 if quiet else verbose,
        lineups={name: tuple(members) for name, members in filed.get("lineups", {}).items()},
        config=where,
        members=base / filed["members"] if "members" in filed else None,
        log=tuple(filed.get("log", ())),
        typed=typed,
    )


def _typed(data: tuple[Path, ...], runs: Path | None, config: Path | None) -> str:
    given = [("--data", path) for path in data] + [("--runs", runs), ("--config", config)]
    return "".join(f" {option} {shlex.quote(str(path))}" for option, path in given if path is not None)


def _find_config(folder: Path) -> Path | None:
    found = (place / CONFIG_NAME for place in (folder, *folder.parents))
    return next((path for path in found if path.is_file()), None)


def _read_config(path: Path) -> dict[str, Any]:
    try:
        document = parse_toml(read_text(path), path)
    except UserError as error:
        raise UsageError(error.what if path.exists() else f"{path}: no such configuration file") from error
    for key, value in document.items():
        if key not in CONFIG_KEYS:
            raise UnknownName("key", key, CONFIG_KEYS, str(path))
        fits, words = CONFIG_KEYS[key]
        if not fits(value):
            raise UsageError(f"{path}: {key} = {value!r}; give {words}")
    return document


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


# key: (whether a value fits, what fits in words)
CONFIG_KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "data": (lambda value: isinstance(value, str) or _is_texts(value), "a directory or a list of them"),
    "runs": (lambda value: isinstance(value, str), "a directory"),
    "device": (lambda value: isinstance(value, str), "auto, cpu, cuda, cuda:N or mps"),
    "seed": (_is_count, "a whole number"),
    "jobs": (lambda value: _is_count(value) and value > 0, "a whole number from 1"),
    "lineups": (
        lambda value: isinstance(value, dict) and all(map(_is_texts, value.values())),
        "a table of lists of members",
    ),
    "members": (lambda value: isinstance(value, str), "a directory of member files"),
    "log": (_is_texts, "a list of logs of zoo train"),
}


def _device(name: str) -> str:
    kind = name.partition(":")[0]
    if kind not in ("auto", "cpu", "cuda", "mps"):
        raise UsageError(f'--device "{name}": give auto, cpu, cuda, cuda:N or mps')
    return name

"""What the sections of a report are made from: each thing is found at first use, and kept for the other sections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis import ErrorReport
from core.command import Command
from core.errors import UserError
from core.listener import Listener
from ensemble import Ensemble
from pipeline.errors import HeldOut, examine_all, held_out_of_ensemble, open_held_out
from pipeline.leaderboard import current_leaderboard
from pipeline.leaderboard_rows import Leaderboard
from submissions import Ledger, read_ledger
from webpage import Advice
from zoo.data import Scenes
from zoo.runs import Ref, Store
from zoo.runs.store import ensemble_option


class Noted:
    """Listener that passes everything on, equal notes once, and keeps those that advise a command."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.heard: dict[tuple[str, Command | None], None] = {}

    @property
    def kept(self) -> list[tuple[str, Command]]:
        """Notes and warnings that advise a command, in their order."""
        return [(text, do) for text, do in self.heard if do is not None]

    def info(self, text: str, do: Command | None = None) -> None:
        self.listener.info(text, do)

    def note(self, text: str, do: Command | None = None) -> None:
        if self._is_new(text, do):
            self.listener.note(text, do)

    def warn(self, text: str, do: Command | None = None) -> None:
        if self._is_new(text, do):
            self.listener.warn(text, do)

    def detail(self, text: str) -> None:
        self.listener.detail(text)

    @contextmanager
    def task(self, name: str, total: int | None = None) -> Iterator[None]:
        with self.listener.task(name, total):
            yield

    def advance(self, steps: int = 1, status: str | None = None) -> None:
        self.listener.advance(steps, status)

    def _is_new(self, text: str, do: Command | None) -> bool:
        known = (text, do) in self.heard
        self.heard[text, do] = None
        return not known


@dataclass(frozen=True)
class Asked:
    """Runs folder, scenes and ensemble of a report. spell: a command as the user should type it."""

    store: Store
    scenes: Scenes | None
    name: str
    own_members: Path | None
    jobs: int | None
    spell: Callable[[Command], str]
    listener: Noted

    @property
    def named(self) -> str | None:
        """Option that names the ensemble, if it is not the default one."""
        return ensemble_option(self.name)

    def advice(self, text: str, do: Command | None = None) -> Advice:
        """Advice with its command as the user should type it."""
        return Advice(text, None if do is None else self.spell(do))

    def require_scenes(self) -> Scenes:
        """Scenes; UserError if none are named."""
        if self.scenes is None:
            raise UserError("no data is named, which has the labels and pictures", Command("report", data="DIR"))
        return self.scenes

    @cached_property
    def board(self) -> Leaderboard:
        """Rows of all predicted members; UserError if there are none."""
        return current_leaderboard(
            self.store, self.scenes, own_members=self.own_members, jobs=self.jobs, listener=self.listener
        )

    @cached_property
    def ensemble(self) -> Ensemble:
        """Fitted ensemble; UserError if there is none."""
        if self.store.predicted_members() and not self.store.ensembles():
            raise UserError("no ensemble is fitted yet", Command("ensemble fit", ensemble=self.named))
        return Ensemble.load(self.store.ensemble(self.name))

    @cached_property
    def held_out(self) -> HeldOut:
        """Held-out maps of the ensemble, or of the first member of the leaderboard if none is fitted."""
        scenes = self.require_scenes()
        if self.store.ensemble(self.name).exists():
            return held_out_of_ensemble(self.store, scenes, self.name, self.listener)
        best = self.board.rows[0]
        ref = Ref(best.member, best.recipe)
        return open_held_out(self.store, scenes, str(ref), tta=best.tta, jobs=self.jobs, listener=self.listener)

    @cached_property
    def errors(self) -> ErrorReport:
        """Errors of the held-out masks."""
        return examine_all(self.held_out, self.jobs, self.listener)

    @cached_property
    def ledger(self) -> Ledger:
        """Submissions; empty if nothing was submitted."""
        return read_ledger(self.store.ledger, self.listener)

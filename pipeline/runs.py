"""Runs: one object for all tables of a runs folder, for notebooks.

In: a folder. Out: folds, members, leaderboard, ledger, ensembles and predictions, each read when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import UsageError
from core.listener import SILENT, Listener
from zoo.runs import Ref, Store
from zoo.runs.store import DEFAULT_ENSEMBLE

if TYPE_CHECKING:
    from analysis import ErrorReport
    from ensemble import Ensemble
    from pipeline.leaderboard_rows import Leaderboard
    from pipeline.members import MemberList
    from submissions import Ledger
    from zoo.data import Folds, Scenes
    from zoo.predictions import MemberMaps


@dataclass(frozen=True)
class Runs:
    """Runs folder as its user asks about it; `store` is what `zoo.train` and the other workflows take.

    own_members: folder of the user's own members.
    """

    store: Store
    own_members: Path | None = None

    def folds(self) -> Folds:
        """Read folds.csv; UserError if there is none."""
        from zoo.data import read_folds

        return read_folds(self.store.folds)

    def members(
        self, scenes: Scenes | None = None, *, containing: str = "", sort: str = "name", listener: Listener = SILENT
    ) -> MemberList:
        """List all members, with the scores of those that were trained.

        scenes: if given, missing and outdated scores are brought up to date. containing: words that the name, encoder,
        decoder, input, size or loss contains. sort: a column, "-dice" for falling; UnknownName for another.
        """
        from pipeline.members import list_members

        return list_members(
            self.store, scenes, containing=containing, sort=sort, own_members=self.own_members, listener=listener
        )

    def leaderboard(
        self,
        scenes: Scenes | None = None,
        members: Iterable[str] | None = None,
        *,
        tta: str | None = None,
        shared: bool = False,
        jobs: int | None = None,
        listener: Listener = SILENT,
    ) -> Leaderboard:
        """Score members by their out-of-fold predictions, and keep the scores; see `pipeline.leaderboard.leaderboard`.

        members: M or M@HASH; all that were predicted by default. UsageError without scenes, which have the labels.
        """
        from pipeline.leaderboard import leaderboard

        if scenes is None:
            raise UsageError("a leaderboard needs scenes with labels; give zoo.open_scenes(...)")
        members = [members] if isinstance(members, str) else members
        refs = None if members is None else [Ref.parse(member) for member in members]
        return leaderboard(
            self.store, scenes, refs, tta=tta, shared=shared, own_members=self.own_members, jobs=jobs, listener=listener
        )

    def predictions(self, member: str, split: str = "oof", tta: str | None = None) -> MemberMaps:
        """Find the maps of a member over its runs: M, or M@HASH.

        split: oof, test or the name of an imported split. tta: by default the views that cover most folds. UserError
        with the available predictions if there are none of these, UnknownName for one that does not exist.
        """
        from zoo.lineups import LineUps
        from zoo.predictions import find_members

        LineUps(store=self.store, own_members=self.own_members).members([member], "predicted")

        return find_members(self.store, split, [Ref.parse(member)], tta)[0]

    def errors(
        self,
        name: str,
        scenes: Scenes,
        *,
        tta: str | None = None,
        jobs: int | None = None,
        listener: Listener = SILENT,
    ) -> ErrorReport:
        """Analyse the errors of a member, M or M@HASH, or of an ensemble; see `pipeline.errors.find_errors`."""
        from pipeline.errors import find_errors

        return find_errors(self.store, scenes, name, tta=tta, jobs=jobs, listener=listener)

    def ensemble(self, name: str = DEFAULT_ENSEMBLE) -> Ensemble:
        """Read a fitted ensemble; UserError that names those there are if it is not one of them."""
        from ensemble import Ensemble

        return Ensemble.load(self.store.ensemble(name))

    def ledger(self, listener: Listener = SILENT) -> Ledger:
        """Read the ledger of submissions; an empty one if nothing was submitted."""
        from submissions import read_ledger

        return read_ledger(self.store.ledger, listener)


def open_runs(path: str | PathLike[str] = "runs", own_members: str | PathLike[str] | None = None) -> Runs:
    """Open a runs folder; one that does not exist yet is empty.

    own_members: folder of the user's own members.

    >>> runs = open_runs("no such folder")
    >>> runs.ledger().entries
    ()
    """
    return Runs(Store(path), None if own_members is None else Path(own_members))

"""Making of the report: its sections in order, each of which may be missing, written as one file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.command import Command
from core.errors import UsageError, UserError
from core.files import require_folder, require_replaceable
from core.listener import SILENT, Listener
from core.locks import write_output
from core.versions import SUITE
from core.words import counted
from ensemble import Ensemble
from pipeline.report import board, curves, fit, gallery, ledger, losses, steps
from pipeline.report.asked import Asked, Noted
from webpage import Missing, Page, Section, is_page, render
from webpage.blocks import Block
from zoo.data import Scenes, read_folds
from zoo.runs import Store
from zoo.runs.store import DEFAULT_ENSEMBLE

# anchor, title, what makes the blocks
SECTIONS: tuple[tuple[str, str, Callable[[Asked], Sequence[Block]]], ...] = (
    ("leaderboard", "Leaderboard", board.blocks),
    ("curves", "Learning curves", curves.blocks),
    ("ensemble", "Ensemble", fit.blocks),
    ("correlation", "Error correlation", fit.correlation),
    ("errors", "Errors", losses.blocks),
    ("records", "Records", gallery.blocks),
    ("ledger", "Submissions", ledger.blocks),
)


@dataclass(frozen=True)
class Written:
    """Written report: its file, size in bytes, sections, and those of them that are missing with the reason."""

    path: Path
    size: int
    sections: tuple[str, ...]
    missing: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        return {
            "file": str(self.path),
            "bytes": self.size,
            "sections": list(self.sections),
            "missing": self.missing,
        }


def write_report(
    store: Store,
    path: Path,
    scenes: Scenes | None = None,
    *,
    name: str = DEFAULT_ENSEMBLE,
    own_members: Path | None = None,
    jobs: int | None = None,
    spell: Callable[[Command], str] = str,
    listener: Listener = SILENT,
) -> Written:
    """Write what a runs folder holds as one HTML file that makes no request.

    scenes: without them, whatever needs labels or pictures is left out. name: of the ensemble. own_members: folder of
    the user's member files. spell: writes a command as the user should type it. A section that cannot be made says why
    and which command helps. Raises, before anything is read, UsageError for a path whose file is no report, UserError
    for a runs folder or a named ensemble that is not there.
    """
    require_folder(path)
    require_replaceable(path)
    if path.exists() and not is_page(path):
        raise UsageError(f"{path}: is no report, and is not replaced; choose another name")
    if not store.root.is_dir():
        raise UserError(f"{store}: there is no runs folder here; train a member", Command("zoo train", fold="all"))
    if name != DEFAULT_ENSEMBLE:
        Ensemble.load(store.ensemble(name))
    asked = Asked(store, scenes, name, own_members, jobs, spell, Noted(listener))
    sections = [_section(asked, *each) for each in SECTIONS]
    sections.insert(0, Section("next", "What to do next", steps.blocks(asked)))
    text = render(Page(f"Report on {store}", _facts(asked), sections))
    write_output(path, text)
    missing = {section.anchor: section.missing.text for section in sections if section.missing}
    return Written(path, len(text.encode()), tuple(section.anchor for section in sections), missing)


def _section(asked: Asked, anchor: str, title: str, make: Callable[[Asked], Sequence[Block]]) -> Section:
    try:
        return Section(anchor, title, make(asked))
    except UserError as error:
        command = None if error.do is None else asked.spell(error.do)
        return Section(anchor, title, missing=Missing(error.what, command))


def _facts(asked: Asked) -> dict[str, str]:
    facts = {"made": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), "release": version(SUITE)}
    if asked.store.folds.exists():
        folds = read_folds(asked.store.folds)
        facts["folds"] = f"{counted(len(folds.fold_of), 'record')} in {counted(folds.count, 'fold')}"
    if asked.scenes:
        facts["data"] = asked.scenes.where
    return facts

"""Table of members: composition, costs and the log's scores of each, to filter and sort.

In: recipes. Out: rows for JSON, a DataFrame. Stays outside: scores of trained members (pipeline.leaderboard), torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UnknownName, UserError
from core.listener import SILENT, Listener
from zoo.members.costs import cost_of, estimate
from zoo.members.files import load_member, member_names
from zoo.members.recipe import Recipe

if TYPE_CHECKING:
    from pandas import DataFrame

Row = dict[str, Any]
COLUMNS = (
    "name",
    "row",
    "encoder",
    "decoder",
    "input",
    "frames",
    "size",
    "loss",
    "epochs",
    "parameters",
    "gmacs",
    "gpu_gb",
    "gpu_hours",
    "logged_validation",
    "logged_leaderboard",
)  # keys of `member_row`


@dataclass(frozen=True)
class MemberTable:
    """Row of each member; its costs are None if the table of costs lacks its network."""

    rows: tuple[Row, ...] = field(repr=False)
    columns: tuple[str, ...] = COLUMNS

    @classmethod
    def of(cls, recipes: Iterable[Recipe]) -> MemberTable:
        """Table of these recipes, in their order."""
        return cls(tuple(map(member_row, recipes)))

    def with_others(self, names: Iterable[str]) -> MemberTable:
        """Add members of which nothing but the name is known, such as imported ones."""
        known = {row["name"] for row in self.rows}
        others = tuple(dict.fromkeys(self.columns) | {"name": name} for name in names if name not in known)
        return replace(self, rows=(*self.rows, *others))

    def to_frame(self) -> DataFrame:
        """DataFrame with one row per member; frames as text, "456"."""
        from pandas import DataFrame

        rows = [row | {"frames": row["frames"] and "".join(map(str, row["frames"]))} for row in self.rows]
        return DataFrame(rows, columns=list(self.columns)).astype({"row": "Int64", "parameters": "Int64"})

    def filtered(self, words: str) -> MemberTable:
        """Members whose name, encoder, decoder, input, size or loss contains each of the words: "resnest 512".

        A word such as t456 selects the members of exactly these frames.
        """
        return replace(self, rows=tuple(row for row in self.rows if _contains(row, words)))

    def sorted_by(self, key: str) -> MemberTable:
        """Sort by rising `key`, or falling "-key", rows without a value last; UnknownName for an unknown key."""
        falling, name = key.startswith("-"), key.removeprefix("-")
        if name not in self.columns:
            raise UnknownName("key", name, self.columns, "--sort")
        known = [row for row in self.rows if row[name] is not None]
        known.sort(key=lambda row: _natural(row[name]), reverse=falling)
        return replace(self, rows=(*known, *(row for row in self.rows if row[name] is None)))

    def joined(self, columns: Sequence[str], more: Mapping[str, Row]) -> MemberTable:
        """Add columns from `more`, by the member's name; None for a member that has none."""
        empty = dict.fromkeys(columns)
        rows = tuple(row | more.get(row["name"], empty) for row in self.rows)
        return MemberTable(rows, (*self.columns, *columns))


def readable_members(
    folder: Path | None = None, check: Callable[[Recipe], None] = lambda recipe: None, listener: Listener = SILENT
) -> list[Recipe]:
    """Load all members, shipped and in the user's folder; one at fault is left out with a note.

    check: raises UserError for a further fault of a recipe.
    """
    members = []
    for name in member_names(folder):
        try:
            recipe = load_member(name, folder)
            check(recipe)
            members.append(recipe)
        except UserError as error:
            listener.note(f"left out: {error.what}", error.do)
    return members


def member_row(recipe: Recipe) -> Row:
    """Row of a member: size and costs of the network that predicts, epochs of all stages."""
    cost, takes = cost_of(recipe), estimate(recipe)
    return {
        "name": recipe.name,
        "row": recipe.log.row,
        "encoder": recipe.encoder,
        "decoder": recipe.decoder,
        "input": recipe.input,
        "frames": list(recipe.frames),
        "size": recipe.final.size,
        "loss": recipe.loss,
        "epochs": recipe.total_epochs,
        "parameters": cost and cost.parameters,
        "gmacs": cost and cost.gmacs,
        "gpu_gb": takes and takes.gpu_gb,
        "gpu_hours": takes and takes.gpu_hours,
        "logged_validation": recipe.log.validation,
        "logged_leaderboard": recipe.log.leaderboard,
    }


def _contains(row: Row, words: str) -> bool:
    texts = [str(row[key] or "").lower() for key in ("name", "encoder", "decoder", "input", "size", "loss")]

    def has(word: str) -> bool:
        if re.fullmatch("t[1-8]+", word):
            return word == f"t{''.join(map(str, row['frames'] or ()))}"
        return any(word in text for text in texts)

    return all(map(has, words.lower().split()))


def _natural(value: Any) -> Any:
    """Sort key: lite2 before lite10, resnet34 before resnet101; a table by the number of its entries."""
    if isinstance(value, dict):
        return len(value)
    if not isinstance(value, str):
        return value
    return [(part.isdigit(), int(part) if part.isdigit() else part) for part in re.split(r"(\d+)", value)]

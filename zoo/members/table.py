"""Table of members: of what each is made, what it costs, what the log says of it.

In: recipes. Out: rows for JSON, a DataFrame. Stays outside: scores of trained runs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.members.costs import cost_of, estimate
from zoo.members.files import load_member, member_names
from zoo.members.recipe import Recipe

if TYPE_CHECKING:
    from pandas import DataFrame

Row = dict[str, Any]


@dataclass(frozen=True)
class MemberTable:
    """Row of each member; its costs are None where the table of costs lacks its network."""

    rows: tuple[Row, ...] = field(repr=False)

    @classmethod
    def of(cls, recipes: Iterable[Recipe]) -> MemberTable:
        """Table of these recipes, in their order."""
        return cls(tuple(map(member_row, recipes)))

    def to_frame(self) -> DataFrame:
        """DataFrame with a row a member, its name the index; frames as text, "456"."""
        from pandas import DataFrame

        if not self.rows:
            return DataFrame()
        rows = [row | {"frames": "".join(map(str, row["frames"]))} for row in self.rows]
        frame = DataFrame(rows).set_index("name")
        return frame.astype({"row": "Int64", "parameters": "Int64"})


def member_table(folder: Path | None = None) -> MemberTable:
    """Table of the shipped members, and of those in the user's own folder; UserError for a file at fault."""
    return MemberTable.of(load_member(name, folder) for name in member_names(folder))


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

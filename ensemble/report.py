"""Report of a fit: its JSON document as an object with a table.

In: the document of `ensemble fit --json`, which every ensemble keeps. Out: figures by name, text, a DataFrame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class FitReport:
    """Report of a fit. Every Dice is global; intervals are 95 %, over scene groups."""

    document: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """cross_fitted, or in_sample if there was only one fold."""
        return str(self.document["dice"]["interval_of"])

    @property
    def dice(self) -> float:
        """Dice of the ensemble: on records that the choice did not see if `kind` is cross_fitted."""
        return float(self.document["dice"][self.kind])

    @property
    def interval(self) -> tuple[float, float]:
        """Interval of `dice`."""
        low, high = self.document["dice"]["interval"]
        return low, high

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every member, sum 1."""
        return dict(self.document["weights"])

    @property
    def gains(self) -> dict[str, tuple[float, float, float]]:
        """Paired gain over equal weights ("uniform") and over the best single member ("best"): value, low, high."""
        return {name: (gain["value"], *gain["interval"]) for name, gain in self.document["gain"].items()}

    @property
    def warnings(self) -> list[str]:
        """Warnings about the fit, each with its figures."""
        return list(self.document["warnings"])

    def to_frame(self) -> pd.DataFrame:
        """Tabulate the ensemble, its baselines and every member: weight, threshold, Dice, interval, contribution.

        `contribution` is the paired loss of Dice if the member is left out. Needs pandas.
        """
        import pandas as pd

        document, dice = self.document, self.document["dice"]
        own = {"threshold": document["threshold"], **{key: dice[key] for key in ("in_sample", "cross_fitted")}}
        rows = [{"name": "ensemble", **own, **_bounds(dice["interval"])}]
        for title, key in (("equal weights", "uniform"), ("best single", "best_single")):
            rows.append({"name": title, self.kind: dice[key], **_bounds(dice[f"{key}_interval"])})
        for name, member in document["members"].items():
            figures = {key: member[key] for key in ("threshold", "in_sample", "cross_fitted")}
            worth = document["worth"].get(name, {})
            contribution = {"contribution": worth.get("gain"), "contribution_z": worth.get("z")}
            row = {"name": name, "weight": document["weights"][name], **figures, **_bounds(member["interval"])}
            rows.append(row | contribution)
        columns = ["weight", "threshold", "in_sample", "cross_fitted", "low", "high", "contribution", "contribution_z"]
        return pd.DataFrame(rows, columns=["name", *columns]).astype(dict.fromkeys(columns, float))

    def __repr__(self) -> str:
        document = self.document
        dice, groups = document["dice"], document["groups"]
        lines = [
            f"{self.kind.replace('_', '-')} Dice {self.dice:.4f}{span(dice['interval'], groups)}, "
            f"{document['records']} records in {document['groups']} groups, {len(document['folds']) or 1} folds"
        ]
        words = {"uniform": "equal weights", "best": "the best single member"}
        for name, (value, *around) in self.gains.items():
            lines.append(f"over {words[name]}: {value:+.4f}{span(around, groups, '+.4f')}, paired")
        return "\n".join(lines + [f"warning: {line}" for line in self.warnings])


def span(interval: Sequence[float], groups: int, form: str = ".4f") -> str:
    """Text of an interval over this many groups, after a space; empty for one group, whose resampling says nothing."""
    return f" [{interval[0]:{form}}, {interval[1]:{form}}]" if groups > 1 else ""


def _bounds(interval: list[float]) -> dict[str, float]:
    return {"low": interval[0], "high": interval[1]}

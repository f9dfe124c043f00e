"""Report of a fit: its JSON document as an object with a table.

In: the document of `ensemble fit --json`, which every ensemble keeps. Out: figures by name, text, a DataFrame.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.command import Command
from core.uncertainty import FEW_EFFECTIVE, groups_text, interval_text
from core.words import counted

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
    def dice_jackknifed(self) -> float | None:
        """`dice` without the bias of few scene groups; None for an ensemble of an earlier release."""
        value = self.document.get("dice_jackknifed")
        return None if value is None else float(value)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Interval of `dice`; None if fewer than two scene groups hold a pixel."""
        return _pair(self.document["dice"]["interval"])

    @property
    def weights(self) -> dict[str, float]:
        """Weight of every member, sum 1."""
        return dict(self.document["weights"])

    @property
    def gains(self) -> dict[str, tuple[float, float, float]]:
        """Paired gain over equal weights ("uniform") and the best single member ("best"): value, low, high.

        The bounds are NaN if fewer than two scene groups hold a pixel.
        """
        return {
            name: (gain["value"], *(_pair(gain["interval"]) or (math.nan, math.nan)))
            for name, gain in self.document["gain"].items()
        }

    @property
    def warnings(self) -> list[str]:
        """Warnings about the fit, each with its figures."""
        return list(self.document.get("warnings", ()))

    @property
    def advised_warnings(self) -> list[tuple[str, Command | None]]:
        """Warnings, each with the command that fits the better choice, if it names one."""
        words = {rival["text"]: rival["command"] for rival in self.document.get("rivals", ())}
        return [(line, _command(words.get(line))) for line in self.warnings]

    @property
    def better(self) -> Command | None:
        """Command that fits the best choice that is reliably better than the ensemble, if there is one."""
        found = self.document.get("rivals")
        return _command(found[0]["command"]) if found else None

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
        effective = document.get("effective_groups")
        shown = self.dice_jackknifed is not None and (effective or 0) >= FEW_EFFECTIVE
        jackknifed = f", jackknifed {self.dice_jackknifed:.4f}" if shown else ""
        groups = groups_text(document["groups"], effective)
        lines = [
            f"{self.kind.replace('_', '-')} Dice {self.dice:.4f} {interval_text(self.interval)}{jackknifed}, "
            f"{counted(document['records'], 'record')} in {groups}, {counted(len(document['folds']) or 1, 'fold')}"
        ]
        words = {"uniform": "equal weights", "best": "the best single member"}
        for name, gain in document["gain"].items():
            lines.append(f"over {words[name]}: {gain['value']:+.4f} {interval_text(gain['interval'], '+.4f')}, paired")
        return "\n".join(lines + [f"warning: {line}" for line in self.warnings])


def _command(words: Sequence[str] | None) -> Command | None:
    """Command from the words of `Command.words`, for a command of a group."""
    return Command(" ".join(words[1:3]), *words[3:]) if words else None


def _pair(interval: Sequence[float] | None) -> tuple[float, float] | None:
    return (interval[0], interval[1]) if interval else None


def _bounds(interval: Sequence[float] | None) -> dict[str, float]:
    return {"low": interval[0], "high": interval[1]} if interval else {}

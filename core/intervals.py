"""Intervals over scene groups in words: how they are written, and when they can be trusted. No numpy."""

from collections.abc import Sequence

FEW_EFFECTIVE = 20  # effective groups from which on intervals hold the truth as often as they say: docs/honesty.md


def few_groups(groups: int, effective: float) -> str | None:
    """Say that no interval over so few effective groups can be trusted; None if there are enough."""
    if groups == 1:
        return "only one scene group: there are no intervals"
    if effective >= FEW_EFFECTIVE:
        return None
    return f"only {effective:.1f} effective of {groups} scene groups: no interval can be trusted"


def groups_text(groups: int, effective: float | None) -> str:
    """Write the number of scene groups beside the effective one; None in documents of an earlier release."""
    return f"{groups} scene groups" + ("" if effective is None else f" ({effective:.1f} effective)")


def interval_text(interval: Sequence[float] | None, figure: str = ".4f") -> str:
    """Write an interval, each bound by the format `figure`.

    >>> interval_text((0.5, 0.625), ".3f")
    '[0.500, 0.625]'
    """
    return f"[{interval[0]:{figure}}, {interval[1]:{figure}}]" if interval else "(no interval)"

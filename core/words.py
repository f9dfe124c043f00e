"""Counts and times in words, for messages and tables."""


def counted(number: int, noun: str) -> str:
    """Count of a noun whose plural ends in -s.

    >>> counted(1, "record"), counted(2_000, "scene group")
    ('1 record', '2,000 scene groups')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def duration(hours: float) -> str:
    """Time in the unit that fits it: hours, minutes or seconds.

    >>> duration(30), duration(1.52), duration(0.4), duration(0.002), duration(0.0001)
    ('30 h', '1.5 h', '24 min', '7 s', '<1 s')
    """
    if hours >= 1:
        return f"{hours:.1f} h" if hours < 10 else f"{hours:.0f} h"
    if hours >= 1 / 60:
        return f"{60 * hours:.0f} min"
    return f"{3600 * hours:.0f} s" if hours >= 1 / 3600 else "<1 s"

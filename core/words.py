"""Counts in words, for messages and tables."""


def counted(number: int, noun: str) -> str:
    """Count of a noun whose plural ends in -s.

    >>> counted(1, "record"), counted(2_000, "scene group")
    ('1 record', '2,000 scene groups')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"

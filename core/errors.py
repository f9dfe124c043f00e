"""The one family of errors that a user may see: each is one line that says what, where, what to do.

`cli` maps the family to a line on stderr and an exit code; anything else that escapes is a bug. Foreign
exceptions (a torn file, a full disk) are translated where they enter, with `from`.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

FEW = 12  # names that can be read in one line


class UserError(Exception):
    """The data or an artefact is at fault."""

    exit_code = 1


class UsageError(UserError):
    """The call is at fault: an option, a name, a key."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that a registry or a schema does not hold, answered with its nearest neighbour.

    Where none is near, with all names, or the nearest of many and `listed_by`, the command that lists them.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "", listed_by: str = "") -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        if near:
            hint = f'did you mean "{near[0]}"?'
        elif len(names) <= FEW:
            hint = f"known: {', '.join(names)}"
        else:
            nearest = get_close_matches(name, names, n=3, cutoff=0.0)
            hint = f"nearest of {len(names)}: {', '.join(nearest)}" + (f"; all: {listed_by}" if listed_by else "")
        super().__init__(f'{where + ": " if where else ""}no {kind} "{name}"; {hint}')

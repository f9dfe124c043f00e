"""User errors: one family, each a single line that names the problem, the place and the remedy.

`cli` maps the family to a line on stderr and an exit code; anything else that escapes is a bug. Foreign
exceptions (a damaged file, a full disk) are translated where they enter, with `from`.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from core.command import Command

FEW = 12  # names that can be read in one line
# Words of a RuntimeError of torch's allocators, of cuDNN and MPS, and of a thread without memory for its stack.
NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "can't start new thread")


class UserError(Exception):
    """Error in the data or in an artefact.

    what: what is wrong and where (record, path, key); do: the command that fixes it, if there is one. `str(error)` has
    both; the command line adds the user's own --data and --runs to the command.
    """

    exit_code = 1

    def __init__(self, what: str, do: Command | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.do = do

    def __str__(self) -> str:
        return advised(self.what, self.do)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.what, self.do)  # from a worker process, whatever __init__ takes


def is_out_of_memory(error: BaseException) -> bool:
    """True if an error says that memory could not be had: it tells nothing of the file that was read."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # torch's
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in NO_MEMORY)


class UsageError(UserError):
    """Error in the call: an option, a name, a key."""

    exit_code = 2


class Damaged(UserError):
    """Artefact whose content does not parse or does not match its digest; an unreadable file is a plain UserError."""

    @property
    def fault(self) -> str:
        """What is wrong, without the advice after the semicolon: for a caller that makes the artefact again."""
        return self.what.partition(";")[0]


class Unreadable(UserError):
    """File that is there and cannot be read for now: the disk, or permissions; its content may be intact."""


class UnknownName(UsageError):
    """Unknown name of a registry or a schema, with its nearest neighbour.

    If none is near: all names, or the nearest of many with `listed_by`, the command that lists them.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], where: str = "", listed_by: Command | None = None
    ) -> None:
        names = sorted(known)
        near = get_close_matches(name, names, n=1, cutoff=0.5)
        if near:
            hint = f'did you mean "{near[0]}"?'
        elif len(names) <= FEW:
            hint = f"known: {', '.join(names)}"
        else:
            nearest = get_close_matches(name, names, n=3, cutoff=0.0)
            hint = f"nearest of {len(names)}: {', '.join(nearest)}"
        many = not near and len(names) > FEW
        super().__init__(f'{where + ": " if where else ""}no {kind} "{name}"; {hint}', listed_by if many else None)


def advised(what: str, do: Command | str | None) -> str:
    """Text of an error or a note with the command that it advises."""
    return f"{what}; run: {do}" if do else what


def _restored(kind: type[UserError], what: str, do: Command | None) -> UserError:
    error = kind.__new__(kind)
    UserError.__init__(error, what, do)
    return error

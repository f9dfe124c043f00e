"""Command: a command line as data, for errors, notes and the next step. The command line completes and prints it."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, init=False)
class Command:
    """A `cli` command that the user can type.

    >>> str(Command("zoo train", "lite0-fc-t5", fold=3, with_val=True, set=("lr=0.01", "epochs=3")))
    'cli zoo train lite0-fc-t5 --fold 3 --with-val --set lr=0.01 --set epochs=3'
    """

    name: str  # "zoo train"
    arguments: tuple[str, ...]
    options: tuple[tuple[str, str | None], ...]  # ("--fold", "3"); None: a flag

    def __init__(self, name: str, /, *arguments: object, **options: object) -> None:
        """`with_val=True` becomes --with-val; None and False are left out, a tuple or list repeats the option."""
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "arguments", tuple(map(str, arguments)))
        pairs = [pair for key, value in options.items() for pair in _option("--" + key.replace("_", "-"), value)]
        object.__setattr__(self, "options", tuple(pairs))

    def __str__(self) -> str:
        """Text to type, quoted for a shell."""
        return shlex.join(self.words)

    @property
    def words(self) -> list[str]:
        """Words of the command line, `cli` first."""
        given = [word for name, value in self.options for word in ((name,) if value is None else (name, value))]
        return ["cli", *self.name.split(), *self.arguments, *given]

    def has_option(self, name: str) -> bool:
        """True if the option, such as "--data", is given."""
        return any(name == each for each, _ in self.options)


def _option(name: str, value: object) -> list[tuple[str, str | None]]:
    if value is None or value is False:
        return []
    if value is True:
        return [(name, None)]
    values = value if isinstance(value, list | tuple) else (value,)
    return [(name, str(each)) for each in values]

"""Names of members and runs: `Ref`, a member or one recipe of it, and `RunName`, one of its runs.

In: text. Out: the same text, taken apart. Stays outside: files.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from core.errors import UserError

FULL = "full"  # fold of a run that holds no record out
_RUN = re.compile(r"fold-(?P<fold>0|[1-9][0-9]*|full)(?:-seed-(?P<seed>[1-9][0-9]*))?")


@dataclass(frozen=True)
class Ref:
    """Member, or one recipe of it by its hash or the beginning of its hash.

    >>> Ref.parse("lite0-fc-t5@3f2a")
    Ref(member='lite0-fc-t5', recipe='3f2a')
    >>> str(Ref("lite0-fc-t5"))
    'lite0-fc-t5'
    """

    member: str
    recipe: str | None = None  # None: any recipe of the member

    @classmethod
    def parse(cls, text: "str | Ref") -> "Ref":
        """Parse MEMBER or MEMBER@HASH; a Ref is taken as it is."""
        if isinstance(text, Ref):
            return text
        member, at, recipe = text.partition("@")
        return cls(member, recipe if at else None)

    def __str__(self) -> str:
        return self.member if self.recipe is None else f"{self.member}@{self.recipe}"

    def of(self, recipe: str) -> "Ref":
        """The same member's recipe with this hash."""
        return Ref(self.member, recipe)

    def resolve(self, known: Collection[str]) -> str | None:
        """Hash among `known` that is the asked one, or the only one that begins so.

        None if there is none or no recipe is asked for; UserError if several begin so.
        """
        if self.recipe is None:
            return None
        begun = sorted(recipe for recipe in known if recipe.startswith(self.recipe))
        if self.recipe in begun or not begun:
            return self.recipe if begun else None
        if len(begun) > 1:
            raise UserError(f"{self}: is the beginning of several recipes; there are: {self.listed(begun)}")
        return begun[0]

    def listed(self, recipes: Collection[str]) -> str:
        """Recipes of the member as text: "M@a, M@b"."""
        return ", ".join(str(self.of(recipe)) for recipe in sorted(recipes))


@dataclass(frozen=True)
class RunName:
    """Fold and seed of a run, and the folder name made of them: fold-<k>, or fold-<k>-seed-<s> for a seed above 0.

    >>> str(RunName("3", 7)), str(RunName("full"))
    ('fold-3-seed-7', 'fold-full')
    """

    fold: str  # "0", "1", ... or "full"
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> "RunName | None":
        """Parse a folder name; None for a name that no run has."""
        matched = _RUN.fullmatch(text)
        return None if matched is None else cls(matched["fold"], int(matched["seed"] or 0))

    def __str__(self) -> str:
        return f"fold-{self.fold}" + (f"-seed-{self.seed}" if self.seed else "")

    @property
    def words(self) -> str:
        """Name behind the word "fold": "3", "3 seed 7"."""
        return self.fold + (f" seed {self.seed}" if self.seed else "")

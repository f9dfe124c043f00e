"""Line-ups: named lists of members, and which names stand for a member at all.

In: names as a user gives them, line-ups of a configuration file, a Store. Out: names of members. Stays outside: reading
the configuration (cli.options), loading members (zoo.members).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from core.command import Command
from core.errors import UnknownName, UsageError
from zoo.members import is_path, member_names
from zoo.runs import Ref, Store
from zoo.runs.find import trained_recipes

Made = Literal["", "trained", "predicted"]
DEFAULT = ("lite0-fc-t5-ema", "lite1-fc-t5-ema", "lite2-fc-t5-ema")  # their weights come with the install


@dataclass(frozen=True, kw_only=True)
class LineUps:
    """Line-ups by name, and the members that they may name."""

    store: Store
    lineups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: Path | None = None  # configuration file that names them
    own_members: Path | None = None  # folder of the user's own members

    def members(self, names: Sequence[str], made: Made = "") -> tuple[str, ...]:
        """Replace the name of each line-up by its members; without names, the default line-up.

        made: what is done to the members next. UnknownName for a name that is neither listed nor made, with the nearest
        that is listed, trained or predicted; UsageError, with the file, for a line-up that names no member.
        """
        for name in names:
            if name not in self.lineups:
                self._require(name, made)
        chosen = names or (("default",) if "default" in self.lineups else DEFAULT)
        return tuple(member for name in chosen for member in (self._listed(name) if name in self.lineups else (name,)))

    def _require(self, name: str, made: Made) -> None:
        member = Ref.parse(name).member
        if not made and member not in member_names(self.own_members) and (kept := trained_recipes(self.store, member)):
            recipes = ", ".join(str(place.recipe_file) for place in kept.values())
            raise UsageError(
                f"{name}: was trained from a file of your own; name it, or the recipe as trained: {recipes}"
            )
        # Only a file that is there can be trained, and then be predicted.
        if member in self._made("trained", "predicted") or (is_path(name) and (not made or Path(name).is_file())):
            return
        listed = member_names(self.own_members)
        there = self._made(made) if made else listed
        if there and member not in listed:  # if nothing is made, the command says so
            kind = (f"{made} " if made else "") + ("member or line-up" if self.lineups else "member")
            where, listed_by = (str(self.store), None) if made else ("", Command("zoo list"))
            raise UnknownName(kind, name, {*there, *self.lineups}, where, listed_by)

    def _listed(self, lineup: str) -> tuple[str, ...]:
        known = {*member_names(self.own_members), *self._made("trained", "predicted")}
        where = f"{self.source}: lineups.{lineup}"
        if not self.lineups[lineup]:
            raise UsageError(f"{where} names no member; name members, or remove it")
        for name in self.lineups[lineup]:
            if not name.endswith(".toml") and Ref.parse(name).member not in known:
                raise UnknownName("member", name, known, where, Command("zoo list"))
        return self.lineups[lineup]

    def _made(self, *made: Made) -> set[str]:
        """Members that are trained, or predicted."""
        there = {"trained": self.store.trained_members, "predicted": self.store.predicted_members}
        return {member for each in made for member in there[each]()}

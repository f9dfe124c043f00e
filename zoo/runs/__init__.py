"""Runs folder: where a run lies, what a run is, which runs there are.

`store` and `names` own every path and name under a runs folder and know no recipe; `run` joins a place with its Recipe;
`find` reads back what was trained. In: a folder. Out: places, runs and their ends. Stays outside: torch, training,
the contents of prediction sets.
"""

from zoo.runs.names import Ref, RunName
from zoo.runs.store import Ended, RunPlace, SetPlace, Store

__all__ = ["Ended", "Ref", "RunName", "RunPlace", "SetPlace", "Store"]

"""Pipeline: the workflows that join the rooms, one module each, and `open_runs`, the tables of a runs folder.

In: a runs folder, scenes, an ensemble. Out: what the rooms give, and values that say what was done. Stays outside:
options, configuration files, printing. torch is loaded only when something is predicted; a module's own needs when
`open_runs` or the module is first used.
"""

from typing import TYPE_CHECKING

from core.lazy import lazy_exports

if TYPE_CHECKING:
    from pipeline.runs import Runs, open_runs

__all__ = ["Runs", "open_runs"]

__getattr__, __dir__ = lazy_exports(__name__, {"runs": ("Runs", "open_runs")})

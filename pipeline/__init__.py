"""Pipeline: the workflows that join the rooms, one module each, `submit`, and
`open_runs`, the tables of a runs folder.

In: a runs folder, scenes, an ensemble. Out: the values of the rooms, and reports of what was done. Stays outside:
options, configuration files, printing. torch is loaded only when something is predicted; a module's own needs when
the name or the module is first used.
"""

from typing import TYPE_CHECKING

from core.lazy import lazy_exports

if TYPE_CHECKING:
    from pipeline.runs import Runs, open_runs
    from pipeline.submission import submit

__all__ = ["Runs", "open_runs", "submit"]

__getattr__, __dir__ = lazy_exports(__name__, {"runs": ("Runs", "open_runs"), "submission": ("submit",)})

"""Analysis: what is wrong in predicted masks, and how much of it people agree on.

In: predicted and true masks of records, masks of single labelers, brightness temperatures. Out: a `RecordErrors` for
each record, an `ErrorReport` of all. Stays outside: zoo and ensemble, and with them the origin of the masks; files;
torch.
"""

from typing import TYPE_CHECKING

from core.lazy import lazy_exports

if TYPE_CHECKING:
    from analysis.record import RecordErrors, examine
    from analysis.report import ErrorReport

__all__ = ["ErrorReport", "RecordErrors", "examine"]

__getattr__, __dir__ = lazy_exports(__name__, {"record": ("RecordErrors", "examine"), "report": ("ErrorReport",)})

"""Training logs for programs that show curves and pictures, beside epochs.jsonl. One file each, named as its log.

In: a run or one of its stages, its epochs, pictures of held-out scenes. Out: files below `logs/NAME` of a runs folder.
Stays outside: which pictures, and when (zoo.training.logs). Importing this package loads no torch; each log's extra
has its name. A log never changes a result.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from core.extras import require_extra
from core.registry import Registry

if TYPE_CHECKING:
    from zoo.runs import Ref, Store
    from zoo.runs.epochs import Epoch
    from zoo.runs.run import Run

Picture = Any  # NDArray[np.uint8], (256, width, 3)


class Log(Protocol):
    """Log of one run or stage that is being trained."""

    def add(self, epoch: "Epoch", pictures: Mapping[str, Picture]) -> None:
        """Add the figures of an epoch, and pictures by the id of their record."""

    def close(self) -> None:
        """Write what is left to be written."""


@dataclass(frozen=True, kw_only=True)
class LogFacts:
    """Facts of a log; its entry is the function that opens it."""

    # Folder of the log, a member or one of its recipes -> the paths that hold its runs.
    paths: Callable[[Path, "Ref"], Iterable[Path]]


# Folder of the log, run, its epochs so far -> a log of exactly these epochs, whatever it held before.
LOGS: Registry[Callable[[Path, "Run", Sequence["Epoch"]], Log], LogFacts] = Registry("log", LogFacts, package=__name__)


def require_logs(names: Iterable[str]) -> None:
    """UnknownName for a log that does not exist, UserError for one whose extra is not installed."""
    for name in names:
        LOGS.require(name)
        require_extra(name)


def logged_paths(store: "Store", ref: "Ref") -> Iterator[Path]:
    """Paths in the logs of a store that hold the runs of a member, or of one of its recipes."""
    for name in LOGS.names():
        folder = store.logs / name
        if folder.is_dir():
            yield from LOGS.facts(name).paths(folder, ref)


def figures(epoch: "Epoch") -> dict[str, float]:
    """Figures of an epoch by name; without the Dice where it was not scored."""
    return {key: value for key, value in asdict(epoch).items() if value is not None and key not in ("epoch", "stage")}


def kept(history: Sequence["Epoch"], logged: Sequence[tuple[int, float]]) -> int:
    """Number of first epochs that a log holds as they are; logged: number and loss of each, float32 or better."""
    same = (
        epoch.epoch == number and isclose(epoch.loss, loss, rel_tol=1e-6)
        for epoch, (number, loss) in zip(history, logged)
    )
    return next((count for count, one in enumerate(same) if not one), min(len(history), len(logged)))

"""Logs of a stage while it trains: each epoch with its figures, each scored one with pictures of held-out scenes.

In: names of logs, a run, its network and held-out records. Out: what zoo.logs writes. The first process of a team logs
alone. Nothing random is drawn, so what is trained is the same with logs and without.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.listener import Listener
from zoo.data import LABELLED, SIZE, Record
from zoo.data.ash import ASH_BANDS, ash_image
from zoo.logs import LOGS, Log
from zoo.runs.epochs import Epoch
from zoo.training.dataset import RecordDataset
from zoo.training.scoring import predictions

if TYPE_CHECKING:
    from zoo.training.loop import StageLoop

PICTURES = 3  # held-out scenes with a contrail that are drawn


@contextmanager
def logged(names: Sequence[str], loop: "StageLoop", listener: Listener) -> Iterator[Callable[[Epoch], None]]:
    """Open logs of a stage and yield the function that adds an epoch; they begin with the epochs that it has."""
    logs = StageLogs(names, loop, listener)
    try:
        yield logs.add
    finally:
        logs.close()


class StageLogs:
    """Open logs of a stage; one that fails is left with a warning, for hours of training must not end by it."""

    def __init__(self, names: Sequence[str], loop: "StageLoop", listener: Listener) -> None:
        self.loop, self.listener = loop, listener
        self.logs: dict[str, Log] = {}
        for name in dict.fromkeys(names):
            self._try(name, partial(self._open, name))

    def add(self, epoch: Epoch) -> None:
        """Add an epoch, with pictures if it was scored."""
        pictures = self._pictures() if self.logs and epoch.dice is not None else {}
        for name, log in [*self.logs.items()]:
            self._try(name, partial(log.add, epoch, pictures))

    def close(self) -> None:
        """Close the logs that are still open."""
        for name, log in [*self.logs.items()]:
            self._try(name, log.close)

    def _open(self, name: str) -> None:
        run = self.loop.run
        self.logs[name] = LOGS.get(name)(run.store.logs / name, run, self.loop.history)

    def _try(self, name: str, do: Callable[[], None]) -> None:
        try:
            do()
        except Exception as error:  # of any kind: a full disk, a store that another release wrote
            self.logs.pop(name, None)
            reason = " ".join(str(error).split()) or type(error).__name__
            self.listener.warn(f"{self.loop.run.label}: log {name} ends here, training goes on ({reason})")

    @cached_property
    def _drawn(self) -> list[int]:
        """Numbers of the held-out records that are drawn: the first with a contrail."""
        held = self.loop.held_out
        found = (number for number, record in enumerate(held.records) if held.scenes.mask(record).any())
        return list(islice(found, PICTURES))

    def _pictures(self) -> dict[str, NDArray[np.uint8]]:
        step, held = self.loop.train_step, self.loop.held_out
        batch = self.loop.recipe.batch
        parts = predictions(step.eval_network, held, step.device, batch, step.precision, self._drawn)
        pairs = [pair for maps, truth in parts for pair in zip(maps, truth)]
        return {
            held.records[number].id: picture(held, held.records[number], values, truth)
            for number, (values, truth) in zip(self._drawn, pairs)
        }


def picture(
    held_out: RecordDataset, record: Record, values: NDArray[np.uint8], truth: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Ash colours if the record has their bands, mask, probability, side by side: uint8 (256, 768 or 512, 3).

    values: probability * 255; values, truth: (256 or more, 256), of which the first 256 rows are the frame's.
    """
    source = held_out.scenes.source(record)
    panels = []
    if set(ASH_BANDS) <= set(source.bands(record)):
        colours = ash_image(source.kelvin(record, ASH_BANDS, [LABELLED])[:, 0])
        panels.append((255 * np.moveaxis(colours, 0, -1)).round().astype(np.uint8))
    for grey in (255 * truth[:SIZE].astype(np.uint8), values[:SIZE]):
        panels.append(np.repeat(grey[..., None], 3, axis=-1))
    return np.concatenate(panels, axis=1)

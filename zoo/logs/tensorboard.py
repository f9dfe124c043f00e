"""tensorboard: event files, MEMBER/RECIPE/fold-K[-seed-S][/stage-N] in the folder of the log.

A run that resumes goes on in a new file of the same folder; readers drop what its first event says is no longer so.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from zoo.logs import LOGS, Picture, figures, kept
from zoo.runs import Ref
from zoo.runs.epochs import Epoch
from zoo.runs.run import Run


class _TensorBoard:
    def __init__(self, folder: Path, history: Sequence[Epoch]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        same = kept(history, _logged(folder))
        self._writer = SummaryWriter(str(folder), purge_step=same + 1)
        for epoch in history[same:]:
            self.add(epoch, {})
        self._writer.flush()

    def add(self, epoch: Epoch, pictures: Mapping[str, Picture]) -> None:
        for name, value in figures(epoch).items():
            self._writer.add_scalar(name, value, epoch.epoch)
        for name, picture in pictures.items():
            self._writer.add_image(f"scenes/{name}", picture, epoch.epoch, dataformats="HWC")
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()


def _logged(folder: Path) -> list[tuple[int, float]]:
    """Number and loss of each epoch in the event files of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    if not folder.is_dir():
        return []
    events = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 1}).Reload()
    scalars = events.Scalars("loss") if "loss" in events.Tags()["scalars"] else []
    return [(each.step, each.value) for each in scalars]


def _paths(folder: Path, ref: Ref) -> Iterator[Path]:
    path = folder / ref.member / (ref.recipe or "")
    if path.is_dir():
        yield path


@LOGS.register("tensorboard", paths=_paths)
def _open(folder: Path, run: Run, history: Sequence[Epoch]) -> _TensorBoard:
    return _TensorBoard(folder / run.folder.relative_to(run.store.root / "members"), history)

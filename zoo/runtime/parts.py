"""Images in parts as large as a device holds; a part that does not fit is halved."""

from collections.abc import Callable

import torch
from torch import Tensor

from core.errors import is_out_of_memory
from core.listener import SILENT, Listener

# On a CPU, larger parts leave its caches (benchmarks.prediction); on a card, more than so many gain nothing.
CPU_PIXELS = 4 * 256 * 256
MOST = 64
SHARE = 0.8  # of the free memory of a card


class Parts:
    """Number of images of a side that a network takes at once on a device, found once for each side.

    On a CPU it follows from the side, so that the same command gives the same bits everywhere; on a card, from the
    memory that the first image takes.
    """

    def __init__(self, device: torch.device, listener: Listener = SILENT, label: str = "") -> None:
        self.device, self.listener, self.label = device, listener, label
        self._sizes: dict[int, int] = {}

    def apply(self, compute: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Apply `compute` to images (n, ..., H, W), part by part.

        A part that the memory cannot hold is halved, for all that follow too, with one line to the listener. Raises
        the error of a single image that does not fit.
        """
        side, done, start = images.shape[-1], [], 0
        while start < len(images):
            size = self._sizes.get(side) or self._first_size(compute, images)
            part = images[start : start + size]
            # Alone on a CPU, a small image takes another kernel, and other last bits, than beside others.
            is_alone = len(part) == 1 < size and self.device.type == "cpu"
            try:
                done.append(compute(torch.cat([part, part]))[:1] if is_alone else compute(part))
            except (RuntimeError, MemoryError) as error:
                if len(part) == 1 or not is_out_of_memory(error):
                    raise
                size = len(part) // 2
                self.listener.note(
                    f"{self.label}: {len(part)} images of {side} pixels do not fit the memory of {self.device}; "
                    f"goes on with {size}"
                )
                _give_back(self.device)
            else:
                start += len(part)
            self._sizes[side] = size
        return done[0] if len(done) == 1 else torch.cat(done)

    def _first_size(self, compute: Callable[[Tensor], Tensor], images: Tensor) -> int:
        side = images.shape[-1]
        if self.device.type == "cpu":
            return max(1, CPU_PIXELS // side**2)
        if self.device.type != "cuda":
            return MOST
        before = torch.cuda.memory_allocated(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        compute(images[:1])
        taken = torch.cuda.max_memory_allocated(self.device) - before
        free, _ = torch.cuda.mem_get_info(self.device)
        return min(max(1, int(SHARE * free) // max(taken, 1)), MOST)


def _give_back(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()

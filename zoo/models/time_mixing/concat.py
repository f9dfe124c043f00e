"""Concatenation (the log): the features of all frames joined per level."""

from torch import Tensor

from zoo.models.time_mixing import TIME_MIXING, Frames, TimeMixing


@TIME_MIXING.register("concat")
class Concat(TimeMixing):
    """Channels of all frames, in the frames' order."""

    def __init__(self, frames: Frames) -> None:
        super().__init__(frames)
        self.channels = [width * len(frames.numbers) for width in frames.channels]

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        return [self.apart(x).flatten(1, 2) for x in features]

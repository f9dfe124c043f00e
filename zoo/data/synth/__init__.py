"""Synthetic scenes in the competition's layout: the embedded default where no real data lies.

In: a folder, numbers of scenes, a seed. Out: records, labels, metadata and a sample submission, calibrated
against figures measured on real scenes. Stays outside: torch, the command line, real data.
"""

from zoo.data.synth.calibration import Row, compare
from zoo.data.synth.write import make_scenes

__all__ = ["Row", "compare", "make_scenes"]

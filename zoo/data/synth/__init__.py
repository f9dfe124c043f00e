"""Synthetic scenes in the competition's layout: the default without real data.

In: a folder, numbers of scenes, a seed. Out: records, labels, metadata and a sample submission, calibrated
against figures measured on real scenes (benchmarks/synth_likeness.py). Stays outside: torch, the command line, real
data.
"""

from zoo.data.synth.write import make_scenes, require_unmixed

__all__ = ["make_scenes", "require_unmixed"]

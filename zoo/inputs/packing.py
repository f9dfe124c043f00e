"""What has to be packed so that inputs can be made of it."""

from collections.abc import Collection

from core.errors import UsageError
from zoo.data.ash import ASH_BANDS
from zoo.data.records import FRAMES, LABELLED
from zoo.data.shards import Content
from zoo.inputs.named import INPUTS


def content_for(names: Collection[str], frames: Collection[int]) -> Content:
    """Bands, frames and precision that packed records need for these inputs.

    Ash colours, in steps of 1/255, if all inputs can be made of them; otherwise kelvins, in steps of 0.01. The labelled
    frame is always kept, and of kelvins the ash bands, by which records are grouped. UsageError for a frame beyond 1
    to 8.
    """
    facts = [INPUTS.facts(name) for name in names]
    kept = tuple(sorted({*frames, LABELLED}))
    if not set(kept) <= set(range(1, FRAMES + 1)):
        raise UsageError(f"frames {', '.join(map(str, sorted(frames)))}: give numbers from 1 to {FRAMES}")
    if all(each.from_ash for each in facts):
        return Content(kind="ash", bands=ASH_BANDS, frames=kept)
    bands = {band for each in facts for band in each.bands} | set(ASH_BANDS)
    return Content(kind="kelvin", bands=tuple(sorted(bands)), frames=kept)

"""Offset of the labels of a source: pixels by which they lie further down and right than what they mark.

Both layouts come with labels of OpenContrails, which lie half a pixel off: shifts of -0.5 and -0.4 px align 139 scenes,
and the 1st place's code corrects the same. Labels made elsewhere may lie on the image's own grid; a source says so in
`source.toml` in its folder: `label_offset = 0.0`.

The offset is the same in both axes, and a multiple of 0.5: a mirrored label moves by twice the offset, in whole pixels.
"""

from pathlib import Path

from core.errors import UserError
from core.files import parse_toml, read_text

LABEL_OFFSET = 0.5  # pixels, of labels of OpenContrails
LARGEST = 8
FILE = "source.toml"
KEY = "label_offset"
ADVICE = f"give a multiple of 0.5 from -{LARGEST} to {LARGEST} pixels, since mirrored labels move by whole pixels"


def is_offset(value: float) -> bool:
    """True if labels at this offset can be mirrored without interpolation."""
    return abs(value) <= LARGEST and float(2 * value).is_integer()


def read_label_offset(root: Path) -> float:
    """Read the offset that `source.toml` in a source's folder states, pixels; without the file, `LABEL_OFFSET`.

    UserError for a file that is no TOML or cannot be read, an unknown key, or a value that does not fit.
    """
    path = root / FILE
    if not path.exists():
        return LABEL_OFFSET
    stated = parse_toml(read_text(path), path)
    for key in stated:
        if key != KEY:
            raise UserError(f'{path}: no key "{key}"; the file states {KEY} alone')
    value = stated.get(KEY, LABEL_OFFSET)
    if type(value) not in (int, float) or not is_offset(value):
        raise UserError(f"{path}: {KEY} = {value!r}; {ADVICE}")
    return float(value)

"""Rules of single keys of a recipe, each with the values that fit in words; rules of several are in `keys`."""

import re
from math import inf

from zoo.data import SIZE
from zoo.members.keys import Rule

CROPS = range(32, SIZE, 32)

SIZES = Rule(lambda size: size % 32 == 0 and 32 <= size <= 2048, "give a multiple of 32 between 32 and 2048")
DIGITS = Rule(
    lambda digits: not digits or re.fullmatch(r"[0-9a-f]{12}", digits) is not None,
    "give the first 12 digits of the file's SHA-256, or leave it out",
)
FRAMES = Rule(
    lambda frames: (
        all(isinstance(f, int) and 1 <= f <= 8 for f in frames) and 5 in frames and len(set(frames)) == len(frames)
    ),
    "give numbers of frames 1 to 8, each once, with the labelled one, 5",
)
WIDTHS = Rule(
    lambda widths: all(type(width) is int and 1 <= width <= 4096 for width in widths),
    "give numbers of channels, 1 to 4096, or [] for the decoder's own",
)
CROP = Rule(
    lambda crop: crop == 0 or crop in CROPS,
    f"give 0 for whole records, or pixels of the record's 256, whatever `size` is: {', '.join(map(str, CROPS))}",
)
WEIGHTS = Rule(
    lambda weights: all(type(w) in (int, float) and 0 < w < inf for w in weights),
    "give weights above 0, of the finest of the coarser levels first, or [] for none",
)
MILESTONES = Rule(
    lambda shares: all(isinstance(s, (int, float)) and 0 < s < 1 for s in shares) and list(shares) == sorted(shares),
    "give rising shares of all steps, each above 0 and below 1",
)
START = Rule(
    lambda start: not start or re.fullmatch(r"[^@/]+(@[0-9a-f]+)?", start) is not None,
    "give MEMBER or MEMBER@HASH, as printed by cli zoo train",
)
FACTOR = Rule(lambda factor: 0 < factor <= 1, "give a factor above 0, up to 1")
TEACHER = Rule(START.fits, "give MEMBER, ensemble+NAME, or one of them with @HASH")
LABELLED_FRAMES = Rule(
    lambda frames: all(type(f) is int and 1 <= f <= 8 for f in frames) and len(set(frames)) == len(frames),
    "give numbers of frames 1 to 8, each once",
)
RATE = Rule(lambda lr: 0 < lr < 100, "give a learning rate above 0 and below 100")

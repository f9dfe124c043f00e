"""Masks to try, and oracles that share nothing with the suite: the rules read literally, numpy's diff, pycocotools."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco

Mask = NDArray[np.bool_]


def encode_literally(mask: Mask) -> str:
    """'Numbered from top to bottom, then left to right: 1 is pixel (1,1), 2 is pixel (2,1), etc.'"""
    cell, start, length, number = [], 0, 0, 0
    for column in range(mask.shape[1]):
        for row in range(mask.shape[0]):
            number += 1
            if mask[row, column]:
                start = start if length else number
                length += 1
            elif length:
                cell.append(f"{start} {length}")
                length = 0
    if length:
        cell.append(f"{start} {length}")
    return " ".join(cell) if cell else "-"


def decode_literally(cell: str) -> Mask:
    """'1 3 10 5' implies pixels 1,2,3,10,11,12,13,14 are to be included in the mask."""
    mask = np.zeros((256, 256), bool)
    words = [] if cell == "-" else cell.split(" ")
    for i in range(0, len(words), 2):
        for number in range(int(words[i]), int(words[i]) + int(words[i + 1])):
            mask[(number - 1) % 256, (number - 1) // 256] = True
    return mask


def encode_by_diff(mask: Mask) -> str:
    """The usual notebook's encoder."""
    padded = np.concatenate([[0], mask.T.flatten().astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(padded)) + 1
    edges[1::2] -= edges[::2]
    return " ".join(map(str, edges)) or "-"


def decode_by_diff(cell: str) -> Mask:
    """The usual notebook's decoder."""
    flat = np.zeros(65536, bool)
    numbers = np.array(cell.split(), int) if cell != "-" else np.empty(0, int)
    for start, length in zip(numbers[::2] - 1, numbers[1::2]):
        flat[start : start + length] = True
    return flat.reshape(256, 256).T


def encode_by_coco(mask: Mask) -> bytes:
    """COCO's own form: column-major too, but counts of both kinds in turn, packed."""
    packed: bytes = coco.encode(np.asfortranarray(mask.view(np.uint8)))["counts"]
    return packed


def coco_of_cell(cell: str) -> bytes:
    """A cell in COCO's form: pixels off, on, off, ... instead of starts and lengths."""
    words = [] if cell == "-" else [int(word) for word in cell.split()]
    counts, at = [], 1
    for start, length in zip(words[::2], words[1::2]):
        counts += [start - at, length]
        at = start + length
    counts += [65537 - at] if at <= 65536 else []
    packed: bytes = coco.frPyObjects({"size": [256, 256], "counts": counts}, 256, 256)["counts"]
    return packed


def decode_by_coco(cell: str) -> Mask:
    return coco.decode({"size": [256, 256], "counts": coco_of_cell(cell)}).astype(bool)


def of_pixels(*places: tuple[int, int]) -> Mask:
    """A mask with these (row, column) set."""
    mask = np.zeros((256, 256), bool)
    for place in places:
        mask[place] = True
    return mask


def lines(rng: np.random.Generator, count: int = 4) -> Mask:
    """Streaks as contrails leave them."""
    mask = np.zeros((256, 256), bool)
    for _ in range(count):
        row, column, angle = *rng.integers(0, 256, 2), rng.uniform(0, np.pi)
        along = np.arange(rng.integers(20, 120))
        rows = (row + np.sin(angle) * along).astype(int)
        columns = (column + np.cos(angle) * along).astype(int)
        inside = (rows >= 0) & (rows < 255) & (columns >= 0) & (columns < 255)
        mask[rows[inside], columns[inside]] = mask[rows[inside] + 1, columns[inside]] = True
    return mask


def named_masks() -> dict[str, Mask]:
    """Corners of the format by name."""
    rng = np.random.default_rng(3)
    checkers = np.indices((256, 256)).sum(0) % 2 == 0
    column = np.zeros((256, 256), bool)
    column[:, 7] = True
    columns = np.zeros((256, 256), bool)
    columns[:, 7:10] = True
    return {
        "empty": of_pixels(),
        "full": ~of_pixels(),
        "first pixel": of_pixels((0, 0)),
        "last pixel": of_pixels((255, 255)),
        "all but the last": ~of_pixels((255, 255)),
        "one pixel": of_pixels((100, 3)),
        "down, not right": of_pixels((0, 0), (1, 0), (2, 0), (0, 5)),
        "over the foot of a column": of_pixels((254, 8), (255, 8), (0, 9), (1, 9)),
        "foot and head apart": of_pixels((255, 8), (1, 9)),
        "one row": column.T.copy(),
        "one column": column,
        "three columns": columns,
        "checkers": checkers,
        "checkers inverted": ~checkers,
        "noise": rng.random((256, 256)) < 0.5,
        "sparse noise": rng.random((256, 256)) < 0.003,
        "streaks": lines(rng),
    }


@st.composite
def masks(draw: st.DrawFn) -> Mask:
    """A few rectangles, single pixels and holes."""
    mask = np.zeros((256, 256), bool)
    edge = st.integers(0, 256)
    for value in draw(st.lists(st.booleans(), max_size=6)):
        rows, columns = sorted((draw(edge), draw(edge))), sorted((draw(edge), draw(edge)))
        mask[slice(*rows), slice(*columns)] = value
    for place in draw(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=20)):
        mask[place] ^= True
    return mask

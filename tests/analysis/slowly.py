"""The slow obvious ways to say what is wrong in a mask, pixel by pixel."""

import numpy as np
from numpy.typing import NDArray

from analysis.masks import KINDS


def pixels(mask):
    return {(int(row), int(column)) for row, column in np.argwhere(mask)}


def around(pixel, border=1):
    row, column = pixel
    reach = range(-border, border + 1)
    return {(row + down, column + right) for down in reach for right in reach}


def components(mask) -> list[set]:
    """8-connected components, by growing each from a pixel."""
    left, found = pixels(mask), []
    while left:
        grown, edge = set(), {left.pop()}
        while edge:
            grown |= edge
            edge = {near for pixel in edge for near in around(pixel)} & left
            left -= edge
        found.append(grown)
    return found


def wrong_by_kind(predicted, truth) -> dict[str, int]:
    """Pixels of each kind, by looking at every wrong pixel."""
    said, true = pixels(predicted), pixels(truth)
    counts = dict.fromkeys(KINDS, 0)
    for wrong, mask, other, side in ((said - true, predicted, true, "false"), (true - said, truth, said, "missed")):
        owner = {pixel: component for component in components(mask) for pixel in component}
        for pixel in wrong:
            if side == "false" and not true:
                kind = "false_scene"
            elif not owner[pixel] & other:
                kind = f"{side}_contrail"
            else:
                kind = f"{side}_border" if around(pixel) & other else f"{side}_part"
            counts[kind] += 1
    return counts


def matched(predicted, truth) -> int:
    pairs = ((one, other) for one in components(predicted) for other in components(truth))
    return sum(len(one & other) / len(one | other) > 0.5 for one, other in pairs)


def tolerant_dice(predicted, truth, border) -> float:
    said, true = pixels(predicted), pixels(truth)
    right = sum(bool(around(pixel, border) & true) for pixel in said)
    right += sum(bool(around(pixel, border) & said) for pixel in true)
    return right / (len(said) + len(true)) if said or true else 1.0


def labeler_dice(scenes: list[NDArray[np.bool_]]) -> float:
    """Dice of a labeler of each scene, all equally likely, against the majority of the others."""
    tp = total = 0.0
    for labelers in scenes:
        for number in range(len(labelers)):
            others = np.delete(labelers, number, axis=0)
            truth = others.mean(axis=0) > 0.5
            tp += (labelers[number] & truth).sum() / len(labelers)
            total += (labelers[number].sum() + truth.sum()) / len(labelers)
    return 2 * tp / total

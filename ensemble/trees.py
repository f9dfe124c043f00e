"""Boosted trees over members' uint8 values, in whole numbers: what boosting freezes to.

A tree splits on "value <= at" and ends in a whole number; their sum is compared with 255 ascending cuts and
becomes a uint8 value again. So the same bits at fit and at submit, on any machine, whatever grew the trees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALE = 1 << 12  # of log-odds
LEAF = -1


@dataclass(frozen=True)
class Trees:
    """Nodes of all trees in one row; `roots` are where each begins.

    member: whose value a node splits on, or LEAF; at: values up to this go left; value: of a leaf, log-odds * SCALE
    cuts: 255 ascending sums; how many of them are reached is the value that comes out
    """

    roots: tuple[int, ...]
    member: tuple[int, ...]
    at: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    value: tuple[int, ...]
    cuts: tuple[int, ...]
    members: tuple[int, ...]  # that the trees may look at

    def __post_init__(self) -> None:
        size = len(self.member)
        rows = {len(row) for row in (self.at, self.left, self.right, self.value)} == {size}
        inside = all(0 <= node < size for node in self.roots)
        # Children stand behind their parents, so no walk goes in circles.
        inner = [node for node in range(size) if self.member[node] != LEAF]
        falls = all(node < child < size for node in inner for child in (self.left[node], self.right[node]))
        seen = all(self.member[node] in self.members for node in inner)
        if not (rows and inside and falls and seen and len(self.cuts) == 255 and list(self.cuts) == sorted(self.cuts)):
            raise ValueError("trees that do not hang together")

    def values(self, maps: NDArray[np.uint8], eps: int) -> NDArray[np.uint8]:
        """What the trees make of values (members, p): (p,) uint8; 0 where no member in sight reaches `eps`."""
        from ensemble.kernels import sum_trees

        out = np.zeros(maps.shape[1], np.uint8)  # 255 cuts are at most 255
        rows = (self.roots, self.member, self.at, self.left, self.right, self.value, self.cuts, self.members)
        given: tuple[Any, ...] = (maps, *(np.array(row, np.int64) for row in rows), eps, out)
        sum_trees(*given)
        return out

    def as_dict(self) -> dict[str, list[int]]:
        """For JSON."""
        return {field.name: list(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def of(cls, document: dict[str, Any]) -> Trees:
        """From JSON; TypeError, KeyError or ValueError where it holds no trees."""
        rows = {field.name: tuple(document[field.name]) for field in fields(cls)}
        if not all(type(entry) is int for row in rows.values() for entry in row):
            raise TypeError("trees are made of whole numbers")
        return cls(**rows)


def even_cuts() -> tuple[int, ...]:
    """The sums from which a value of 1 to 255 is the nearest to the probability."""
    middle = (np.arange(255) + 0.5) / 255
    return tuple(int(cut) for cut in np.rint(np.log(middle / (1 - middle)) * SCALE))


def from_structures(structures: Sequence[dict[str, Any]], members: Sequence[int]) -> Trees:
    """Trees of LightGBM's `dump_model` (`tree_structure` of each); feature i is the member members[i].

    Values are whole, so a split at 25.5 is one at 25.
    """
    rows: list[list[int]] = []

    def plant(node: dict[str, Any]) -> int:
        here = len(rows)
        if "split_feature" not in node:
            rows.append([LEAF, 0, 0, 0, round(node["leaf_value"] * SCALE)])
            return here
        if node["decision_type"] != "<=":
            raise ValueError(f"a split of an unknown kind: {node['decision_type']}")
        rows.append([members[node["split_feature"]], int(np.floor(node["threshold"])), 0, 0, 0])
        rows[here][2] = plant(node["left_child"])
        rows[here][3] = plant(node["right_child"])
        return here

    roots = tuple(plant(structure) for structure in structures)
    member, at, left, right, value = (tuple(column) for column in zip(*rows))
    return Trees(roots, member, at, left, right, value, even_cuts(), tuple(members))

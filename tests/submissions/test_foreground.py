"""A share is implausible if neither the kind of scenes nor the chance of few of them explains it."""

import numpy as np
import pytest

from submissions.foreground import Foreground, implausible

KNOWN = Foreground.of([0, 0, 650, 0, 0, 1300, 0, 0])  # 0.37 % of the pixels


def found(records: int, share: float, filled: float = 0.25) -> Foreground:
    return Foreground(records, round(share * records * 65536), round(filled * records))


def test_a_share_counts_pixels_and_records_with_any() -> None:
    assert KNOWN.as_dict() == {"records": 8, "share": 1950 / 8 / 65536, "not_empty": 2}
    assert KNOWN.spread == pytest.approx(np.std([0, 0, 650, 0, 0, 1300, 0, 0]) / 65536)


@pytest.mark.parametrize(
    ("records", "share", "word"),
    [(2000, 0.0130, "more"), (2000, 0.0100, None), (2000, 0.0013, None), (2000, 0.0009, "less"), (2000, 0, "less"),
     (2, 0, None), (2, 0.05, None), (2, 0.3, "more")],
)  # fmt: skip
def test_a_third_or_the_threefold_is_far_unless_the_records_are_few(
    records: int, share: float, word: str | None
) -> None:
    lines = implausible(found(records, share), KNOWN, "the labels")
    assert len(lines) == (word is not None)
    assert word is None or f"pixels are predicted, far {word} than the 0.372% of the labels" in lines[0]


@pytest.mark.parametrize(
    ("records", "filled", "word"),
    [(2000, 0.9, "more"), (2000, 0.7, None), (2000, 0.1, None), (2000, 0.05, "less"), (2, 0, None), (2, 1, None)],
)
def test_masks_with_any_contrail_are_held_against_the_same(records: int, filled: float, word: str | None) -> None:
    lines = implausible(found(records, KNOWN.share, filled), KNOWN, "the labels")
    assert len(lines) == (word is not None)
    assert word is None or f"of the masks hold contrails, far {word} than the 25.0% of the labels" in lines[0]

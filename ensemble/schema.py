"""Types of ensemble.json: the frozen ensemble, and the document of its fit as `ensemble fit --json` prints it.

In and out: plain values. Keys that some release lacked or has dropped are not required. Stays outside: files, what the
figures mean (ensemble.documents).
"""

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict

from core.errors import UserError

# Figures of a fit that every table of it shows; some releases lacked others.
SHOWN = {"dice", "weights", "threshold", "min_pixels", "records", "groups", "method", "members", "folds", "gain"}
SHOWN |= {"worth", "error_correlation", "decisions"}
Interval = tuple[float, float] | None
Counts = tuple[int, int, int]  # true positives, predicted, truth


class Cut(TypedDict):
    """Min-pixels."""

    mode: str
    k: int
    peak: NotRequired[None]


class DiceDocument(TypedDict):
    """Dice of the ensemble and of its baselines."""

    in_sample: float
    cross_fitted: float | None
    interval: Interval
    interval_of: Literal["in_sample", "cross_fitted"]
    in_sample_interval: NotRequired[Interval]
    optimism: NotRequired[float | None]
    best_single: float
    best_single_interval: Interval
    uniform: float
    uniform_interval: Interval


class MemberDocument(TypedDict):
    """Member alone."""

    in_sample: float
    cross_fitted: float | None
    interval: Interval
    effective_groups: NotRequired[float]
    threshold: float
    seconds_per_record: float | None


class FoldDocument(TypedDict):
    """Choice made without one fold, and its Dice on that fold."""

    fold: int
    records: int
    method: NotRequired[str]
    left_out: NotRequired[list[str]]
    dice: float
    table: NotRequired[str]
    level: NotRequired[int]
    threshold: float
    min_pixels: Cut
    weights: dict[str, float]


class GainDocument(TypedDict):
    """Paired gain over a baseline."""

    value: float
    interval: Interval
    effective_groups: NotRequired[float]
    z: float


class Gains(TypedDict):
    """Gains over equal weights and over the best single member."""

    uniform: GainDocument
    best: GainDocument


class WorthDocument(TypedDict):
    """Paired loss without a member."""

    gain: float
    error: float
    z: float
    interval: Interval
    effective_groups: NotRequired[float]


class DecisionDocument(TypedDict):
    """Comparison that the fit decided by."""

    question: str
    candidate: str
    baseline: str
    dice: NotRequired[float]
    gain: float
    error: float
    z: float
    taken: bool
    answer: str


class RivalDocument(TypedDict):
    """Choice that is reliably better."""

    name: str
    than: str
    text: str
    command: list[str]
    gain: float
    interval: Interval


class BudgetDocument(TypedDict):
    """Hours that were allowed, and those that are needed."""

    hours: float
    records: int
    needed_hours: float


class FitDocument(TypedDict, total=False):
    """Document of a fit; releases differ in what they keep."""

    dice: DiceDocument
    dice_jackknifed: float | None
    weights: dict[str, float]
    threshold: float
    min_pixels: Cut
    records: int
    groups: int
    effective_groups: float
    counts: dict[str, int]
    method: str
    asked: dict[str, Any]
    share: Any
    left_out: list[str]
    budget: BudgetDocument | None
    table: str
    active_from: float
    members: dict[str, MemberDocument]
    folds: list[FoldDocument]
    gain: Gains
    worth: dict[str, WorthDocument]
    error_correlation: list[list[float]]
    decisions: list[DecisionDocument]
    selection_cost: float | None
    missing: list[str]
    rivals: list[RivalDocument]
    warnings: NotRequired[list[str]]


class UseDocument(TypedDict):
    """Member of the ensemble: `weight` of 2**16."""

    name: str
    recipe: str
    tta: str
    weight: int
    digest: str
    seconds_per_record: NotRequired[float | None]


class TableDocument(TypedDict):
    """Table that maps pass through; no entries if it is linear."""

    name: str
    entries: list[int] | None


class ThresholdDocument(TypedDict):
    """Level at which the blend is cut, of the highest one, and the same as a probability."""

    level: int
    of: int
    probability: float


class PerRecord(TypedDict, total=False):
    """Group and counts of each record of the fit."""

    groups: list[str]
    in_sample: list[Counts]
    cross_fitted: list[Counts] | None


class EnsembleDocument(TypedDict):
    """Content of ensemble.json."""

    name: str
    method: str
    members: list[UseDocument]
    table: TableDocument
    threshold: ThresholdDocument
    min_pixels: Cut
    active_from: NotRequired[int]
    folds_sha256: str
    fitted: FitDocument
    record_ids: list[str]
    per_record: NotRequired[PerRecord]
    edited: NotRequired[bool]
    rate: NotRequired[None]
    trees: NotRequired[None]


def check_names(document: Mapping[str, Any]) -> None:
    """Raise UserError if the parts of an ensemble's document do not speak of the same members, records and folds."""
    fitted, per_record = document["fitted"], document.get("per_record", {})
    count = len(document["record_ids"])
    wrong = [key for key, rows in per_record.items() if rows is not None and len(rows) != count]
    if wrong:
        raise UserError(f"per_record.{wrong[0]} is not of the {count} records; fit it again")
    names = fitted.get("members", {}).keys()
    matrix, dice, worth = fitted.get("error_correlation"), fitted.get("dice"), fitted.get("worth", {})
    parts = {
        "weights": "weights" not in fitted or fitted["weights"].keys() == names,
        "folds": all(fold["weights"].keys() >= names for fold in fitted.get("folds", ())),
        "worth": worth.keys() <= names and (len(names) > 1 or not worth),
        "error_correlation": not matrix or {len(names)} == {len(matrix), *map(len, matrix)},
        "dice": not dice or dice[dice["interval_of"]] is not None,
    }
    for part, holds in parts.items():
        if not holds:
            raise UserError(f"fitted.{part} does not fit its members; fit it again")

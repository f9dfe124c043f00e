"""A score is global Dice of the bytes that would be sent."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from core.dice import Counts, count
from core.errors import UserError
from core.uncertainty import dice_interval
from submissions import compare, score, write_submission
from tests.submissions.cases import Mask, lines, of_pixels

TRUTH: dict[str, Mask] = {str(number): lines(np.random.default_rng(number)) for number in range(8)}
TRUTH["empty"] = of_pixels()


def shifted(by: int) -> dict[str, Mask]:
    return {record_id: np.roll(mask, by, axis=0) for record_id, mask in TRUTH.items()}


def written(path: Path, masks: dict[str, Mask]) -> Path:
    write_submission(path, masks)
    return path


def test_the_score_is_counted_pixel_by_pixel_over_all_records(tmp_path: Path) -> None:
    masks = shifted(1)
    found = score(written(tmp_path / "s.csv", masks), TRUTH.__getitem__)
    tp = sum(int((masks[each] & TRUTH[each]).sum()) for each in TRUTH)
    both = sum(int(masks[each].sum() + TRUTH[each].sum()) for each in TRUTH)
    assert found.dice.value == found.counts.dice == 2 * tp / both
    assert found.records == 9


def test_the_interval_is_that_of_the_counts_over_scene_groups(tmp_path: Path) -> None:
    masks = shifted(1)
    groups = dict.fromkeys(["0", "1", "2"], "one night")
    found = score(written(tmp_path / "s.csv", masks), TRUTH.__getitem__, groups)
    ids = sorted(TRUTH)
    counts = count(np.stack([masks[each] for each in ids]), np.stack([TRUTH[each] for each in ids]))
    assert_array_equal(found.per_record, counts)
    assert found.dice == dice_interval(counts, [groups.get(each, each) for each in ids])


def test_the_truth_scores_one_and_nothing_scores_nought(tmp_path: Path) -> None:
    assert score(written(tmp_path / "t.csv", TRUTH), TRUTH.__getitem__).dice.value == 1
    nothing = dict.fromkeys(TRUTH, of_pixels())
    assert score(written(tmp_path / "n.csv", nothing), TRUTH.__getitem__).dice.value == 0


def test_a_false_positive_on_an_empty_record_costs(tmp_path: Path) -> None:
    masks = TRUTH | {"empty": of_pixels((3, 3))}
    assert score(written(tmp_path / "s.csv", masks), TRUTH.__getitem__).dice.value < 1


@pytest.mark.parametrize(
    ("mask", "dice", "words"), [(of_pixels(), 1, "an empty file"), (~of_pixels(), 0, "all 65,536")]
)
def test_labels_without_contrails_are_said_to_tell_nothing(tmp_path: Path, mask: Mask, dice: int, words: str) -> None:
    found = score(written(tmp_path / "s.csv", {"empty": mask}), TRUTH.__getitem__)
    (warning,) = found.warnings
    assert found.dice.value == dice
    assert "hold no contrail pixel (1 record)" in warning and words in warning
    assert repr(found) == "Score(no Dice, records=1)"


def test_few_scenes_with_contrails_are_warned_of(tmp_path: Path) -> None:
    few = {each: TRUTH[each] for each in ("0", "1", "empty")}
    assert "only 2 of 3 records" in score(written(tmp_path / "f.csv", few), TRUTH.__getitem__).warnings[0]
    (warning,) = score(written(tmp_path / "s.csv", TRUTH), TRUTH.__getitem__).warnings
    assert "effective of 9 scene groups (by share of the pixels): no interval can be trusted" in warning
    many = {f"{each}-{copy}": mask for each, mask in TRUTH.items() for copy in range(9)}
    assert score(written(tmp_path / "m.csv", many), many.__getitem__).warnings == ()


def test_the_worst_records_come_first_and_perfect_ones_do_not_come(tmp_path: Path) -> None:
    masks = TRUTH | {"3": of_pixels(), "5": ~of_pixels()}
    found = score(written(tmp_path / "s.csv", masks), TRUTH.__getitem__)
    assert [record_id for record_id, _ in found.worst(10)] == ["5", "3"]
    assert found.worst(1)[0][1] == Counts.of(found.per_record[[found.ids.index("5")]])


def test_a_difference_is_paired_on_the_shared_records(tmp_path: Path) -> None:
    near = score(written(tmp_path / "a.csv", shifted(1)), TRUTH.__getitem__)
    fewer = {record_id: mask for record_id, mask in shifted(2).items() if record_id not in ("0", "empty")}
    far = score(written(tmp_path / "b.csv", fewer), TRUTH.__getitem__)
    difference = compare(near, far)
    assert difference.records == 7
    assert difference.second == far.counts
    assert difference.dice.value == difference.first.dice - far.counts.dice > 0
    assert difference.dice.low > 0
    back = compare(far, near)
    assert back.dice.value == -difference.dice.value


def test_a_file_does_not_differ_from_itself(tmp_path: Path) -> None:
    found = score(written(tmp_path / "a.csv", shifted(1)), TRUTH.__getitem__)
    assert compare(found, found).dice.high == 0


def test_files_without_a_common_record_are_not_compared(tmp_path: Path) -> None:
    scores = [score(written(tmp_path / f"{each}.csv", {each: TRUTH[each]}), TRUTH.__getitem__) for each in ("0", "1")]
    with pytest.raises(UserError, match="share no record"):
        compare(*scores)


def test_a_record_without_a_label_stops_the_score(tmp_path: Path) -> None:
    def truth(record_id: str) -> Mask:
        raise UserError(f"record {record_id}: no label")

    with pytest.raises(UserError, match="record 0: no label"):
        score(written(tmp_path / "s.csv", TRUTH), truth)


@pytest.mark.parametrize("spoil", [lambda text: text[:-3], lambda text: text.replace("0,", "0,0 ")])
def test_a_malformed_file_is_not_scored(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    path = written(tmp_path / "s.csv", {"0": TRUTH["0"]})
    path.write_text(spoil(path.read_text()))
    with pytest.raises(UserError, match="line 2"):
        score(path, TRUTH.__getitem__)

"""Names of splits, and the frame that a manifest says its set labels."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from tests.zoo.predictions.cases import ids, maps_of, provenance, write_set
from zoo.predictions import MemberMaps, PredictionSet
from zoo.predictions.splits import OOF, how_to_predict, is_held_out, label_split, labels_of
from zoo.predictions.verify import verify_sets
from zoo.runs import Store


@given(st.integers(1, 8), st.booleans())
def test_a_split_of_labels_says_frame_and_records(frame, unlabelled):
    split = label_split("ensemble+default", frame, unlabelled)
    assert labels_of(split) == (frame, unlabelled)
    assert is_held_out(split) != unlabelled
    assert (label_split("lite0", frame, unlabelled) == split) == (unlabelled or frame != 5)


def test_predictions_are_of_no_other_frame():
    assert label_split("lite0", 5) == OOF
    assert (labels_of(OOF), labels_of("test"), labels_of("pseudo-t9")) == (None, None, None)
    assert is_held_out(OOF) and not is_held_out("test")


def test_the_command_that_makes_labels_is_said():
    assert str(how_to_predict("pseudo-t4", "m@ab", tta="d4")) == "cli zoo pseudo m@ab --frames 4 --tta d4"
    assert str(how_to_predict("pseudo-t5-unlabelled", "m")) == "cli zoo pseudo m --frames 5 --unlabelled"
    assert str(how_to_predict("pseudo-t4", "ensemble+mine@ab")) == "cli zoo pseudo --ensemble mine --frames 4"


def test_the_manifest_says_frame_and_scale_and_older_ones_keep_their_digest(tmp_path):
    labelled = write_set(tmp_path, ids(2), split="pseudo-t4", frame=4)
    document = json.loads((labelled.folder / "manifest.json").read_text())
    assert (document["provenance"]["frame"], document["scale"], document["dtype"]) == (4, 255, "uint8")
    assert PredictionSet.open(labelled.folder).provenance.frame == 4
    assert "frame" not in provenance().as_dict()


@pytest.mark.parametrize(("split", "frame"), [("pseudo-t4", 6), ("pseudo-t4", None), ("oof", 4), ("test", 5)])
def test_a_frame_that_its_split_does_not_name_is_refused(split, frame):
    with pytest.raises(UserError, match=f"frame of {split} cannot be {frame}"):
        provenance(split=split, frame=frame)


def test_labels_of_labelled_records_are_disjoint_and_of_others_averaged(tmp_path):
    split = {"split": "pseudo-t4", "frame": 4}
    sets = [write_set(tmp_path, ids(2, first=2 * fold), fold=str(fold), **split) for fold in range(2)]
    assert (MemberMaps("m", tuple(sets)).maps(ids(4)) == maps_of(ids(4))).all()
    split = {"split": "pseudo-t4-unlabelled", "frame": 4}
    sets = [write_set(tmp_path, ids(2), salt=fold, fold=str(fold), **split) for fold in range(2)]
    mean = (maps_of(ids(2), 0).astype(int) + maps_of(ids(2), 1) + 1) // 2
    assert (MemberMaps("m", tuple(sets)).maps(ids(2)) == mean).all()
    assert [fault for fault in verify_sets(Store(tmp_path)).faults if "folds.csv" not in fault] == []

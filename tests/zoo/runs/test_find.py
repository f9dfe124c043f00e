"""In which keys the recipe of a run differs from the one that is listed."""

import pytest

from zoo.members import load_member, with_settings
from zoo.runs.find import changed_keys

LISTED = load_member("lite0-fc-t5")


@pytest.mark.parametrize(
    ("listed", "run", "changed"),
    [
        ({}, {"epochs": 3}, {"epochs": 3}),
        ({}, {"compile": True, "channels_last": False}, {}),
        ({"weights": "a.pt"}, {"weights": "a.pt", "weights_sha256": "0" * 12}, {}),
        ({"weights": "a.pt", "weights_sha256": "1" * 12}, {"weights": "a.pt"}, {"weights_sha256": ""}),
        ({"start_from": "lite1-fc-t5"}, {"start_from": "lite1-fc-t5@0123456789ab"}, {}),
        ({}, {"start_from": "lite1-fc-t5@0123456789ab"}, {"start_from": "lite1-fc-t5@0123456789ab"}),
    ],
)
def test_what_is_trained_otherwise_is_changed(listed, run, changed):
    assert changed_keys(with_settings(LISTED, run), with_settings(LISTED, listed)) == changed

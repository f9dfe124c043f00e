"""Time and place, down to the inverse of the projection."""

import json
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from tests.scenes import WKT, write_metadata
from zoo.data.groups import distance, join_pairs, near_in_place_and_time
from zoo.data.metadata import TransverseMercator, parse_projection, read_metadata

UTM = TransverseMercator(6378137, 1 / 298.257223563, 0, -81, 0.9996, 500_000, 0)


def test_a_known_point_is_found():
    # The CN Tower, Toronto: UTM zone 17, 630084 E 4833438 N.
    north, east = UTM.inverse(630_084, 4_833_438)
    assert north == pytest.approx(43.642562, abs=2e-5)
    assert east == pytest.approx(-79.387143, abs=2e-5)


@given(st.floats(-60, 60), st.floats(-5, 5))
def test_the_inverse_undoes_the_projection(north, east):
    found = UTM.inverse(*project(UTM, north, UTM.meridian + east))
    assert found == pytest.approx((north, UTM.meridian + east), abs=2e-5)


def project(projection: TransverseMercator, north: float, east: float) -> tuple[float, float]:
    """Forward projection, written out from Snyder 1987, equations 8-9 to 8-15: metres east and north."""
    e2 = projection.flattening * (2 - projection.flattening)
    phi, turn = math.radians(north), math.radians(east - projection.meridian)
    N = projection.axis / math.sqrt(1 - e2 * math.sin(phi) ** 2)
    T, C, A = math.tan(phi) ** 2, e2 / (1 - e2) * math.cos(phi) ** 2, turn * math.cos(phi)
    # The meridian arc by summing small steps, not by the series under test.
    steps = np.linspace(0, phi, 20_001)
    middle = (steps[1:] + steps[:-1]) / 2
    arc = float(np.sum(projection.axis * (1 - e2) / (1 - e2 * np.sin(middle) ** 2) ** 1.5 * np.diff(steps)))
    ep2 = e2 / (1 - e2)
    x = A + (1 - T + C) * A**3 / 6 + (5 - 18 * T + T**2 + 72 * C - 58 * ep2) * A**5 / 120
    y = A**2 / 2 + (5 - T + 9 * C + 4 * C**2) * A**4 / 24
    y += (61 - 58 * T + T**2 + 600 * C - 330 * ep2) * A**6 / 720
    return 500_000 + 0.9996 * N * x, 0.9996 * (arc + N * math.tan(phi) * y)


def test_other_projections_are_not_guessed_at():
    assert parse_projection(WKT.format(meridian=-75)) is not None
    assert parse_projection(WKT.replace("Transverse_Mercator", "Lambert_Conformal_Conic_2SP")) is None
    assert parse_projection(WKT.replace('UNIT["metre",1]', 'UNIT["foot",0.3048]')) is None
    assert parse_projection("") is None


def test_the_centre_is_in_the_middle_of_the_scene(tmp_path):
    path = write_metadata(tmp_path, "train", {"7": (2.0, 0.0, 0.0), "8": (0.0, 300.0, 400.0)})
    found, _ = read_metadata(path)
    assert found["7"].centre == pytest.approx((0, -75), abs=1e-9)
    assert found["7"].time - found["8"].time == 7200
    (a, b), (c, d) = found["7"].centre, found["8"].centre
    assert float(distance(a, b, c, d)) == pytest.approx(500, rel=0.01)


def test_the_real_metadata_agree_with_what_is_known_of_them(real_scenes):
    found, _ = read_metadata(real_scenes / "validation_metadata.json")
    ids, known = list(found), list(found.values())
    assert len(found) == 1856
    assert len(list(near_in_place_and_time(known))) == 48
    north, east = np.array([data.centre for data in known]).T
    near = distance(north[:, None], east[:, None], north, east) < 20
    places = Counter(join_pairs(ids, zip(*np.nonzero(near))))
    assert (len(places), max(places.values())) == (253, 26)


def test_a_file_that_is_no_list_of_objects_is_refused(tmp_path):
    path = tmp_path / "train_metadata.json"
    path.write_text('{"record_id": "1"}')
    with pytest.raises(UserError, match=r"train_metadata\.json: is not a list of objects"):
        read_metadata(path)


ENTRIES = {
    "lacks 'timestamp'": {"timestamp": None},
    "could not convert string to float": {"timestamp": "noon"},
    "timestamp nan is not in seconds": {"timestamp": float("nan")},
    "timestamp 1583980800000 is not in seconds since 1970": {"timestamp": 1583980800000},
    "timestamp 26399680 is not in seconds": {"timestamp": 26399680},  # minutes
    "row_min is nan": {"row_min": float("nan")},
    "col_min is inf": {"col_min": float("inf")},
    "col_size is 0": {"col_size": 0},
    "lacks 'projection_wkt'": {"projection_wkt": None},
    "the scene's centre is not on the earth": {"row_min": 3e8},
    "the id went through a float": {"record_id": 7.0},
}


@pytest.mark.parametrize(("words", "change"), ENTRIES.items(), ids=ENTRIES.keys())
def test_an_entry_that_cannot_be_used_is_a_fault_and_the_others_stand(words, change, tmp_path):
    path = write_metadata(tmp_path, "train", {"7": (0, 0, 0), "8": (0, 0, 0)})
    first, second = json.loads(path.read_text())
    changed = {key: value for key, value in (first | change).items() if value is not None}
    path.write_text(json.dumps([changed, second]))
    found, (fault,) = read_metadata(path)
    assert list(found) == ["8"]
    assert fault.record == str(changed["record_id"])
    assert "entry 0 cannot be used: " + words in str(fault)


def test_two_entries_of_a_record_that_differ_are_a_fault(tmp_path):
    path = write_metadata(tmp_path, "train", {"7": (0, 0, 0), "8": (3, 0, 0)})
    first, second = json.loads(path.read_text())
    path.write_text(json.dumps([first, second, second | {"record_id": "7"}, second]))
    found, (fault,) = read_metadata(path)
    assert (list(found), fault.record) == (["8"], "7")
    assert "another entry of this record differs" in fault.what


def test_an_id_that_was_written_as_a_number_is_a_string(tmp_path):
    path = write_metadata(tmp_path, "train", {"1000216489776414077": (0, 0, 0)})
    path.write_text(path.read_text().replace('"1000216489776414077"', "1000216489776414077"))
    assert list(read_metadata(path)[0]) == ["1000216489776414077"]

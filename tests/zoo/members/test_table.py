"""The table of members, for JSON and for pandas."""

import json

from zoo.members import load_member, member_names, with_settings
from zoo.members.table import MemberTable, member_row


def test_the_table_has_a_row_for_every_member():
    table = MemberTable.of(map(load_member, member_names()))
    assert [row["name"] for row in table.rows] == member_names()
    assert json.loads(json.dumps(table.rows)) == list(table.rows)


def test_its_frame_keeps_whole_numbers_whole_and_what_is_unknown_empty():
    known = load_member("resnet34-fc-t456")
    unknown = with_settings(load_member("lite0-fc-t5"), {"size": 1024})
    plain = MemberTable.of([known, unknown]).to_frame()
    frame = plain.set_index("name")
    assert list(frame.index) == ["resnet34-fc-t456", "lite0-fc-t5"]
    assert frame.loc["resnet34-fc-t456", ["row", "frames", "size"]].tolist() == [11, "456", 256]
    assert frame["parameters"].isna().tolist() == [False, True]
    assert frame["row"].isna().tolist() == [False, True]
    assert str(frame["parameters"].dtype) == "Int64"
    assert list(MemberTable.of([]).to_frame().columns) == list(plain.columns) == list(member_row(known))

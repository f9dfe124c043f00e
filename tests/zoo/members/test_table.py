"""The table of members, for JSON and for pandas."""

import json

import pytest

from core.errors import UserError
from zoo.members import load_member, member_names, with_settings
from zoo.members.table import MemberTable, member_table


def test_the_table_has_a_row_for_every_member():
    table = member_table()
    assert [row["name"] for row in table.rows] == member_names()
    assert json.loads(json.dumps(table.rows)) == list(table.rows)


def test_its_frame_keeps_whole_numbers_whole_and_what_is_unknown_empty():
    known = load_member("resnet34-fc-t456")
    unknown = with_settings(load_member("lite0-fc-t5"), {"size": 1024})
    frame = MemberTable.of([known, unknown]).to_frame()
    assert list(frame.index) == ["resnet34-fc-t456", "lite0-fc-t5"]
    assert frame.loc["resnet34-fc-t456", ["row", "frames", "size"]].tolist() == [11, "456", 256]
    assert frame["parameters"].isna().tolist() == [False, True]
    assert frame["row"].isna().tolist() == [False, True]
    assert str(frame["parameters"].dtype) == "Int64"
    assert MemberTable.of([]).to_frame().empty


def test_a_bad_file_in_the_users_folder_is_named(tmp_path):
    (tmp_path / "mine.toml").write_text("size = 3\n")
    with pytest.raises(UserError, match=r"mine\.toml"):
        member_table(tmp_path)

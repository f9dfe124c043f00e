"""Text of others is shown and not obeyed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from cli.app import run
from cli.console import InertConsole
from cli.inert import LONGEST, inert, one_line
from submissions.ledger import Sent, append


@given(st.text(st.characters(), max_size=60))
def test_no_text_is_active(text):
    shown = inert(text)
    assert all(character.isprintable() or character in "\n\t\u3000\xa0" or character.isspace() for character in shown)
    shown.encode()  # no half of a surrogate pair
    assert inert(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"), [("\x1b]0;x\x07", r"\x1b]0;x\x07"), ("a\u202eb", r"a\u202eb"), ("é µ", "é µ")]
)
def test_escapes_are_visible(text, shown):
    assert inert(text) == shown


def test_a_message_is_one_line_of_bounded_length():
    assert one_line("a\nb\x00") == r"a b\x00"
    assert len(one_line("x" * 10_000)) < LONGEST + 10


def test_markup_in_a_table_is_text():
    out = io.StringIO()
    console = InertConsole(file=out, width=60)
    table = Table("name", title="[bold]t[/x]")
    table.add_row("[/x] :smile: \x1b[31m")
    console.print(table)
    console.print("[red]line[/red]")
    assert all(words in out.getvalue() for words in ("[/x] :smile: \\x1b[31m", "[red]line[/red]", "[bold]t[/x]"))


def test_a_note_of_the_ledger_cannot_end_its_table(tmp_path, capsys):
    append(tmp_path / "submissions.jsonl", Sent(name="\x1b[2J", note="[/x]", local=0.5))
    assert run(["submissions", "log", "--runs", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "[/x]" in printed and r"\x1b[2J" in printed and "\x1b" not in printed

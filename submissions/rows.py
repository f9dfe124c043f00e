"""Check of a line as a row: an id, a comma, a run-length encoding.

In: a line. Out: an explanation of one that is no row. Stays outside: what these two hold.
"""

from submissions.lines import Line
from submissions.rle import PIXELS
from submissions.rle_errors import Trouble, explain_sign


def explain_line(line: Line) -> Trouble | None:
    """Explain a line that is no row; None if it is one."""
    if line.too_long:
        what = f"{line.length:,} bytes, more than {PIXELS:,} runs can take"
        return Trouble(what, "a row names each pixel at most once: write it again")
    if not line.data.strip():
        return Trouble("the line is blank", "delete it")
    if b"\0" in line.data:
        count = line.data.count(0)
        return Trouble(f"{count:,} NUL byte{'s' * (count > 1)}", "the disk lost them: write the file again")
    if b"\r" in line.data:
        return Trouble("a carriage return inside the line", "end lines in LF")
    try:
        return _explain_text(line.data.decode(), torn=not line.end)
    except UnicodeDecodeError as error:
        byte = line.data[error.start]
        return Trouble(f"byte 0x{byte:02X} is not UTF-8", "save the file as UTF-8")


def _explain_text(text: str, torn: bool) -> Trouble | None:
    if '"' in text:
        return Trouble("quotes", "write without quotes (pandas: to_csv(quoting=csv.QUOTE_NONE))")
    commas = text.count(",")
    if commas == 0 and torn:
        return Trouble(f"the file ends within the row {text[:40]!r}", "it is incomplete: write it again")
    if commas == 0:
        other = next((sign for sign in ";\t|" if sign in text), None)
        found = f", {explain_sign(other)} instead" if other else f" in {text[:40]!r}"
        return Trouble(f"no comma{found}", "write the id, a comma, the runs")
    if commas > 1:
        what = f"{commas + 1} columns: {text[:40]!r}"
        return Trouble(what, "write the id, a comma, the runs with spaces between the numbers")
    return None

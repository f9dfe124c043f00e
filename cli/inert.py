"""Text of others, shown and not obeyed: names, notes and messages may come from files that somebody else wrote.

In: any text. Out: the same text with control characters, terminal escapes, direction marks and broken characters as
visible escapes. `cli.console` prints no other text, and reads no markup in it.
"""

import unicodedata

LONGEST = 4000  # characters of a message


def inert(text: str) -> str:
    r"""Text whose active characters are escaped; line breaks and tabs stay.

    >>> inert("\x1b[31mred"), inert("a\u202eb")
    ('\\x1b[31mred', 'a\\u202eb')
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def one_line(text: str) -> str:
    """Inert text as one line, cut in the middle if it is very long."""
    line = " ".join(inert(text).split())
    half = LONGEST // 2
    return line if len(line) <= LONGEST else f"{line[:half]} ... {line[-half:]}"


def _shown(character: str) -> str:
    if character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs":
        return character
    return ascii(character)[1:-1]

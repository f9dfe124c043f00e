"""Fill the reference pages of the site: mkdocs calls this module for every page (`hooks` in mkdocs.yml).

`commands.md` gets the help of every command as `--help` prints it, `functions.md` the public names of every package,
whose docstrings mkdocstrings inserts. `keys.md` holds every key of a recipe with the docstring of its field, so that it
can be read without the site: `python docs/site.py` writes it anew, and a test says when that is due.
"""

import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import MISSING
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

from cli.app import command_names, run
from zoo.members.keys import WORDS, Key
from zoo.members.meanings import meanings
from zoo.members.recipe import KEYS
from zoo.members.toml import toml_text

PACKAGES = ("ensemble", "submissions", "analysis", "webpage", "pipeline", "zoo")
PAGE = Path(__file__).with_name("keys.md")
BEGIN, END = "<!-- keys: python docs/site.py -->\n", "\n<!-- end of keys -->"
PARTS = {
    "network": "Network",
    "reading": "What is read",
    "weights": "First weights",
    "loss": "Loss",
    "optimizer": "Optimizer",
    "training": "Training",
    "speed": "Speed",
}
# Where the values of a key are listed; a key with a section of its own name is linked to it.
VALUES = {
    "encoder": "#encoders-and-pretrained-weights",
    "weights": "#encoders-and-pretrained-weights",
    "decoder": "#decoders",
    "deep_supervision": "#decoders",
    "input": "#inputs",
    "time": "#several-frames",
    "target": "#targets",
    "border_smoothing": "#targets",
    "loss": "#losses",
    "augment": "#augmentation",
    "precision": "training.md#precision-and-speed",
    "average_best": "training.md#epoch",
    "patience": "training.md#epoch",
    "start_from": "members.md#start-from-another-member",
    "adapt": "members.md#adaptation",
    "soup": "members.md#soup",
    "stages": "members.md#stages",
    "pseudo": "pseudo-labels.md",
}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Text of a page as mkdocs renders it; `page.file.src_uri` is its path below docs/."""
    match page.file.src_uri:
        case "commands.md":
            return markdown + commands()
        case "functions.md":
            return markdown + functions()
    return markdown


def commands() -> str:
    """Section for each command: its help."""
    return "".join(f"\n## cli {name}\n\n```text\n{help_of(name)}```\n" for name in command_names())


def functions() -> str:
    """Section for each package: the names that it exports."""
    found = []
    for package in PACKAGES:
        module = import_module(package)
        found.append(f"\n## {package}\n")
        for name in sorted(module.__all__, key=str.lower):
            home = getattr(getattr(module, name), "__module__", package)
            found.append(f"\n::: {home}.{name}\n")
    return "".join(found)


def keys_page(page: str) -> str:
    """Page of keys with its tables made anew."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return before + BEGIN + keys(re.findall(r"^### `(\w+)`$", after, re.M)) + END + after


def keys(explained: Sequence[str]) -> str:
    """Table of the keys of each part; explained: keys with a section of their own on the page."""
    texts, found = meanings(), []
    links = VALUES | {name: f"#{name}" for name in explained}
    for part, title in PARTS.items():
        found.append(f"\n## {title}\n\n| key | meaning | default | values |\n| --- | --- | --- | --- |\n")
        for name, key in KEYS.items():
            if key.part == part:
                shown = f"[`{name}`]({links[name]})" if name in links else f"`{name}`"
                values = (
                    f"[listed below]({links[name]})"
                    if values_of(key) == WORDS[str] and name in links
                    else values_of(key)
                )
                cells = (shown + ("\\*" if key.fixed else ""), code(texts[name]), default_of(key), values)
                found.append("".join(f"| {cell.replace('|', chr(92) + '|')} " for cell in cells) + "|\n")
    return "".join(found)


def code(text: str) -> str:
    """Text whose code spans may stand in a table: a bar within one would end the cell."""
    return re.sub(r"`([^`|]*)\|([^`|]*)`", r"<code>\1&#124;\2</code>", text)


def default_of(key: Key) -> str:
    """Default of a key as TOML has it; nothing for a key that has to be given."""
    return "" if key.default in (MISSING, "") else f"`{toml_text(key.default)}`"


def values_of(key: Key) -> str:
    """Values that fit a key, in words."""
    names = key.choices() if callable(key.choices) else key.choices
    if names:
        return ", ".join(f"`{name}`" for name in names)
    return key.rule.words.removeprefix("give ") if key.rule else WORDS[key.kind]


def help_of(command: str) -> str:
    """Help of one command."""
    with redirect_stdout(StringIO()) as printed:
        run([*command.split(), "--help"])
    return printed.getvalue()


if __name__ == "__main__":
    PAGE.write_text(keys_page(PAGE.read_text()))

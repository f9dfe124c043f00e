"""A page with every block, and a parser that tells what a page holds."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np

from webpage import (
    Advice,
    Band,
    Cell,
    Column,
    Gallery,
    HeatMap,
    Layer,
    Line,
    LineChart,
    Matrix,
    Missing,
    Page,
    Scene,
    Section,
    Steps,
    Table,
    Text,
)  # fmt: skip
from webpage.pictures import photo, stencil

HOSTILE = """</script><script>alert("1")</script><img src=x onerror='alert(2)'>&amp;=1+1"""
VOID = {"meta", "link", "img", "input"}


def page(name: str = "a & b") -> Page:
    """Every block, with `name` wherever a name of the user may stand."""
    rows = [
        [
            Cell(name),
            Cell("0.51 [0.48, 0.54]", 0.51, 0.48, 0.54, (0.6,)),
            Cell("30 %", 0.3),
            Cell("a long remark " * 12),
        ],
        [Cell("m10"), Cell("0.30", 0.3), Cell("10 %", 0.1), Cell("-x")],
        [Cell("m2"), Cell("–", ""), Cell("60 %", 0.6), Cell('say "so", twice')],
    ]
    columns = [
        Column("member", numeric=False),
        Column("Dice", draw="range"),
        Column("weight", draw="bar"),
        Column("remark", numeric=False),
    ]
    lines = [Line(name, [(1.0, 0.1), (2.0, 0.3), (3.0, 0.2)], dot=(2.0, 0.3)), Line("other", [(1.0, 0.2), (3.0, 0.4)])]
    band = Band("error", [(1.0, 0.0, 0.2), (3.0, 0.1, 0.3)])
    chart = LineChart(name, "epoch", "Dice", lines, band, ("plateau", 1.5, 2.5), [("chosen", 2.0)], "best")
    heat = HeatMap(
        "surface", "threshold", "k", "Dice", [0.1, 0.2, 0.4], [0, 1], [[0, 0.5, 1], [1, 0.5, 0]], 0.4, (0.2, 1)
    )
    rng = np.random.default_rng(0)
    pictures = [photo(rng.random((8, 8, 3), np.float32)) for _ in range(3)]
    layers = {"truth": stencil(np.eye(8, dtype=bool), (1, 0, 0))}
    scene = Scene(name, "Dice 0.5", f"Record {name}", [(f"t{n}", uri) for n, uri in enumerate(pictures)], 1, layers)
    gallery = Gallery(
        "Layers",
        Layer("ash", "ash colour", "#123456", True),
        [Layer("truth", "truth", "#ff0000")],
        {"worst": [scene, scene]},
    )
    blocks = [
        Text(name),
        Steps([Advice(name, f"cli zoo train {name}"), Advice("look")]),
        Table(f"Members of {name}", columns, rows, "note", "legend"),
        Matrix("alike", [name, "m2"], [[1, -0.2], [-0.2, 1]]),
        chart,
        heat,
        gallery,
    ]
    absent = Section("absent", "Absent", missing=Missing(f"no {name}", "cli ensemble fit"))
    return Page(f"Report on {name}", {"runs": name}, [Section("all", "All", blocks), absent])


@dataclass
class Parsed(HTMLParser):
    """Elements of a page in their order, with attributes; texts by element; the tags that were left open."""

    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip() and self.open:
            self.texts.append((self.open[-1], data))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [found for name, found in self.elements if name == tag]

    def text(self) -> str:
        return " ".join(" ".join(text.split()) for tag, text in self.texts if tag not in ("script", "style"))


def parsed(html: str) -> Parsed:
    """Parse a page, and check what holds for every page: closed tags, one script, no address but its own data."""
    found = Parsed()
    found.feed(html)
    assert not found.open
    assert len(found.all("script")) == 1
    ids = [own["id"] for _, own in found.elements if "id" in own]
    assert len(ids) == len(set(ids))
    for _, own in found.elements:
        assert not [name for name in own if name.startswith("on") or name == "srcset"]
        for name in ("src", "href"):
            assert own.get(name, "#").startswith(("#", "data:"))
    assert all("alt" in image for image in found.all("img"))
    assert all(header.get("scope") in ("row", "col") for header in found.all("th"))
    assert all(drawn.get("aria-label") or drawn.get("aria-hidden") for drawn in found.all("svg"))
    for link in found.all("a"):
        assert link["href"].removeprefix("#") in ids
    return found

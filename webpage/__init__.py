"""Web page: plain data as one self-contained HTML file that makes no request.

In: a `Page` of sections of blocks (tables, charts, matrices, a gallery), all text, numbers and pictures as data URIs.
Out: HTML as text. Stays outside: what the figures mean and where they come from; files; every other room but core.
"""

from webpage.blocks import (
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
)
from webpage.page import is_page, render

__all__ = [
    "Advice",
    "Band",
    "Cell",
    "Column",
    "Gallery",
    "HeatMap",
    "Layer",
    "Line",
    "LineChart",
    "Matrix",
    "Missing",
    "Page",
    "Scene",
    "Section",
    "Steps",
    "Table",
    "Text",
    "is_page",
    "render",
]

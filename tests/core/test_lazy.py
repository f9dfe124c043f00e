"""Lazy exports of a package."""

import sys

import pytest


@pytest.fixture
def shapes(tmp_path, monkeypatch):
    """Package with one lazy export."""
    folder = tmp_path / "lazy_shapes"
    folder.mkdir()
    owners = '{"round": ("circle",)}'
    (folder / "__init__.py").write_text(
        f"from core.lazy import lazy_exports\n__getattr__, __dir__ = lazy_exports(__name__, {owners})\n"
    )
    (folder / "round.py").write_text("circle = object()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import lazy_shapes

    yield lazy_shapes
    for name in [name for name in sys.modules if name.startswith("lazy_shapes")]:
        del sys.modules[name]


def test_an_export_is_loaded_when_it_is_used_and_kept(shapes):
    assert "circle" in dir(shapes) and "lazy_shapes.round" not in sys.modules
    circle = shapes.circle
    assert vars(shapes)["circle"] is circle is sys.modules["lazy_shapes.round"].circle


def test_a_name_that_is_no_export_is_an_attribute_error(shapes):
    with pytest.raises(AttributeError, match="module 'lazy_shapes' has no attribute 'square'"):
        shapes.square  # noqa: B018

"""Versions of the suite and of the packages that decide its results, without importing any of them."""

import platform

SUITE = "contrail-ensemble"
PACKAGES = ("numpy", "scipy", "numba", "torch", "timm", "segmentation-models-pytorch", "ttach")
SHOWN = ("numpy", "torch", "timm", "segmentation-models-pytorch")


def installed_versions() -> dict[str, str | None]:
    """Versions by package, python's first; None for one that is not installed."""
    return {"python": platform.python_version(), **{name: _version(name) for name in (SUITE, *PACKAGES)}}


def version_text() -> str:
    """Version of the suite, and below it those of python and of the packages that matter most."""
    found = installed_versions()
    others = ", ".join(f"{name} {found[name] or 'not installed'}" for name in ("python", *SHOWN))
    return f"cli, version {found[SUITE]}\n{others}"


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # every start of cli loads this module

    try:
        return version(package)
    except PackageNotFoundError:
        return None

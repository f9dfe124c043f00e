"""Formats of masks on disk: one file a format.

In: predictions of records, one after another, each with its place if that is known. Out: a file or a folder that was
read back and compared before it took its name. Stays outside: the origin of masks and places. A format is
`submissions/formats/NAME.py`, found by its name; modules with `_` are helpers; what a format needs is imported when it
writes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Damaged, UsageError, UserError
from core.extras import how_to_install
from core.files import read_json, require_folder, require_new_file
from core.registry import Registry
from submissions.write import OnWritten, Written

MANIFEST = "manifest.json"  # of a folder


@dataclass(frozen=True, kw_only=True)
class Place:
    """Place of a record's pixels: the outer corner of pixel (0, 0), the step from pixel to pixel, in metres; time."""

    wkt: str  # of the projection
    left: float
    top: float
    column: float  # metres a column, eastwards
    row: float  # metres a row, northwards: negative
    time: float  # seconds since 1970 UTC

    @property
    def iso_time(self) -> str:
        """ISO 8601, UTC."""
        return datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, eq=False)
class Prediction:
    """Prediction of a record: its mask, (256, 256) bool; its probability and its place if a format needs them."""

    id: str
    mask: NDArray[np.bool_]
    probability: NDArray[np.float32] | None = None  # (256, 256)
    place: Place | None = None


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """Options of every format; `on_written` as in `write_submission`."""

    force: bool = False
    sample_order: Sequence[str] | None = None  # of the rows of a csv
    on_written: OnWritten = lambda written: None
    source: Mapping[str, Any] = field(default_factory=dict)  # origin of the masks, for a folder's manifest


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts of a format."""

    folder: bool = True  # it writes a folder with one file a record, else one file
    needs: tuple[str, ...] = ()  # modules of the extra `geo`
    placed: bool = False  # every record must have its place
    probability: bool = False  # it writes probabilities, not masks


Format = Callable[[Path, Iterable[Prediction], WriteOptions], Written]
FORMATS: Registry[Format, Facts] = Registry("format", Facts, package=__name__)


def require_format(name: str, out: Path, force: bool = False) -> None:
    """Check, before a long computation, that a format can be written to `out`.

    Raises UserError if a module that it needs is not installed, UsageError if `out` may not be written: its folder
    does not exist, it is there and not `force`, or it is a folder that this suite did not write.
    """
    facts = FORMATS.facts(name)
    for module in facts.needs:
        if find_spec(module) is None:
            raise UserError(f"format {name}: needs {module}; run: {how_to_install('geo')}")
    if facts.folder:
        require_new_folder(out, force)
    else:
        require_new_file(out, force)


def require_new_folder(out: Path, force: bool = False) -> None:
    """Check that a folder can be written: its parent exists, and it is empty, not there, or ours and `force`.

    Raises UsageError if it cannot.
    """
    require_folder(out)
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        kind = "a symbolic link" if out.is_symlink() else "no folder"
        raise UsageError(f"{out}: is {kind}; this format writes a folder, choose another name")
    if not out.exists() or not any(out.iterdir()):
        return
    if not force:
        raise UsageError(f"{out}: exists already; choose another name, or overwrite it with --force")
    if not is_ours(out):
        raise UsageError(f"{out}: was not written by this suite, so it is not overwritten; choose another name")


def is_ours(out: Path) -> bool:
    """True for a folder, not a link to one, with the manifest that a format of this suite has written.

    UserError if the manifest cannot be read.
    """
    if out.is_symlink() or not (out / MANIFEST).is_file():
        return False
    try:
        document = read_json(out / MANIFEST)
    except Damaged:
        return False
    return isinstance(document, dict) and "kind" in document

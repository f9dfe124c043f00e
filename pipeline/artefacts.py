"""Artefacts: the kinds of files in a runs folder, with their check and the way to sign them after an edit.

In: a path. Out: a UserError for a file that was changed or has invalid values, or its signed text. Stays outside: maps
of prediction sets, which `zoo.predictions.verify` reads back.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from core.errors import Damaged, UsageError, UserError
from core.files import (
    LARGEST_FILE,
    check_format,
    parse_json,
    parse_toml,
    read_bytes,
    read_json,
    read_text,
    write_text,
)
from core.locks import locked
from core.signing import (
    DIGEST,
    changed,
    check_text,
    matches,
    read_lines,
    read_signed,
    signed,
    signed_line,
    signed_text,
)
from ensemble import Ensemble
from pipeline.checked import read_checks
from pipeline.leaderboard_rows import read_rows
from zoo.data import read_folds
from zoo.data.folds import signed_folds
from zoo.inputs.scaling import ScalingDocument
from zoo.members import read_recipe
from zoo.predictions.made_from import SCENES, read_states
from zoo.predictions.writer import PARTIAL, PARTIAL_FORMAT, Partial
from zoo.runs import Ref, RunName, Store
from zoo.runs.find import read_run
from zoo.runs.result import Result
from zoo.runs.run import EndedRun
from zoo.runs.seals import ZIP, given_digest, state_content, weights_match
from zoo.runs.store import MANIFEST, RESULT_FORMAT, Ended, RunPlace

NEWEST = 2  # format of documents whose owners do not say


@dataclass(frozen=True)
class Kind:
    """Kind of artefact, recognised by its file name.

    check: raises UserError if the file was changed or has invalid values. sign: text of the file with a new digest;
    None for a file that is made again instead of signed.
    """

    pattern: str
    check: Callable[[Path], object]
    sign: Callable[[str], str] | None = None


def kind_of(path: Path) -> Kind | None:
    """Kind of the artefact at a path; None for a file of no known kind."""
    return next((kind for kind in KINDS if fnmatchcase(path.name, kind.pattern)), None)


def is_signed(path: Path) -> bool:
    """True if an intact file contains its digest."""
    data = read_bytes(path, LARGEST_FILE)
    match path.suffix:
        case ".json":
            return path.name == MANIFEST or DIGEST in parse_json(data, path)
        case ".jsonl":
            return all(f'"{DIGEST}":'.encode() in line for line in data.split(b"\n") if line.strip())
        case ".toml":
            return signed_text(data.decode(errors="replace")).encode() == data
        case ".csv":
            return DIGEST in data.decode(errors="replace").partition("\n")[0].split(",")
        case ".sqlite":
            return DIGEST.encode() in data
        case ".pt":
            return not data.startswith(ZIP)
        case ".safetensors":
            return given_digest(data) is not None
    return True


def sign(path: Path) -> None:
    """Sign a file that was edited on purpose, atomically, after checking that it can be read.

    Raises UsageError for a kind of file that is not signed, UserError if there is no such file or the signed file could
    not be read.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file")
    kind = kind_of(path)
    if kind is None or kind.sign is None:
        raise UsageError(f"{path}: is not a file that can be signed; sign one of {', '.join(_signable())}")
    try:
        text = kind.sign(read_text(path))
    except (Damaged, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: cannot be signed: it does not parse ({error})") from error
    with tempfile.TemporaryDirectory() as folder:
        tried = Path(folder) / path.name
        tried.write_text(text)
        try:
            kind.check(tried)
        except UserError as error:
            what = error.what.replace(str(tried), str(path))
            raise UserError(f"{what}; it is not signed") from error
    with locked(path):
        write_text(path, text)


def _signable() -> Iterator[str]:
    return (kind.pattern for kind in KINDS if kind.sign)


def _of_today(document: dict[str, Any], newest: int) -> str:
    """Text of a document with its digest, in the newest format, since older ones have no digest."""
    check_format(document, newest, Path("the document"))
    return json.dumps(signed(document | {"format": newest}), indent=1, allow_nan=False) + "\n"


def _result(text: str) -> str:
    return _of_today(parse_json(text, "the document"), RESULT_FORMAT)


def _edited_ensemble(text: str) -> str:
    """Signed document of an ensemble, marked as edited: its figures are not of what it is now."""
    document = parse_json(text, "the document")
    return _of_today(document if matches(document) else document | {"edited": True}, NEWEST)


def _lines(text: str) -> str:
    documents = [parse_json(line, "a line") for line in text.splitlines() if line.strip()]
    return "".join(map(signed_line, documents))


def _ledger_lines(text: str) -> str:
    """Lines of a ledger, signed and in the newest format, in which a lost digest is detected."""
    documents = [parse_json(line, "a line") for line in text.splitlines() if line.strip()]
    return "".join(signed_line(document | {"format": NEWEST}) for document in documents)


def check_result(path: Path) -> Ended[RunPlace] | EndedRun | None:
    """Check the result of a run or a stage, and that its recipe has the hash in the name of its folder.

    Returns how it ended; None outside of a runs folder.
    """
    place = place_of(path)
    if place is None:
        if "weights_sha256" not in read_signed(path, RESULT_FORMAT, Result):
            raise Damaged(f"{path}: has no weights_sha256; train the run again")
        return None
    return place.ended_with(place.read_result()) if place.stage else read_run(place)


def place_of(path: Path) -> RunPlace | None:
    """Place of the run, or of its stage, that a file lies in; None outside of a runs folder."""
    folder = path.parent
    stage = int(folder.name.removeprefix("stage-")) if folder.name.removeprefix("stage-").isdigit() else 0
    if stage:
        folder = folder.parent
    name = RunName.parse(folder.name)
    if name is None or len(folder.parents) < 4 or folder.parents[2].name != "members":
        return None
    ref = Ref(folder.parents[1].name, folder.parents[0].name)
    return replace(Store(folder.parents[3]).run(ref, name), stage=stage)


def _check_recipe(path: Path) -> None:
    read_recipe(path, RunPlace.member_of(path) or path.stem)


def _check_toml(path: Path) -> Mapping[str, Any]:
    return parse_toml(check_text(read_text(path), path), path)


def _check_lines(path: Path) -> None:
    for number, row, fault in read_lines(read_bytes(path)):
        if row is None:
            raise Damaged(f"{path}: line {number} {fault}", changed(path).do)


def _check_state(path: Path) -> None:
    if state_content(read_bytes(path, LARGEST_FILE)) is None:
        raise Damaged(f"{path}: is damaged; the run starts over when it is trained again")


def _check_trials(path: Path) -> None:
    from zoo.runs.trials import read_trials  # needs the extra `tune`

    read_trials(path)


def _check_weights(path: Path) -> None:
    if not weights_match(read_bytes(path, LARGEST_FILE)):
        raise Damaged(f"{path}: has been changed since it was written; train the run again")


KINDS = (
    Kind("ensemble.json", Ensemble.load, _edited_ensemble),
    Kind("result.json", check_result, _result),
    Kind("folds*.csv", read_folds, signed_folds),
    Kind("submissions.jsonl", _check_lines, _ledger_lines),
    Kind("leaderboard.json", read_rows),
    Kind("checks.json", read_checks),
    Kind("scaling.json", lambda path: read_signed(path, NEWEST, ScalingDocument)),
    Kind(MANIFEST, read_json),
    Kind(PARTIAL, lambda path: read_signed(path, PARTIAL_FORMAT, Partial)),
    Kind(SCENES, read_states),
    Kind("recipe.toml", _check_recipe, signed_text),
    Kind("*.toml", _check_toml, signed_text),
    Kind("epochs.jsonl", _check_lines, _lines),
    Kind("last.pt", _check_state),
    Kind("*.sqlite", _check_trials),
    Kind("*.safetensors", _check_weights),
)

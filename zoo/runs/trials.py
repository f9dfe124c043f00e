"""Digests of a search's trials in Optuna's database, checked whenever the trials are read.

In: trials, the path of a database. Out: Damaged for a trial that was changed or is missing. Stays outside: the search.
"""

import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from core.errors import Damaged, is_out_of_memory
from core.files import read_bytes, sha256_of
from core.signing import DIGEST

FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
ENDED = "ended"  # attribute of the study: number of trials that have ended


def trial_content(trial: FrozenTrial) -> list[Any]:
    """Content of an ended trial that a search reports or resumes from."""
    attributes = {key: value for key, value in trial.user_attrs.items() if key != DIGEST}
    curve = sorted(trial.intermediate_values.items())
    value = trial.value if trial.state == TrialState.COMPLETE else None  # a pruned one repeats the end of its curve
    return [trial.number, trial.state.name, value, curve, trial.params, attributes]


def trial_digest(trial: FrozenTrial, state: TrialState, value: float | None) -> str:
    """Digest of a running trial as it will be when it ends in this state, with this value if it is complete."""
    number, _, _, *others = trial_content(trial)
    return sha256_of([number, state.name, value if state == TrialState.COMPLETE else None, *others])


def check_trials(study: optuna.Study, path: Path) -> list[FrozenTrial]:
    """Ended trials of a study, in order; Damaged if one was changed or is missing.

    Trials without a digest are from older releases, so they are a fault after a trial with one.
    """
    trials = study.get_trials(deepcopy=False)
    ended = [trial for trial in trials if trial.state in FINISHED]
    signed = False
    for trial in ended:
        given = trial.user_attrs.get(DIGEST)
        signed = signed or given is not None
        if signed and given != sha256_of(trial_content(trial)):
            raise _damaged(path, f"trial {trial.number} has been changed since it was written")
    numbers = [trial.number for trial in trials]
    if len(ended) < study.user_attrs.get(ENDED, 0) or numbers != list(range(len(numbers))):
        raise _damaged(path, "trials are gone")
    return ended


def check_database(path: Path, name: str) -> bool:
    """True if a file is a database of the study `name`, False if nothing was written into it yet; else Damaged."""
    if not path.exists():
        return False
    read_bytes(path)  # no pipe or device, and no file that fills the memory
    try:
        with closing(_connect(path)) as database:
            (answer,) = database.execute("PRAGMA integrity_check").fetchone()
            is_made = database.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
            names = [row[0] for row in database.execute("SELECT study_name FROM studies")] if is_made else []
    except (sqlite3.Error, ValueError, TypeError) as error:  # text that is no UTF-8 is a ValueError
        raise _damaged(path, f"is not a file of trials ({error})") from error
    if answer != "ok" or names not in ([], [name]):
        raise _damaged(path, "has been changed since it was written")
    return is_made


def _connect(path: Path) -> sqlite3.Connection:
    """Open a database for reading; after a kill in the middle of a write SQLite takes back what its journal says."""
    mode = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True)


def read_trials(path: Path) -> Sequence[FrozenTrial]:
    """Read and check the ended trials of a database in tuning/MEMBER/, without changing it."""
    name = path.parent.name
    if not check_database(path, name):
        return []
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "trials.sqlite"  # a damaged one might be mended by Optuna
        try:
            with closing(_connect(path)) as database, closing(sqlite3.connect(copied)) as target:
                database.backup(target)
            return check_trials(optuna.load_study(storage=f"sqlite:///{copied}", study_name=name), path)
        except Damaged:
            raise
        except Exception as error:  # SQLAlchemy raises many kinds for a torn file
            if is_out_of_memory(error):
                raise
            raise _damaged(path, f"is not a file of trials ({type(error).__name__})") from error


def _damaged(path: Path, what: str) -> Damaged:
    return Damaged(f"{path}: {what}; move it away, and search again")

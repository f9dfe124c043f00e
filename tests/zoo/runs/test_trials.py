"""Trials of a search: one that was changed, or is gone, is refused by its number."""

import sqlite3
from contextlib import closing

import optuna
import pytest

from core.errors import Damaged
from core.signing import DIGEST
from zoo.runs.trials import ENDED, read_trials, trial_digest


@pytest.fixture
def path(tmp_path):
    """Database of two ended trials of the member `tiny`."""
    path = tmp_path / "tiny" / "0123.sqlite"
    path.parent.mkdir()
    study = optuna.create_study(storage=f"sqlite:///{path}", study_name="tiny", direction="maximize")
    for value, state in ((0.5, optuna.trial.TrialState.COMPLETE), (None, optuna.trial.TrialState.PRUNED)):
        trial = study.ask({"lr": optuna.distributions.FloatDistribution(0, 1)})
        trial.report(0.25, 1)
        trial.set_user_attr(DIGEST, trial_digest(study.trials[trial.number], state, value))
        study.tell(trial, value, state=state)
    study.set_user_attr(ENDED, 2)
    return path


CHANGES = {
    "UPDATE trial_values SET value = 0.6 WHERE trial_id = 1": "trial 0 has been changed",
    "UPDATE trial_params SET param_value = 0.1 WHERE trial_id = 2": "trial 1 has been changed",
    "UPDATE trial_intermediate_values SET intermediate_value = 1": "trial 0 has been changed",
    "DELETE FROM trials WHERE number = 1": "trials are gone",
    "UPDATE studies SET study_name = 'tinx'": "has been changed",
    "DROP TABLE trials": "trials are gone",
}


def test_trials_are_read_back(path):
    assert [trial.value for trial in read_trials(path)] == [0.5, 0.25]


def test_a_database_into_which_nothing_was_written_yet_has_no_trials(path):
    path.write_bytes(b"")
    assert read_trials(path) == []
    assert optuna.create_study(storage=f"sqlite:///{path}", study_name="tiny", load_if_exists=True).trials == []
    assert read_trials(path) == []


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_trial_is_refused(path, change):
    with closing(sqlite3.connect(path)) as database:
        database.execute(change)
        database.commit()
    with pytest.raises(Damaged, match=f"0123.sqlite: {CHANGES[change]}.*; move it away, and search again"):
        read_trials(path)

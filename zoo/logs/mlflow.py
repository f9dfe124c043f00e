"""mlflow: MLflow's file store, one experiment a member, one run of it a run or stage.

A store of files needs no server, takes several processes at once, and a member can be taken out of it.
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from core.files import make_folder
from core.locks import locked
from zoo.logs import LOGS, Picture, figures, kept
from zoo.runs import Ref
from zoo.runs.epochs import Epoch
from zoo.runs.run import Run

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

# Tags of experiments and runs, which the store keeps as files of these names.
MEMBER, RECIPE, RUN = "contrails.member", "contrails.recipe", "contrails.run"
# The client refuses stores of files unless it is told so, and reports its use over the network.
ENVIRONMENT = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_DISABLE_TELEMETRY": "true"}


class _MLflow:
    def __init__(self, folder: Path, run: Run, history: Sequence[Epoch]) -> None:
        self._client = _client(folder)
        tags = {RECIPE: run.hash, RUN: run.folder.relative_to(run.store.recipe_folder(run.ref)).as_posix()}
        experiment = _experiment(self._client, folder, run.member)
        known = self._found(experiment, tags)
        logged = [(one.step, one.value) for one in self._client.get_metric_history(known, "loss")] if known else []
        same = kept(history, logged)
        if known and same < len(logged):  # of a training that starts over
            self._client.delete_run(known)
            known, same = None, 0
        self._id = known or self._new_run(experiment, run, tags)
        self._client.set_terminated(self._id, "RUNNING")
        for epoch in history[same:]:
            self.add(epoch, {})

    def add(self, epoch: Epoch, pictures: Mapping[str, Picture]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        metrics = [Metric(name, value, now, epoch.epoch) for name, value in figures(epoch).items()]
        self._client.log_batch(self._id, metrics=metrics)
        for name, picture in pictures.items():
            self._client.log_image(self._id, picture, key=f"scene {name}", step=epoch.epoch)

    def close(self) -> None:
        self._client.set_terminated(self._id)

    def _found(self, experiment: str, tags: Mapping[str, str]) -> str | None:
        """Id of the run with these tags."""
        asked = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        runs = self._client.search_runs([experiment], asked)
        return str(runs[0].info.run_id) if runs else None

    def _new_run(self, experiment: str, run: Run, tags: Mapping[str, str]) -> str:
        from mlflow.entities import Param

        created = self._client.create_run(experiment, tags=dict(tags), run_name=f"{run.hash[:6]} {tags[RUN]}")
        recipe = run.taught.resolved.items()
        self._client.log_batch(created.info.run_id, params=[Param(key, str(value)) for key, value in recipe])
        return str(created.info.run_id)


def _client(folder: Path) -> "MlflowClient":
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    return MlflowClient(tracking_uri=make_folder(folder).resolve().as_uri())


def _experiment(client: "MlflowClient", folder: Path, member: str) -> str:
    """Id of a member's experiment, which is made if there is none."""
    with locked(folder):  # two processes would make two
        found = client.get_experiment_by_name(member)
        return str(found.experiment_id if found else client.create_experiment(member, tags={MEMBER: member}))


def _paths(folder: Path, ref: Ref) -> Iterator[Path]:
    for tag in folder.glob(f"*/tags/{MEMBER}"):
        if tag.read_text() == ref.member:
            experiment = tag.parents[1]
            runs = experiment.glob(f"*/tags/{RECIPE}")
            yield from [run.parents[1] for run in runs if run.read_text() == ref.recipe] if ref.recipe else [experiment]


@LOGS.register("mlflow", paths=_paths)
def _open(folder: Path, run: Run, history: Sequence[Epoch]) -> _MLflow:
    return _MLflow(folder, run, history)

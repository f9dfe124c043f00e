"""A runs folder that can predict without having been trained: random weights, tiny inputs, an ensemble of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from core.files import sha256_of_file, write_text
from core.signing import signed_text
from ensemble import Ensemble, MemberUse
from tests.scenes import write_record
from zoo.data import Assignment, Folds, write_folds
from zoo.members import Recipe, load_member, with_settings
from zoo.models import build
from zoo.runs import Store
from zoo.runs.run import Run, plan_run
from zoo.runtime.checkpoints import weights_of, write_weights

# Encoders that timm keeps for tests: some megabytes a run.
ENCODERS = {"tiny-resnet": "test_resnet", "tiny-efficientnet": "test_efficientnet"}
SMALL = {"size": 32, "crop": 0, "decoder_channels": [16, 16, 8, 8, 8]}


@dataclass(frozen=True)
class Tiny:
    """Where things lie."""

    data: Path
    runs: Path
    ids: tuple[str, ...]  # of the test records


def tiny_runs(
    folder: Path,
    records: int = 3,
    folds: int = 2,
    members: Sequence[str] = tuple(ENCODERS),
    weights: str = "none",
    **keys: Any,
) -> Tiny:
    """Test records, one run a member and fold, an ensemble of equal weights; `keys` change the recipes."""
    ids = tuple(str(10**18 + 7 * number) for number in range(records))
    for record_id in ids:
        write_record(folder / "data", "test", record_id)
    split = Folds(tuple(Assignment(str(number), number % folds) for number in range(2 * folds)))
    write_folds(folder / "runs" / "folds.csv", split)
    uses = []
    for member in members:
        runs = [_write_run(folder / "runs", member, fold, split, {"weights": weights, **keys}) for fold in range(folds)]
        uses.append(MemberUse(member, runs[0].hash, "none", 2**16 // len(members), "0" * 64, 0.5))
    _ensemble(tuple(uses), split).save(Store(folder / "runs").ensemble("default"))
    return Tiny(folder / "data", folder / "runs", ids)


def _write_run(runs: Path, member: str, fold: int, split: Folds, keys: dict[str, Any]) -> Run:
    settings = {"encoder": ENCODERS[member], **SMALL, **keys}
    recipe = replace(with_settings(load_member("lite0-fc-t5"), settings), name=member)
    run = plan_run(recipe, str(fold), split, Store(runs), seed=0, with_val=False)
    write_weights(run.best, weights_of(_restless(recipe, seed=fold)))
    write_text(run.folder / "recipe.toml", signed_text(recipe.as_toml()))
    facts = {"member": member, "fold": str(fold), "seed": 0, "with_val": False, "folds_sha256": split.sha256}
    ended = {
        "epochs": recipe.epochs,
        "best_epoch": recipe.epochs,
        "dice": 0.5,
        "weights_sha256": sha256_of_file(run.best),
    }
    run.write_result(facts | ended)
    return run


def _restless(recipe: Recipe, seed: int) -> nn.Module:
    """Untrained, but with maps that vary: normalised once on noise, and without the prior that all is sky."""
    torch.manual_seed(seed)
    network = build(recipe, "none")
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.rand(4, len(recipe.frames), 3, 256, 256))
        network.decoder.head.bias.zero_()
        network.decoder.head.weight.mul_(4)
    return network


def _ensemble(uses: tuple[MemberUse, ...], split: Folds) -> Ensemble:
    """Fitted on four records, a fifth of their pixels found."""
    counts = [[9000, 13000, 12000], [0, 0, 300], [8000, 9000, 11000], [0, 100, 0]]
    around = [0.5, 0.7]
    dice = {
        "in_sample": 0.65, "cross_fitted": 0.6, "interval": around, "interval_of": "cross_fitted", "best_single": 0.5,
        "best_single_interval": around, "uniform": 0.5, "uniform_interval": around,
    }  # fmt: skip
    return Ensemble(
        name="default", members=uses, table="identity", level=128 << 16, mode="component", k=3, method="uniform",
        folds_sha256=split.sha256, record_ids=tuple(sorted(split.fold_of)),
        per_record={"groups": ["a", "b", "c", "d"], "in_sample": counts, "cross_fitted": counts},
        fitted={"dice": dice, "records": 4},
    )  # fmt: skip

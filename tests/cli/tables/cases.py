"""Tables of many members with long, similar names, each as a function that prints it on a page."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from analysis.labelers import SHARES
from analysis.masks import KINDS
from cli.tables import (
    data,
    doctor,
    ensemble,
    errors,
    features,
    leaderboard,
    member,
    members,
    shift,
    submissions,
    tuning,
    view_audit,
    weights,
    zoo,
)
from cli.tables.page import Page
from core.command import Command
from core.dice import Counts
from core.uncertainty import Estimate
from pipeline.doctor import FAULT, OK, WARNING, Diagnosis, Finding
from pipeline.leaderboard_rows import Leaderboard, Row
from pipeline.members import MemberDescription, MemberList
from submissions.ledger import Entry, Ledger, Sent
from zoo.data.shift import Shift, SourceShift
from zoo.data.stats import PixelStats, Summary
from zoo.members import load_member
from zoo.members.costs import cost_of, estimate
from zoo.members.table import MemberTable
from zoo.runtime.memory import DeviceMemory
from zoo.views import parse_views

NAMES = tuple(f"convnextv2_base-fc-t5-512-staged-mosaic-cutmix-fold{one}-ema" for one in range(12))
INTERVAL = [0.4812, 0.5423]


def _rows() -> tuple[Row, ...]:
    first = Row(
        member=NAMES[0], name=NAMES[0], recipe="0123456789ab", tta="d4", dice=0.51234, interval=(0.4812, 0.5423),
        kind="cross_fitted", records=211, groups=210, effective_groups=24.1, per_fold={0: 0.5, 1: 0.52}, spread=0.01,
        threshold=0.4, runs=2, seconds_per_record=0.46, seconds_per_record_all_runs=0.9, epochs=20, epochs_trained=20.0,
        training_minutes=125.0, size=256, epoch_chosen_on="other_folds", changed={"lr": 0.01}, row=31,
        logged_validation=0.66, logged_leaderboard=0.7, digest="0" * 64, behind=None, labels="0" * 64,
    )  # fmt: skip
    return tuple(replace(first, member=name, name=name, dice=0.51234 - 0.01 * n) for n, name in enumerate(NAMES))


def _fit() -> dict:
    each = {"threshold": 0.4, "in_sample": 0.5117, "cross_fitted": 0.5103, "interval": INTERVAL}
    worth = {"gain": 0.0123, "interval": [0.001, 0.02], "z": 2.1}
    choice = {"dice": 0.51, "method": "greedy*0.75", "threshold": 0.39, "min_pixels": {"mode": "component", "k": 31}}
    equal = dict.fromkeys(NAMES, 1 / 12)
    decision = {"question": "weights", "candidate": "greedy*0.75", "baseline": "uniform", "dice": 0.5156,
                "gain": 0.0053, "error": 0.0015, "z": 3.6, "answer": "another gains as much or more"}  # fmt: skip
    component = {**decision, "question": "min-pixels", "candidate": "component", "baseline": "none", "answer": "taken"}
    return {
        "method": "greedy", "threshold": 0.4176, "min_pixels": {"mode": "component", "k": 29}, "records": 211,
        "groups": 210, "effective_groups": 24.1, "weights": equal, "left_out": list(NAMES[:2]), "worth":
        dict.fromkeys(NAMES, worth), "dice_jackknifed": 0.5141, "selection_cost": 0.0032,
        "decisions": [decision, component],
        "dice": {"in_sample": 0.5173, "cross_fitted": 0.5124, "interval": INTERVAL, "uniform": 0.45,
                 "uniform_interval": INTERVAL, "best_single": 0.51, "best_single_interval": INTERVAL},
        "members": {name: {**each, "seconds_per_record": 0.46} for name in NAMES},
        "folds": [{"fold": fold, "weights": equal, "left_out": [NAMES[0]], **choice} for fold in range(5)],
        "error_correlation": np.full((12, 12), 0.5).tolist(),
        "gain": {"uniform": {"value": 0.062, "interval": [0.0246, 0.0992]}},
    }  # fmt: skip


def _list(page: Page) -> None:
    recipes = [replace(load_member("lite0-fc-t5"), name=name) for name in NAMES]
    table = MemberTable.of(recipes)
    members.print_members(page, MemberList(table.filtered("fold1"), {row.member: row for row in _rows()}, table))


def _show(page: Page) -> None:
    recipe = replace(load_member("convnextv2_base-fc-t5-384-staged-mosaic-cutmix"), name=NAMES[0])
    cost, takes = cost_of(recipe), estimate(recipe)
    member.print_member(
        page,
        MemberDescription(recipe=recipe, cost=cost, estimate=takes, device=DeviceMemory("a GPU of some name", 16.0)),
    )


def _stats(page: Page) -> None:
    pixels = PixelStats.of(np.linspace(-8, 4, 100, dtype=np.float32), with_histogram=True)
    one = Summary(
        source="scenes_of_goes_16", split="validation", records=1234, positives=(0, 10, 2000),
        quantities={"band 14": pixels, "T15-T14": pixels, "T15-T14 in contrails": pixels}, clipped=True,
    )  # fmt: skip
    data.print_stats(
        page,
        [replace(one, source=f"scenes_of_goes_{n}") for n in (16, 17, 18)] + [replace(one, source="all", split="all")],
    )


def _check(page: Page) -> None:
    part = {"split": "validation", "records": 20529, "labelled": 20529, "files": 205290, "absent_frames": 756,
            "faults": 12, "bands": range(8, 17), "bands_with_all_frames": [11, 14, 15]}  # fmt: skip
    parts = [{"source": f"opencontrails_scenes_of_goes_{n}", **part} for n in (16, 17, 18)]
    totals = {"splits": parts, "records": 61587, "files": 615870, "absent_frames": 2268}
    data.print_check(page, SimpleNamespace(as_dict=lambda: totals, faults=()))


def _folds(page: Page) -> None:
    fold = {"records": 4500, "groups": 4300, "with_contrails": 2100, "contrail_pixels": 1234567}
    rows = [{"fold": n, **fold, "splits": {"train": 4000, "validation": 500}} for n in range(5)]
    document = {"folds": rows, "records": 22500, "by_place_and_time": 22000, "by_look": 500, "ungrouped": []}
    data.print_folds(page, {**document, "groups": [], "path": "runs/folds.csv"})


def _log(page: Page) -> None:
    weights_of = dict.fromkeys(NAMES, 1 / 12)
    entries = [
        Entry(n, Sent(name=f"submission-of-{name}.csv", when="2026-11-26T20:10:11+00:00", members=weights_of,
                      local=0.61, interval=(0.57, 0.63), effective_groups=24.1, share=0.0065, note="a note"),
              0.638, 0.641)
        for n, name in enumerate(NAMES, 1)
    ]  # fmt: skip
    submissions.print_ledger(page, Ledger(tuple(entries)), {})


def _score(page: Page) -> None:
    counts = Counts(tp=12345, predicted=23456, truth=34567)
    rows = [(f"10002164897764140{n:02}", counts) for n in range(5)]
    dice = _estimate(0.512)
    score = SimpleNamespace(dice=dice, counts=counts, records=211, worst=lambda number: rows)
    submissions.print_score(page, SimpleNamespace(score=score, against=None), 5)


def _submitted(page: Page) -> None:
    part = {"records": 211, "share": 0.00647, "not_empty": 97}
    document = {"file": f"submission-of-{NAMES[0]}.csv", "rows": 211, "share": 0.00647, "not_empty": 97}
    submissions.print_submitted(page, {**document, "oof": part, "labels": part})


def _estimate(value: float) -> Estimate:
    return Estimate(value, 0.05, (value - 0.1, value + 0.1), 210, 24.1)


def _shift(page: Page) -> None:
    found = Shift(_estimate(-0.5), _estimate(-0.4))
    sources = [f"opencontrails_scenes_of_goes_{n}" for n in (16, 17, 18)]
    rows = [SourceShift(source=name, root=name, records=211, declared=0.5, shift=found) for name in sources]
    shift.print_shifts(page, rows)


def _audit(page: Page) -> None:
    spelled = ["none", "flips", "d4+scale-0.75-1-1.25-1.5+multiply-0.9-1-1.1", "d4+scale-0.75-1-1.25-1.75"]
    rows = [
        SimpleNamespace(name=name, dice=_estimate(0.51), gain=_estimate(0.01), cost=12.0, threshold=0.4,
                        shift=Shift(_estimate(0.0), _estimate(0.0)))
        for name in spelled
    ]  # fmt: skip
    for row in rows:
        parse_views(row.name)
    audit = SimpleNamespace(
        sets=rows, views=rows, label_offset=0.5, registered=True, member=NAMES[0], records=211, seconds=0.46,
        proposed=rows[1],
    )  # fmt: skip
    view_audit.print_audit(page, audit)


def _features(page: Page) -> None:
    row = {"brighter": True, "auc": 0.81, "low": 0.78, "high": 0.84, "d_prime": 1.2, "scenes": 111, "may_be_best": True}
    ranking = [{"name": f"ridge of T15-T14 over ten minutes, sigma {n}.0", **row} for n in range(5)]
    given = {"channels": 3, "d_prime": 1.2, "behind": 0.1, "error": 0.02, "scenes": 111}
    composed = {"pixelwise": [{"channel": "T15-T14", "d_prime": 1.2}], "any": [{"channel": "ridge", "d_prime": 1.4}]}
    document = {
        "scenes": 111, "folds": [1, 2], "ranking": ranking, "groups": 100, "compared_scenes": 111, "composed": composed,
        "inputs": [{"name": name, **given} for name in ("fc", "all_bands", "split_window")], "suggested": "fc",
    }  # fmt: skip
    features.print_ranking(page, document, 5)


def _trained(page: Page) -> None:
    stage = {"dice": 0.5, "best_epoch": 5, "epochs": 6, "seconds": 60}
    rows = [
        {"member": name, "fold": "0", "seed": 0, "best_epoch": 17, "epochs": 20, "stopped_at": "epoch 17 of 20",
         "dice": 0.5123, "epoch_chosen_on": "held_out", "threshold": 0.4, "held_out": 70, "seconds": 600,
         "stages": [stage, stage], "logged_stages": [0.64, 0.65]}
        for name in NAMES
    ]  # fmt: skip
    zoo.print_trained(page, [SimpleNamespace(as_dict=lambda row=row: row) for row in rows])


def _tuned(page: Page) -> None:
    values = {"lr": 0.001, "weight_decay": 0.01, "loss": "bce_dice", "augment": "d4+mosaic+cutmix", "drop_path": 0.1}
    trials = [
        {"trial": n, "dice": 0.5 + n / 100, "pruned": False, "as_it_is": n == 0, "values": values, "epochs": 12}
        for n in range(12)
    ]
    best = {**trials[-1], "chosen_on_own_fold": True, "dice_corrected": 0.55}
    document = {"trials": trials, "best": best, "fold": 0, "dice_as_it_is": 0.5, "path": f"runs/tuning/{NAMES[0]}.toml"}
    tuning.print_tuned(page, document)


def _weights(page: Page) -> None:
    rows = [
        SimpleNamespace(
            encoder=f"convnextv2_base.fcmae_ft_in22k_in1k_{n}", path="here", fault=None, bytes=3 * 10**8,
            licence="cc-by-nc-4.0", members=NAMES, source="hub: timm/convnextv2_base.fcmae_ft_in22k_in1k",
            sha256="0123456789",
        )
        for n in range(3)
    ]  # fmt: skip
    weights.print_weights(page, rows)


def _errors(page: Page) -> None:
    figure = {"value": 0.43, "interval": [0.38, 0.48], "effective_groups": 12.0}
    strata = [{"by": "size", "class": "400 or more", "records": 22, "dice": figure, "loss_share": 0.56}]
    own = {"border": 1, **figure}
    document = {
        "name": f"{NAMES[0]}@0123456789ab", "kind": "cross_fitted", "dice": 0.5103, "interval": INTERVAL,
        "records": 211, "groups": 210, "effective_groups": 24.1, "loss": 90494,
        "counts": {"tp": 12345, "predicted": 23456, "truth": 34567},
        "kinds": [{"kind": kind, "pixels": 1234567, "share": figure, "dice_without": 0.516} for kind in KINDS],
        "tolerant": [own],
        "detection": {"contrails": 992, "components": 1880,
                      "touching": {"precision": figure, "recall": figure},
                      "matching": {"precision": figure, "recall": figure}},
        "contrails": [{"pixels": "200 or more", "contrails": 1000, "records": 46, "touched": figure,
                       "pixels_found": figure, "missed_share_of_loss": 0.21, "untouched_share_of_loss": 0.02}],
        "strata": [{**strata[0], "by": by} for by in errors.TITLES],
        "labelers": {"records": 18,
                     "ceiling": [{"border": 0, "labeler": figure, "prediction": figure, "ahead": figure}],
                     "marked_by": [{"labelers": which, "pixels": 1148754, "predicted": 1576} for which in SHARES]},
        "worst": [{"record_id": f"10036035275825755{n:02}", "loss": 6706, "loss_share": 0.074, "dice": 0.554,
                   "predicted": 20000, "tp": 15000, "truth": 18000, "contrails": 48} for n in range(3)],
    }  # fmt: skip
    errors.print_errors(page, document)


def _doctor(page: Page) -> None:
    gone = f"runs/members/{NAMES[0]}/0123456789ab/fold-0: its weights are gone"
    findings = [
        Finding("versions", OK, "python 3.11.7, numpy 2.4.6, torch 2.14.1, timm 1.0.31"),
        Finding(
            f"weights {NAMES[1]}", WARNING, "convnextv2_base: not here", Command("zoo weights", NAMES[1], pack="F")
        ),
        Finding("runs", FAULT, gone, Command("zoo train", NAMES[0], fold="all")),
    ]
    doctor.print_diagnosis(page, Diagnosis(tuple(findings), {}), " --data scenes")


TABLES: dict[str, Callable[[Page], None]] = {
    "doctor": _doctor,
    "zoo_list": _list,
    "zoo_show": _show,
    "zoo_leaderboard": lambda page: leaderboard.print_leaderboard(page, Leaderboard(_rows())),
    "zoo_errors": _errors,
    "zoo_train": _trained,
    "zoo_tta": _audit,
    "zoo_tune": _tuned,
    "zoo_weights": _weights,
    "ensemble_fit": lambda page: ensemble.print_fit(page, "default", _fit()),
    "ensemble_show_folds": lambda page: ensemble.print_folds(page, _fit()),
    "ensemble_show_members": lambda page: ensemble.print_members(
        page,
        [
            {"name": name, "recipe": "0123456789ab", "tta": "d4", "weight": 5461, "seconds_per_record": 0.46,
             "digest": "0" * 64}
            for name in NAMES
        ],
    ),
    "data_check": _check,
    "data_stats": _stats,
    "data_folds": _folds,
    "data_features": _features,
    "data_shift": _shift,
    "submissions_log": _log,
    "submissions_score": _score,
    "submit": _submitted,
}  # fmt: skip

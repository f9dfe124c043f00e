"""Diagnosis of an installation, its data and its runs folder.

In: a Store, folders of data, members of the line-up. Out: a `Diagnosis`: findings, each OK, a warning or a fault, with
the command that mends it. Reads manifests, results and small files; `zoo verify` reads everything.
"""

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from core.command import Command
from core.errors import UserError
from core.extras import EXTRAS, how_to_install, missing_packages
from core.files import listed
from core.jobs import job_count
from core.versions import installed_versions
from core.words import counted
from pipeline.artefacts import kind_of, place_of
from pipeline.checked import read_check
from zoo.data import Scenes, open_scenes, read_folds
from zoo.members import load_members
from zoo.predictions.catalogue import find_members, set_folders
from zoo.predictions.splits import OOF, how_to_predict
from zoo.runs import Ref, Store
from zoo.runs.find import read_run
from zoo.runtime.memory import memory

OK, WARNING, FAULT = "OK", "warning", "fault"
LITTLE_DISK, NO_DISK = 5e9, 5e8  # bytes that are free
LITTLE_MEMORY = 2e9  # bytes that are free
SMALL = (".json", ".jsonl", ".csv", ".toml")  # files that are read: weights and shards are left to `zoo verify`
MOST = 5  # findings of one kind that are listed
REMOVE, SYNTH, VERIFY = Command("zoo remove", "MEMBER"), Command("data synth", "scenes"), Command("zoo verify")


@dataclass(frozen=True)
class Finding:
    """What was found; for a warning or a fault always the command that mends it, which may be another program's."""

    area: str
    level: str  # OK | warning | fault
    what: str
    do: Command | str | None = None

    @classmethod
    def wrong(cls, area: str, level: str, what: str, do: Command | str) -> Self:
        """Warning or fault with what mends it."""
        return cls(area, level, what, do)

    @classmethod
    def of(cls, area: str, error: UserError, otherwise: Command, level: str = FAULT) -> Self:
        """Finding of an error: with its own advice, or another where it has none."""
        return cls.wrong(area, level, error.what, error.do or otherwise)

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        do = None if self.do is None else str(self.do)
        return {"area": self.area, "level": self.level, "what": self.what, "do": do}


@dataclass(frozen=True)
class Diagnosis:
    """All findings, in the order in which a user would mend them."""

    findings: tuple[Finding, ...]
    versions: Mapping[str, str | None]

    @property
    def faults(self) -> int:
        """Number of faults."""
        return sum(finding.level == FAULT for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Document for JSON."""
        findings = [finding.as_dict() for finding in self.findings]
        return {"faults": self.faults, "versions": dict(self.versions), "findings": findings}

    def raise_if_faulty(self) -> None:
        """Raise UserError if there is any fault."""
        if self.faults:
            raise UserError(f"{counted(self.faults, 'fault')}; mend what is listed, then look again")


def diagnose(
    store: Store,
    data: Sequence[Path] = (),
    members: Sequence[str] = (),
    *,
    own_members: Path | None = None,
    device: str = "auto",
    jobs: int | None = None,
) -> Diagnosis:
    """Diagnose installation, machine, data, the weights of `members`, and what lies under the runs folder."""
    versions = installed_versions()
    findings = [
        *_versions(versions),
        *_extras(),
        *_machine(store, device, jobs),
        *_data(store, data),
        *_weights(members, own_members),
        *_runs(store),
    ]
    return Diagnosis(tuple(findings), versions)


def _versions(versions: Mapping[str, str | None]) -> Iterator[Finding]:
    yield Finding("versions", OK, ", ".join(f"{name} {number}" for name, number in versions.items() if number))


def _extras() -> Iterator[Finding]:
    for extra in EXTRAS:
        missing = missing_packages(extra)
        if not missing:
            yield Finding(f"extra {extra}", OK, "installed")
        else:
            level = WARNING if extra == "zoo" else OK  # the others are asked for by single commands
            yield Finding.wrong(f"extra {extra}", level, f"no {', '.join(missing)}", how_to_install(extra))


def _machine(store: Store, device: str, jobs: int | None) -> Iterator[Finding]:
    if not missing_packages("zoo"):
        yield _device(device)
    yield Finding("threads", OK, f"{job_count(jobs)} of {job_count(None)} cores")
    yield _memory()
    root = store.root.absolute()
    there = next(folder for folder in (root, *root.parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    level = FAULT if free < NO_DISK else WARNING if free < LITTLE_DISK else OK
    what = f"{free / 1e9:.1f} GB free in {there}"
    yield Finding("disk", level, what, None if level == OK else REMOVE)
    if store.root.is_dir() and not os.access(store.root, os.W_OK):
        again = f"chmod u+w {shlex.quote(str(store.root))}"
        yield Finding.wrong("disk", FAULT, f"{store.root} cannot be written", again)


def _memory() -> Finding:
    found = memory()
    what = f"{max(found.free, 0) / 1e9:.1f} of {found.total / 1e9:.1f} GB free"
    if found.free >= LITTLE_MEMORY:
        return Finding("memory", OK, what)
    return Finding.wrong("memory", WARNING, f"{what}; a training's needs are listed", Command("zoo show", "MEMBER"))


def _device(name: str) -> Finding:
    from zoo.runtime.devices import choose_device, environment

    try:
        facts = environment(choose_device(name))
    except UserError as error:
        return Finding.of("device", error, Command("doctor", device="cpu"))
    return Finding("device", OK, str(facts["device"]))


def _data(store: Store, data: Sequence[Path]) -> Iterator[Finding]:
    if not data:
        yield Finding.wrong("data", WARNING, "no data is named; give --data DIR, or make some", SYNTH)
        return
    try:
        scenes = open_scenes(data)
    except UserError as error:
        yield Finding.of("data", error, SYNTH)
        return
    yield from _sources(store, scenes)
    if not store.folds.is_file():
        return
    with suppress(UserError):
        folds = read_folds(store.folds)
        if absent := len(folds.fold_of.keys() - {record.id for record in scenes.labelled}):
            what = f"{absent} of the {len(folds.fold_of)} records of folds.csv are not in the data; name theirs, too"
            yield Finding.wrong("data", WARNING, what, Command("doctor", data=(*data, "DIR")))


def _sources(store: Store, scenes: Scenes) -> Iterator[Finding]:
    for source in scenes.sources:
        records, check = source.records(), read_check(store, source)
        what = f"{source.root}: {counted(len(records), 'record')}"
        again = Command("data check")
        if check is None:
            yield Finding.wrong("data", WARNING, f"{what}, not checked yet", again)
        elif not check.holds(source):
            yield Finding.wrong("data", WARNING, f"{what}, other ones than at the check of {check.when[:10]}", again)
        elif check.faults:
            yield Finding.wrong("data", FAULT, f"{what}, {counted(check.faults, 'fault')} on {check.when[:10]}", again)
        else:
            yield Finding("data", OK, f"{what}, checked on {check.when[:10]}")


def _weights(members: Sequence[str], own_members: Path | None) -> Iterator[Finding]:
    if missing_packages("zoo"):
        return
    from zoo.models.weights import locate

    for name in members:
        try:
            (recipe,) = load_members(name, own_members)
        except UserError as error:
            yield Finding.wrong("weights", FAULT, f"{name}: {error.what}", error.do or Command("zoo list"))
            continue
        if recipe.weights == "none":
            yield Finding("weights", OK, f"{name}: trains without")
            continue
        found = locate(recipe.encoder, recipe.weights)
        if found.path:
            yield Finding("weights", OK, f"{name}: here, from {found.source}")
        else:
            level = WARNING if found.kind == "hub" else FAULT
            what = f"{name}: not here, would come from {found.source}"
            yield Finding.wrong("weights", level, what, Command("zoo weights", name, pack="FOLDER"))


def _runs(store: Store) -> Iterator[Finding]:
    if store.root.exists() and not store.root.is_dir():
        yield Finding.wrong("runs", FAULT, f"{store}: is no folder; name another", Command("doctor", runs="DIR"))
        return
    if not store.root.exists():
        yield Finding("runs", OK, f"{store}: nothing is trained yet", Command("zoo train", fold="all"))
        return
    torn = list(_torn(store))
    yield from _first(torn, "file", VERIFY)
    stale = [*_of_other_folds(store), *_stale(store)]
    yield from _first(stale, "prediction set", VERIFY)
    if not torn and not stale:
        members = len({*store.trained_members(), *store.predicted_members()})
        what = f"{store}: {counted(members, 'member')}, {counted(len(store.ensembles()), 'ensemble')}"
        yield Finding("runs", OK, f"{what}; nothing torn or stale")


def _torn(store: Store) -> Iterator[Finding]:
    """Small files that do not parse or do not match their digest, and runs whose weights are gone."""
    for path in listed(store.root, "**/*"):
        kind = kind_of(path)
        if kind is None or store.logs in path.parents or path.suffix not in SMALL or not path.is_file():
            continue
        try:
            kind.check(path)
        except UserError as error:
            yield Finding.of("runs", error, VERIFY)
            continue
        if path.name == "result.json" and not path.with_name("best.safetensors").is_file():
            yield Finding.wrong("runs", FAULT, f"{path.parent}: its weights are gone", _train_again(path))


def _train_again(result: Path) -> Command:
    """Command that trains a run again, or that says what is wrong if its recipe cannot be read."""
    place = place_of(result)
    with suppress(UserError):
        if place is not None:
            return read_run(replace(place, stage=0)).run.train_command
    return VERIFY


def _stale(store: Store) -> Iterator[Finding]:
    """Prediction sets that do not count, or are unfinished."""
    for found in set_folders(store):
        if found.written is None:
            place = found.place
            again = how_to_predict(place.split, place.ref, tta=place.tta)
            yield Finding.wrong("runs", WARNING, f"{place.folder}: unfinished; the next run resumes it", again)
            continue
        with suppress(UserError):  # a torn result is a fault of its own
            if outdated := found.outdated:
                yield Finding.of("runs", outdated, VERIFY, WARNING)


def _of_other_folds(store: Store) -> Iterator[Finding]:
    """Members whose predictions were made on another folds.csv, with the command that brings that back."""
    with suppress(UserError):  # a torn or missing folds.csv is a fault of its own
        folds = read_folds(store.folds)
        for member in store.predicted_members():
            found = list(set_folders(store, OOF, member))
            if not any(one.written is not None and one.opened.provenance.folds_sha256 == folds.sha256 for one in found):
                try:
                    find_members(store, OOF, [Ref(member)], folds_sha256=folds.sha256)
                except UserError as error:
                    yield Finding.of("runs", error, VERIFY, WARNING)


def _first(findings: Sequence[Finding], noun: str, listed_by: Command) -> Iterator[Finding]:
    """First findings of one kind, and the number of the others."""
    yield from findings[:MOST]
    if len(findings) > MOST:
        more = counted(len(findings) - MOST, f"more {noun}")
        yield Finding.wrong("runs", findings[0].level, f"{more} like these", listed_by)

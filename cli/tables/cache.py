"""Tables of `cli zoo verify` and `cli zoo import`."""

from cli.tables.page import Page
from core.errors import FEW
from core.words import counted
from pipeline.verify import Verified
from zoo.predictions.importer import Imported
from zoo.runs import Ref


def print_verified(console: "Page", found: "Verified") -> None:
    """Print one line for each fault, each unfinished set and each file that was not checked, and what was read."""
    for fault in found.faults:
        console.print(fault, soft_wrap=True)
    for path in found.sets.unfinished:
        console.print(f"{path}: unfinished; the next run resumes it", soft_wrap=True)
    for path in found.unknown:
        console.print(f"{path}: not checked: not a file of this suite", soft_wrap=True)
    for path in found.left:
        console.print(f"{path}: left by a killed command; the same command again removes it", soft_wrap=True)
    for path in found.unsigned[:FEW]:
        console.print(f"{path}: has no digest, from an older version", soft_wrap=True)
    if len(found.unsigned) > FEW:
        console.print(f"... and {len(found.unsigned) - FEW} more without a digest; --json lists all")
    sets = found.sets
    for count, words in ((sets.sets_of_other_folds, "prediction sets"), (sets.runs_of_other_folds, "runs")):
        if count:
            console.print(f"{count} {words} are of another folds.csv: they do not count until it is back")
    console.print(
        f"{counted(sets.sets, 'prediction set')}, {counted(sets.records, 'map')} in {counted(sets.shards, 'shard')}, "
        f"{sets.bytes / 1e6:.1f} MB; {counted(found.artefacts, 'artefact')}, {len(found.unsigned)} without a digest, "
        f"{counted(len(found.unknown), 'file')} not checked: {counted(len(found.faults), 'fault')}"
    )


def print_imported(console: "Page", found: "Imported") -> None:
    """Print the records of each fold, and of the test split."""
    folds = ", ".join(f"fold {fold}: {records}" for fold, records in found.folds.items())
    ref = Ref(found.name, found.recipe)
    console.print(f"{ref}: {counted(sum(found.folds.values()), 'record')} out of fold ({folds})")
    if found.test:
        console.print(f"{ref}: {counted(found.test, 'test record')}")

"""Tables of `cli zoo verify` and `cli zoo import`."""

from rich.console import Console

from zoo.predictions.importer import Imported
from zoo.predictions.verify import Verified
from zoo.runs import Ref


def print_verified(console: "Console", found: "Verified") -> None:
    """Print one line for each fault and each unfinished set, and what was read."""
    for fault in found.faults:
        console.print(fault, markup=False, soft_wrap=True)
    for path in found.unfinished:
        console.print(f"{path}: unfinished; the next run resumes it", markup=False, soft_wrap=True)
    console.print(
        f"{found.sets} prediction sets, {found.records} maps in {found.shards} shards, "
        f"{found.bytes / 1e6:.1f} MB: {len(found.faults)} faults"
    )


def print_imported(console: "Console", found: "Imported") -> None:
    """Print the records of each fold, and of the test split."""
    folds = ", ".join(f"fold {fold}: {records}" for fold, records in found.folds.items())
    ref = Ref(found.name, found.recipe)
    console.print(f"{ref}: {sum(found.folds.values())} records out of fold ({folds})")
    if found.test:
        console.print(f"{ref}: {found.test} test records")

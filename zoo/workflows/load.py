"""Load results: a member as a torch module, a prediction set from its folder.

In: names, runs or paths. Out: a module from kelvin to probability, a PredictionSet. Stays outside: training, writing.
"""

from pathlib import Path

from core.errors import UserError
from core.listener import SILENT, Listener
from zoo.data import read_folds
from zoo.inference import MemberModel
from zoo.predictions import PredictionSet
from zoo.runs import Ref, RunName, Store
from zoo.runs.find import read_run, runs_of_folds
from zoo.runs.run import EndedRun, Run, fold_names


def load(
    source: str | Ref | Run | Path,
    store: Store | None = None,
    *,
    fold: str = "all",
    own_members: Path | None = None,
    listener: Listener = SILENT,
) -> MemberModel:
    """Load a trained member or run as a torch module from kelvin bands to the probability of a contrail.

    source: a member, of whose recipes the newest with most of the folds is taken, or MEMBER@HASH, both in `store`
    (default: the folder `runs`); or a run, or the path of its folder. fold: K, K-L, "all" or "full"; the module gives
    the mean probability of these folds' runs. own_members: folder of the user's own members.

    The module takes kelvin, float32 (n, bands, frames, 256, 256), in the order of its `bands` and `frames`, and gives
    probability, float32 (n, 256, 256). It is in evaluation mode, in float32, on the CPU.

    Raises UserError if a fold has no complete run, or the weights of the run are not those that it ended with.
    """
    if isinstance(source, Run):
        return MemberModel([_complete(source.ended(), source.folder)])
    if isinstance(source, Path):
        folder = source.absolute()
        name = RunName.parse(folder.name)
        if name is None or len(folder.parents) < 4:
            raise UserError(f"{source}: is not a run folder; give runs/members/<member>/<hash>/fold-<k>")
        place = Store(folder.parents[3]).run(Ref(folder.parents[1].name, folder.parent.name), name)
        return MemberModel([_complete(read_run(place), source)])
    store = store or Store(Path("runs"))
    folds = read_folds(store.folds)
    names = fold_names(fold, folds)
    ended = runs_of_folds(store, Ref.parse(source), names, folds.sha256, listener, own_members)
    return MemberModel([each.run for each in ended])


def open_predictions(folder: str | Path) -> PredictionSet:
    """Open a prediction set: maps of one run, uint8, probability * 255.

    folder: runs/predictions/<member>/<hash>/<split>/fold-<k>/<tta>. Raises UserError if the set is incomplete, damaged
    or of a newer format; every shard is checked by its hash when its maps are read.
    """
    return PredictionSet.open(Path(folder))


def _complete(ended: EndedRun | None, where: Path) -> Run:
    """Run whose weights are those that it ended with; UserError if they are not."""
    fault = f"{where}: the run has no result yet" if ended is None else ended.fault
    if ended is None or fault:
        raise UserError(f"{fault}; train the run again")
    return ended.run

"""Words of columns and remarks, each written once: tables of the command line and the report's tables take them.

Out: titles and texts. Stays outside: which columns a table has, figures, marks.
"""

from core.uncertainty import FEW_EFFECTIVE
from pipeline.leaderboard_rows import Row
from zoo.runs.store import HELD_OUT

MEMBER, MEMBERS, NAME, NOTE, WHEN, NUMBER = "member", "members", "name", "note", "when", "#"
DICE, INTERVAL, BEHIND, SPREAD = "Dice", "95 % interval", "behind", "folds ±"
RECORDS, EFFECTIVE = "records", "effective groups"
VIEWS, SIZE, EPOCHS, TRAINING, CHANGED = "TTA", "size", "epochs", "train min", "changed"
SECONDS_OF_RUN, SECONDS_OF_ALL = "s / record, a run", "s / record, all runs"
LOGGED_VALIDATION, LOGGED_BOARD = "log's val", "log's LB"
# of a fit
WEIGHT, THRESHOLD, MIN_PIXELS, IN_SAMPLE, CROSSED = "weight", "threshold", "min-pixels", "in-sample", "cross-fitted"
EQUAL, BEST = "equal weights", "best single"
WITHOUT, CHANGE, Z, ERRS_LIKE = "without", "Dice changes by", "z", "errs most like"
WITHOUT_FOLD, DICE_ON_IT = "without fold", "Dice on it"
QUESTION, CANDIDATE, GAIN, ANSWER = "question", "candidate", "gain", "answer"
# of the ledger; the last is the share of pixels that are contrails
LOCAL, PUBLIC, PRIVATE, OF_PIXELS = "local", "public", "private", "of pixels"
# of errors
KIND, PIXELS, DICE_WITHOUT, CLASS = "kind", "pixels", "Dice without", "class"
SHARE, OF_ALL = "share", "of all wrong"
CONTRAILS, TOUCHED, FOUND, MISSED = "contrails", "touched", "found", "missed"
BORDER, LABELER, PREDICTION, AHEAD = "border", "labeler", "prediction", "ahead"

MEANS_BEHIND = "behind: Dice of the first less this one; the intervals hold for all pairs of rows together"
REMARKS = {
    "in_sample": "in-sample: only one fold, whose own records chose the threshold",
    "other_recipe": "trained by another recipe than the listed one; --wide shows the keys that changed",
    "unknown_recipe": "its run is missing, so its recipe is not known",
    "few_groups": f"fewer than {FEW_EFFECTIVE} effective scene groups (by share of the pixels): "
    "no interval can be trusted",
    "own_epoch": "epoch chosen on the fold that scores it: the Dice is a little too high",
    "unscored": "no record has a contrail pixel: no Dice",
}


def remarks_of(row: Row) -> list[str]:
    """Keys of the remarks that limit what the score of a row says, in the order of REMARKS."""
    few = row.effective_groups is not None and row.effective_groups < FEW_EFFECTIVE
    holds = {
        "in_sample": row.kind == "in_sample",
        "other_recipe": bool(row.changed),
        "unknown_recipe": row.changed is None,
        "few_groups": few,
        "own_epoch": row.epoch_chosen_on == HELD_OUT,
        "unscored": row.kind == "unscored",
    }
    return [key for key in REMARKS if holds[key]]

"""What each fold's records are cut by: the choice made without them, as an ensemble of its own.

In: an ensemble, or the score of a member. Out: fold -> `Ensemble`, whose masks of that fold have the counts of the
cross-fitted Dice, pixel by pixel.
"""

from dataclasses import replace

from core.errors import UserError
from ensemble.blend import TOTAL, table
from ensemble.counts import Choice
from ensemble.member_scores import MemberScore
from ensemble.model import EDITED, Ensemble, MemberUse


def held_out_ensembles(ensemble: Ensemble) -> dict[int, Ensemble]:
    """Ensembles chosen without each fold; none if the fit had a single fold.

    UserError for an ensemble that was edited by hand, and for one of an earlier release, which kept no levels.
    """
    if ensemble.edited:
        what = f"{EDITED}; what it chose without each fold is of another"
        raise UserError(f"ensemble {ensemble.name}: {what}", ensemble.fit_again)
    folds = ensemble.fitted["folds"]
    if not all("level" in fold for fold in folds):
        what = "is of an earlier release, whose file lacks the thresholds of the folds"
        raise UserError(f"ensemble {ensemble.name}: {what}; fit it again", ensemble.fit_again)
    return {
        fold["fold"]: replace(
            ensemble,
            members=tuple(
                replace(member, weight=round(fold["weights"][member.name] * TOTAL)) for member in ensemble.members
            ),
            table=fold["table"],
            level=fold["level"],
            mode=fold["min_pixels"]["mode"],
            k=fold["min_pixels"]["k"],
        )
        for fold in folds
    }


def held_out_member(score: MemberScore, folds_sha256: str) -> dict[int, Ensemble]:
    """A member at the threshold chosen without each fold, or, with a single fold, at that of its own records."""
    active, crossed = score.counts.active, score.scored.crossed
    if crossed is None:
        return {active.folds[0]: _alone(score, score.scored.choice, folds_sha256)}
    return {
        active.folds[fold]: _alone(score, choice, folds_sha256) for fold, choice in zip(crossed.folds, crossed.choices)
    }


def _alone(score: MemberScore, choice: Choice, folds_sha256: str) -> Ensemble:
    member = score.member
    return Ensemble(
        name=member.name,
        members=(MemberUse(member.name, member.recipe, member.tta, TOTAL, member.digest),),
        table=choice.blend.table,
        level=choice.cut.bin << table(choice.blend.table).shift,
        mode=choice.cut.mode,
        k=choice.cut.k,
        eps=score.counts.active.eps,
        method="best",
        folds_sha256=folds_sha256,
        record_ids=score.counts.active.record_ids,
    )

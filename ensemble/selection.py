"""What has earned its place: the rules of `auto`, and whether what the user named pays.

In: a `Plan` and a training set. Out: a `Policy` and the decisions that led to it. Stays outside: scoring.

`auto` is a rule and not a method: fitted weights replace equal ones only where their cross-fitted paired gain
stands (z > 1), else they are shrunk to the smallest step towards them that lies within one standard error of
the best; a stacker and min-pixels are taken only where their gain stands, too. The rule itself is
cross-fitted: without fold k, it decides from the remaining folds alone.
"""

from dataclasses import replace

from core.bootstrap import Gain, paired_gain
from core.dice import Counts
from ensemble.counts import Training
from ensemble.lineup import Note, line_up
from ensemble.strategy import AUTO, RATIOS, STANDS, Decision, Plan, Policy, crossed
from ensemble.weights.ratios import shares_of

CANDIDATE = "greedy"  # what auto tries in place of equal weights
STACKER = "stack"  # what auto tries in place of weights
MIN_PIXELS = ("image", "component")  # what auto tries
SHRINKAGE = (0.0, 0.25, 0.5, 0.75, 1.0)  # steps from equal to fitted weights


def judged_on(plan: Plan, folds: int) -> Plan:
    """The plan that can be scored on so many folds.

    With two, what is scored on one is decided on the other alone, where nothing can earn its place: a decision on both
    would be reported with the Dice of another ensemble. So nothing is decided.
    """
    if folds != 2:
        return plan
    method = "uniform" if plan.method == AUTO else plan.method
    min_pixels = "none" if plan.min_pixels == AUTO else plan.min_pixels
    return replace(plan, method=method, min_pixels=min_pixels, prune=False)


def decide(plan: Plan, training: Training, note: Note = lambda decision: None) -> Policy:
    """The policy that the plan comes to on this training set; with one fold nothing can earn its place."""
    shares = tuple(shares_of(plan.ratios, training.tally.active.members)) if plan.method == RATIOS else ()
    # Who was given no share cannot be left alone.
    able = training.among([member for member in training.members if not shares or shares[member] > 0])
    members = line_up(plan, able, note)
    part = training.among(members)
    policy = Policy(members=None if members == training.members else members, shares=shares)
    if plan.method not in (AUTO, RATIOS):
        policy = replace(policy, method=plan.method)
    elif plan.method == AUTO and len(part.folds) > 1 and part.size > 1:
        policy = _earned_stacker(_earned_weights(policy, part, note), part, note)
    if plan.min_pixels != AUTO:
        return replace(policy, mode=plan.min_pixels)
    return _earned_mode(policy, part, note) if len(part.folds) > 1 else policy


def judge_what_was_asked(plan: Plan, policy: Policy, training: Training) -> list[Decision]:
    """Whether a method or a mode that the user named would have earned its place."""
    if len(training.folds) < 2:
        return []
    plain = replace(policy, mode="none")
    equal = Policy(members=policy.members)
    asked = [
        ("weights", plan.method, "uniform", plan.method not in (AUTO, "uniform"), plain, equal),
        (
            "min-pixels",
            plan.min_pixels,
            "none",
            plan.min_pixels not in (AUTO, "none"),
            policy,
            replace(policy, mode="none"),
        ),
    ]
    if plan.prune and policy.members is not None:
        whole = decide(replace(plan, prune=False), training)
        asked.append(("pruning", "fewer members", "all members", True, policy, whole))
    return [
        Decision(question, name, against, _gain(training, candidate, baseline), taken=True, asked=True)
        for question, name, against, was_named, candidate, baseline in asked
        if was_named
    ]


def _gain(training: Training, candidate: Policy, baseline: Policy) -> Gain:
    groups = training.tally.groups_of(training.folds)
    return paired_gain(crossed(training, candidate), crossed(training, baseline), groups)


def _earned_weights(policy: Policy, training: Training, note: Note) -> Policy:
    steps = [replace(policy, method=CANDIDATE, step=step) for step in SHRINKAGE]
    counts = [crossed(training, step) for step in steps]
    groups = training.tally.groups_of(training.folds)
    full = paired_gain(counts[-1], counts[0], groups)
    chosen = len(steps) - 1
    if full.z <= STANDS:
        best = max(range(len(steps)), key=lambda index: Counts.of(counts[index]).dice)
        lost = [paired_gain(counts[best], one, groups) for one in counts]
        chosen = next(index for index, loss in enumerate(lost) if loss.value <= loss.error)
    taken = steps[chosen].step
    question = "weights" if taken in (0, 1) else f"weights, shrunk to {taken:.0%} of the way"
    note(Decision(question, CANDIDATE, "uniform", full, taken > 0))
    return steps[chosen] if taken else policy


def _earned_stacker(policy: Policy, training: Training, note: Note) -> Policy:
    stacked = replace(policy, method=STACKER, step=1.0)
    gain = _gain(training, stacked, policy)
    note(Decision("stacker", STACKER, policy.method, gain, gain.z > STANDS))
    return stacked if gain.z > STANDS else policy


def _earned_mode(policy: Policy, training: Training, note: Note) -> Policy:
    groups, plain = training.tally.groups_of(training.folds), crossed(training, policy)
    gains = {mode: paired_gain(crossed(training, replace(policy, mode=mode)), plain, groups) for mode in MIN_PIXELS}
    mode = max(gains, key=lambda name: gains[name].value)
    earned = mode if gains[mode].z > STANDS else "none"
    for name, gain in gains.items():
        note(Decision("min-pixels", name, "none", gain, name == earned))
    return replace(policy, mode=earned)

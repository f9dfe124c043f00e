"""Weights by ratios of groups of members, which the user gives: nothing is fitted."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from core.errors import UnknownName, UsageError

FORM = 'give groups of members and their ratios: "lite0-fc-t5+lite1-fc-t5=2,resnet*=1"'


def shares_of(text: str, members: Sequence[str]) -> list[float]:
    """Parse ratios into a share of every member, (members,): a group's ratio is divided evenly among its members.

    text: "a+b=2,c*=1"; a group is members joined by "+" or matched by "*"; members in no group get 0
    Raises UsageError for another form or a member in two groups, UnknownName for a member that does not exist.
    """
    shares = dict.fromkeys(members, 0.0)
    seen: set[str] = set()
    for part in text.split(","):
        names, _, number = part.rpartition("=")
        ratio = _number(number if names else "", text)
        group = [name for pattern in names.split("+") for name in _matched(pattern.strip(), members)]
        twice = seen.intersection(group) or len(set(group)) < len(group)
        if twice:
            raise UsageError(f'--ratios "{text}": a member is in two groups; name it once')
        seen.update(group)
        for name in group:
            shares[name] = ratio / len(group)
    if not any(shares.values()):
        raise UsageError(f'--ratios "{text}": every ratio is 0; give one above it')
    return [shares[name] for name in members]


def _matched(pattern: str, members: Sequence[str]) -> list[str]:
    found = [name for name in members if fnmatchcase(name, pattern)]
    if not found:
        raise UnknownName("member", pattern, members, "--ratios")
    return found


def _number(text: str, whole: str) -> float:
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio < float("inf"):
        raise UsageError(f'--ratios "{whole}": {FORM}')
    return ratio

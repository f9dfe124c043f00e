"""Test-time views: how a set of them is spelled, checked and named. No torch: zoo.tta applies them.

In: text such as `hflip+rot90+scale(0.75,1.5)@gmean`. Out: a `ViewSet`, whose `name` is canonical and safe as the name
of a folder. Steps multiply: every combination of their values is a view, and the image as it is always is one. Commas
join sets, each view of which counts once: `hflip,rot90(90,270)` are four views. The order in which steps and sets are
written carries no meaning; steps are applied in the order of STEPS.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import product
from math import prod

from core.errors import UnknownName, UsageError

# Ways to merge the probabilities of the views: ttach's, but for `sum` and `min`.
MERGES = ("mean", "gmean", "max", "tsharpen")
# Shorthands, plainest first, by the steps that they stand for.
ALIASES: dict[str, tuple[str, ...]] = {
    "none": (),
    "flips": ("vflip", "hflip"),
    "d4": ("transpose", "vflip", "hflip"),
}
SQUARE = 8  # views of a square: its mirrored and turned ones, and itself
LONGEST = 200  # characters of a folder's name; file systems take 255
_TERM = re.compile(r"(?P<name>[a-z]\w*)(?:\((?P<listed>[^()]*)\)|(?P<dashed>(?:-[0-9.]+)+))?")
_COMMA = re.compile(r",(?![^()]*\))")  # outside of brackets
Values = tuple[float, ...]
Steps = tuple[tuple[str, Values], ...]  # that multiply, in the order of STEPS


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of the views.

    identity: the value that leaves the image as it is, always one of a step's values. fits: whether values can be
    given; `advice` says which. default: its values where none are given. turns: the step moves pixels to other places
    of the square.
    """

    identity: float
    fits: Callable[[Values], bool]
    advice: str
    default: Values = ()
    turns: bool = False

    def values(self, given: Values) -> Values:
        """Values given, or the default, and the identity, in ascending order; UsageError if they do not fit."""
        values = given or self.default
        if not values or not self.fits(values):
            raise UsageError(self.advice)
        return tuple(sorted({self.identity, *values}))


_SWITCH = Step(identity=0, fits=lambda values: values == (0, 1), advice="takes no values", default=(0, 1), turns=True)
_ANGLES = (0, 90, 180, 270)  # degrees, counter-clockwise
STEPS = {
    "transpose": _SWITCH,
    "rot90": Step(
        identity=0,
        fits=lambda angles: set(angles) <= set(_ANGLES),
        advice="give angles of 0, 90, 180, 270, or none for all of them",
        default=_ANGLES,
        turns=True,
    ),
    "vflip": _SWITCH,
    "hflip": _SWITCH,
    "scale": Step(  # multiples of the network's size, rounded to 32 pixels
        identity=1,
        fits=lambda factors: all(0.25 <= factor <= 4 for factor in factors),
        advice="give factors of the network's size, 0.25 to 4, as in scale(0.75,1.5)",
    ),
    "multiply": Step(
        identity=1,
        fits=lambda factors: all(0.1 <= factor <= 10 for factor in factors),
        advice="give factors of the channels, 0.1 to 10, as in multiply(0.9,1.1)",
    ),
}


@dataclass(frozen=True)
class ViewSet:
    """Set of views and how their maps are merged; made by `parse_views`."""

    products: tuple[Steps, ...]  # the views of each, together
    merge: str = "mean"

    @property
    def count(self) -> int:
        """Number of views: the network computes once for each."""
        return len(single_views(self))

    @property
    def scales(self) -> tuple[float, ...]:
        """Factors at which the network sees images, ascending; none without a `scale` step."""
        return tuple(sorted({factor for steps in self.products for factor in dict(steps).get("scale", ())}))

    @property
    def name(self) -> str:
        """Canonical spelling, safe as the name of a folder: `d4`, `hflip+scale-0.75-1-1.5+gmean`, `hflip,vflip`."""
        merge = "" if self.merge == "mean" else f"+{self.merge}"
        return ",".join(map(_product_name, self.products)) + merge


@dataclass(frozen=True)
class SingleView:
    """One view: transposed first, then flipped up-down, then left-right; at a scale, with its channels multiplied."""

    transpose: bool = False
    vflip: bool = False
    hflip: bool = False
    scale: float = 1.0
    multiply: float = 1.0

    def __str__(self) -> str:
        terms = [name for name in ("transpose", "vflip", "hflip") if getattr(self, name)]
        terms += [f"{name}({value:g})" for name in ("scale", "multiply") if (value := getattr(self, name)) != 1]
        return "+".join(terms) or "none"


def single_views(views: ViewSet) -> list[SingleView]:
    """Views of a set, each once, in the order in which they are computed: the last step's value changes first.

    >>> [str(view) for view in single_views(parse_views("rot90(90)+scale(0.5)"))]
    ['scale(0.5)', 'none', 'transpose+vflip+scale(0.5)', 'transpose+vflip']
    >>> [str(view) for view in single_views(parse_views("hflip,rot90(90,270)"))]
    ['none', 'hflip', 'transpose+vflip', 'transpose+hflip']
    """
    return list(dict.fromkeys(view for steps in views.products for view in product_views(steps)))


def product_views(steps: Steps) -> list[SingleView]:
    """View of each combination of the steps' values."""
    found = []
    for values in product(*(values for _, values in steps)):
        view = SingleView()
        for (name, _), value in zip(steps, values):
            view = _then(view, name, value)
        found.append(view)
    return found


def _then(view: SingleView, step: str, value: float) -> SingleView:
    """View after one more step of this value."""
    if step == "scale":
        return replace(view, scale=value)
    if step == "multiply":
        return replace(view, multiply=value)
    if step == "rot90":
        turned = _then(view, "transpose", 1) if value in (90, 270) else view
        flips = {90: ("vflip",), 180: ("vflip", "hflip"), 270: ("hflip",)}.get(int(value), ())
        return replace(turned, **{flip: not getattr(turned, flip) for flip in flips})
    if not value:
        return view
    if step == "transpose":  # what was flipped up-down before is flipped left-right after it
        return replace(view, transpose=not view.transpose, vflip=view.hflip, hflip=view.vflip)
    return replace(view, **{step: not getattr(view, step)})


def parse_views(text: str) -> ViewSet:
    """Set of views that `text` spells: aliases and steps with their values, joined by +, and a merge mode after @.

    `d4@gmean`, `hflip+rot90+scale(0.75,1,1.5)+multiply(0.9,1,1.1)`, sets joined by commas, or a canonical name. Raises
    UsageError, with the nearest name for one that is unknown.

    >>> parse_views("hflip + scale(1.5, 0.75) @ max").name
    'hflip+scale-0.75-1-1.5+max'
    >>> parse_views("vflip+hflip").name, parse_views("d4@gmean").count
    ('flips', 8)
    >>> parse_views("rot90(270), rot90(90), hflip, none").name
    'hflip,rot90-0-90-270'
    """
    where = f'TTA "{text}"'
    if not text.strip():
        raise UsageError(f"{where}: names no views; give {', '.join(ALIASES)}, or steps such as hflip+scale(0.75,1.5)")
    merges: list[str] = []
    products = [_product(part, merges, where) for part in _COMMA.split(re.sub(r"\s", "", text))]
    if len(merges) > 1:
        raise UsageError(f"{where}: merges by {' and '.join(merges)}; give one of them")
    views = ViewSet(_distinct(products), *merges)
    if len(views.name) > LONGEST:
        raise UsageError(f"{where}: is too long for the name of a folder; give fewer values")
    return views


def _product(text: str, merges: list[str], where: str) -> Steps:
    """Steps that a part between commas spells; adds merge modes in it to `merges`."""
    given: dict[str, Values] = {}
    for mark, term in re.findall(r"(^|[+@])([^+@]*)", text):
        matched = _TERM.fullmatch(term)
        name = matched["name"] if matched else re.split(r"[^\w]", term)[0]
        if name in MERGES and term == name:
            merges.append(name)
            continue
        for step in ALIASES.get(name, (name,)):
            if step in given:
                raise UsageError(f"{where}: {step} is given twice; give it once")
            if step not in STEPS:
                kind, known = ("merge", MERGES) if mark == "@" else ("view", (*ALIASES, *STEPS))
                raise UnknownName(kind, step, known, where)
            given[step] = _values(step, matched, name in ALIASES, where)
    turned = prod(len(values) for name, values in given.items() if STEPS[name].turns)
    if turned > SQUARE:
        raise UsageError(f"{where}: {turned} flips and turns, of which {SQUARE} differ; give d4 for all of them")
    return tuple((name, given[name]) for name in STEPS if name in given)


def _distinct(products: Iterable[Steps]) -> tuple[Steps, ...]:
    """The products in one order, values of a single step joined, without those whose views another one has."""
    values: dict[str, set[float]] = {}
    several = []
    for steps in products:
        if len(steps) == 1:
            values.setdefault(steps[0][0], set()).update(steps[0][1])
        else:
            several.append(steps)
    joined = [((name, tuple(sorted(each))),) for name, each in values.items()]
    found: dict[Steps, set[SingleView]] = {}
    for steps in sorted({*several, *joined}, key=lambda steps: (-len(product_views(steps)), _product_name(steps))):
        views = set(product_views(steps))
        if not any(views <= others for others in found.values()):
            found[steps] = views
    return tuple(sorted(found, key=_product_name))


def _product_name(steps: Steps) -> str:
    plain = {name for name, values in steps if STEPS[name].default == values}
    alias = next(alias for alias, of_alias in reversed(ALIASES.items()) if plain.issuperset(of_alias))
    terms = [_term(name, values) for name, values in steps if name not in ALIASES[alias]]
    return "+".join([*([alias] if ALIASES[alias] or not terms else []), *terms])


def most_turned_first(name: str) -> tuple[int, int, str]:
    """Sort key of the canonical names of sets of views: most mirrored and turned views first, then fewest others.

    Views of other scales or brightness may lower a Dice; mirrored and turned ones were not seen to
    (docs/registration.md). Names that are none come last.

    >>> sorted(["none", "d4+gmean", "scale-1-1.25", "flips+scale-1-1.25", "flips", "d4"], key=most_turned_first)
    ['d4', 'd4+gmean', 'flips', 'flips+scale-1-1.25', 'none', 'scale-1-1.25']
    """
    try:
        views = single_views(parse_views(name))
    except UsageError:
        return 0, 0, name
    return -len({(view.transpose, view.vflip, view.hflip) for view in views}), len(views), name


def _values(step: str, term: re.Match[str] | None, is_alias: bool, where: str) -> Values:
    """Values of a step and the identity, each once, in ascending order."""
    texts = (term["listed"] or term["dashed"] or "") if term else ""
    try:
        if term is None or (is_alias and texts):
            raise UsageError("takes no values" if is_alias else "give names joined by +, values in brackets")
        values = tuple(float(f"{float(each):g}") for each in re.split("[-,]", texts.strip("-,")) if each)
        return STEPS[step].values(values)
    except (UsageError, ValueError) as error:
        reason = str(error) if isinstance(error, UsageError) else f"{texts!r} holds no numbers"
        raise UsageError(f"{where}: {step}: {reason}") from error


def _term(name: str, values: Values) -> str:
    return name if STEPS[name].default == values else "-".join([name, *(f"{value:g}" for value in values)])

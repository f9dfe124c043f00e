"""Options of losses, augmentations, decoders and time mixings: keyword-only parameters of functions and classes.

`alpha: Annotated[float, ABOVE_ZERO] = 0.3` declares one: its kind, the values that fit, its default. A recipe gives it
as `tversky(alpha=0.7)`.
"""

from collections.abc import Callable
from inspect import Parameter, signature
from typing import Annotated, Any, get_args, get_origin

from core.errors import UnknownName, UsageError
from zoo.members.keys import Option, Rule
from zoo.members.terms import Term


def declared_options(make: Callable[..., Any]) -> dict[str, Option]:
    """Options of a registered function or class, by name."""
    parameters = signature(make, eval_str=True).parameters.values()
    return {one.name: _option(one) for one in parameters if one.kind is Parameter.KEYWORD_ONLY}


def options_of(term: Term, make: Callable[..., Any], where: str) -> dict[str, Any]:
    """Options that a term gives, as keyword arguments of `make`.

    Raises UnknownName for an option that it does not declare, UsageError for a value that does not fit.
    """
    declared = declared_options(make)
    if term.options and not declared:
        raise UsageError(f"{where}: {term.name} has no options; write it as {term.name}")
    found = {}
    for name, value in term.options:
        if name not in declared:
            raise UnknownName(f"option of {term.name}", name, declared, where)
        declared[name].check(f"{where}: {term.name}", name, value)
        found[name] = float(value) if declared[name].kind is float else value
    return found


def _option(parameter: Parameter) -> Option:
    hint = parameter.annotation
    kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    rule = next((note for note in notes if isinstance(note, Rule)), None)
    return Option(kind=get_origin(kind) or kind, rule=rule, default=parameter.default)

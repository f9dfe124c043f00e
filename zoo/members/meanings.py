"""Meaning of each key of a recipe: the docstring below its field.

Stays outside: values, defaults (zoo.members.keys).
"""

import ast
import inspect
from functools import cache

from zoo.members import fields


@cache
def meanings() -> dict[str, str]:
    """Read the description of each key from the source of `RecipeFields`, in one line."""
    (kind,) = (node for node in ast.parse(inspect.getsource(fields)).body if isinstance(node, ast.ClassDef))
    found = {}
    for field, below in zip(kind.body, kind.body[1:]):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                found[name] = inspect.cleandoc(text).replace("\n", " ")
    return found

"""Names, numbers and options in a recipe's text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UsageError
from zoo.augment import AUGMENTATIONS
from zoo.losses import LOSSES
from zoo.members import load_member, with_settings
from zoo.members.options import declared_options, options_of
from zoo.members.terms import Term, leaves, parse_term, parse_terms
from zoo.members.toml import frozen, thawed, toml_text
from zoo.models.decoders import DECODERS
from zoo.models.time_mixing import TIME_MIXING

KNOWN = ("bce", "dice", "tversky")
NUMBERS = st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = NUMBERS | st.booleans() | st.text("ab+*,= ") | st.lists(st.integers(0, 9))
OPTIONS = st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), VALUES, max_size=3)
WEIGHTS = st.none() | st.floats(1e-3, 1e3)
TERMS = st.builds(Term, st.sampled_from(KNOWN), WEIGHTS, OPTIONS.map(frozen))
GROUPS = st.recursive(
    TERMS,
    lambda inside: st.builds(Term, st.just(""), WEIGHTS, terms=st.lists(inside, min_size=1, max_size=3).map(tuple)),
    max_leaves=6,
)


def text_of(term):
    number = "" if term.weight is None else f"{term.weight!r}*"
    if term.terms:
        return f"{number}({'+'.join(map(text_of, term.terms))})"
    inside = ", ".join(f"{name} = {toml_text(thawed(value))}" for name, value in term.options)
    return f"{number}{term.name}({inside})" if term.options else f"{number}{term.name}"


@given(st.lists(TERMS, min_size=1))
def test_terms_come_back_from_their_text(written):
    assert parse_terms(" + ".join(map(text_of, written)), "loss", KNOWN, "mine") == tuple(written)


@given(st.lists(GROUPS, min_size=1))
def test_groups_come_back_from_their_text(written):
    assert parse_terms(" + ".join(map(text_of, written)), "augment", KNOWN, "mine", groups=True) == tuple(written)


def test_the_leaves_of_groups_are_their_named_terms():
    terms = parse_terms("bce+0.5*(dice+2*(tversky))", "augment", KNOWN, "mine", groups=True)
    assert [(term.name, term.weight) for term in leaves(terms)] == [("bce", None), ("dice", None), ("tversky", None)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.95*(d4+mixup", "write a group as 0.95*(first+0.5*second)"),
        ("0.95*()", "write a group as 0.95*(first+0.5*second)"),
        ("1.5*(d4)", '"1.5" is not a number above 0, up to 1; write it as 0.5*(...)'),
        ("0.9*(d4+mixpu)", 'no augment "mixpu"; did you mean "mixup"'),
    ],
)
def test_what_is_no_group_is_refused_as_a_recipe_is_made(text, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        with_settings(load_member("lite0-fc-t5"), {"augment": text})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tversky(0.7)", '"tversky(0.7)": write options as tversky(name=0.5, other=2)'),
        ("tversky(alpha=0.7", "write options as tversky"),
        ("tversky(alpha=0.7, alpha=0.8)", "write options as tversky"),
        ("tversky(alpha=0.7}\nx = {y = 1)", "write options as tversky"),
        ("tversky(alpha=half)", "write options as tversky"),
        ("bce+tversky(alpha=0.7)x", "write options as tversky"),
        ("tverski(alpha=0.7)", 'no loss "tverski"; did you mean "tversky"'),
        ("0.5 tversky(alpha=0.7)", "is not a valid term; write it as 0.5*tversky(alpha=0.7)"),
        ("-1*tversky(alpha=0.7)", '"-1" is not a number above 0; write it as 0.5*tversky'),
    ],
)
def test_what_is_no_term_is_refused_as_a_recipe_is_made(text, words):
    with pytest.raises(UsageError, match=re.escape(words)) as caught:
        with_settings(load_member("lite0-fc-t5"), {"loss": text})
    assert "\n" not in str(caught.value).replace(text, "")


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("decoder", "bifpm(repeats=2)", 'no decoder "bifpm"; did you mean "bifpn"'),
        ("decoder", "0.5*bifpn", 'no decoder "0.5*bifpn"; did you mean "bifpn"'),
        ("decoder", "bifpn(2)", "write options as bifpn(name=0.5, other=2)"),
        ("time", "transformer(layers)", "write options as transformer(name=0.5, other=2)"),
    ],
)
def test_decoders_and_time_mixings_are_one_name_with_options(key, text, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        with_settings(load_member("lite0-fc-t5"), {key: text})


def test_options_count_in_the_hash():
    recipe = load_member("lite0-fc-t5")
    hashes = {with_settings(recipe, {"loss": loss}).hash(True, "x") for loss in ("tversky", "tversky(alpha=0.5)")}
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("registry", "name"),
    [(registry, name) for registry in (LOSSES, AUGMENTATIONS, DECODERS, TIME_MIXING) for name in registry.names()],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_declared_options_fit_at_their_defaults(registry, name):
    make = registry.get(name)
    declared = declared_options(make)
    term = Term(name, options=tuple((option, told.default) for option, told in declared.items()))
    assert options_of(term, make, "mine") == dict(term.options)


def test_a_term_alone_may_have_spaces_around_it():
    assert parse_term(" tversky( alpha = 1 ) ", "loss", KNOWN, "mine") == Term("tversky", options=(("alpha", 1),))

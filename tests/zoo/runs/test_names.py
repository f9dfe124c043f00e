"""Names round-trip: what is written is read back, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import UserError
from zoo.runs import Ref, RunName

FOLDS = st.one_of(st.just("full"), st.integers(0, 10**6).map(str))
MEMBERS = st.text(st.characters(exclude_characters="@"), min_size=1)
HASHES = st.text("0123456789abcdef", max_size=12)


@given(fold=FOLDS, seed=st.integers(0, 10**9))
def test_a_run_name_is_read_as_it_was_written(fold, seed):
    name = RunName(fold, seed)
    assert RunName.parse(str(name)) == name


@given(text=st.one_of(st.text(), st.from_regex(r"fold-[0-9a-z]+(-seed-[0-9]+)?", fullmatch=True)))
def test_a_folder_has_one_run_name_or_none(text):
    name = RunName.parse(text)
    assert name is None or str(name) == text


@pytest.mark.parametrize("text", ["fold-0-seed-0", "fold-00", "fold-0-seed-01", "fold-", "fold-x", "fold-0 ", "Fold-0"])
def test_a_second_spelling_of_a_run_is_none(text):
    assert RunName.parse(text) is None


@given(member=MEMBERS, recipe=st.one_of(st.none(), HASHES))
def test_a_ref_is_read_as_it_was_written(member, recipe):
    ref = Ref(member, recipe)
    assert Ref.parse(str(ref)) == ref


@given(known=st.sets(HASHES, max_size=6), asked=HASHES)
def test_a_hash_or_a_beginning_that_is_one_recipes_alone_means_it(known, asked):
    begun = [recipe for recipe in known if recipe.startswith(asked)]
    if asked in known:
        assert Ref("m", asked).resolve(known) == asked
    elif len(begun) > 1:
        with pytest.raises(UserError, match=f"^m@{asked}: is the beginning of several recipes; there are: m@"):
            Ref("m", asked).resolve(known)
    else:
        assert Ref("m", asked).resolve(known) == (begun[0] if begun else None)


def test_a_plain_member_means_no_recipe():
    assert Ref("m").resolve({"a1"}) is None

"""graph/table.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.table import flatten, is_table, map_table, same_structure, unflatten

TABLES = st.recursive(st.integers(), lambda s: st.lists(s, max_size=4), max_leaves=12)


def naive(x):
    return [leaf for item in x for leaf in naive(item)] if isinstance(x, list) else [x]


@given(TABLES)
def test_flatten_is_depth_first_left_to_right(x):
    assert flatten(x) == naive(x)


@given(TABLES)
def test_unflatten_undoes_flatten(x):
    assert unflatten(x, iter(flatten(x))) == x


@given(TABLES, TABLES)
def test_same_structure_looks_at_the_nesting_alone(x, y):
    def shape(t):
        return map_table(lambda _: 0, t)

    assert same_structure(x, y) == (shape(x) == shape(y))
    assert same_structure(x, map_table(str, x))


def test_map_keeps_the_nesting_and_makes_lists():
    assert map_table(lambda n: n * 10, (1, [2, (3,)], [])) == [10, [20, [30]], []]
    assert map_table(str, 5) == "5"


@pytest.mark.parametrize(("x", "yes"), [([], True), ((), True), ("ab", False), ({1: 2}, False)])
def test_lists_and_tuples_are_tables(x, yes):
    assert is_table(x) is yes
    assert flatten(x) == ([] if yes else [x])


def test_a_long_table():
    assert flatten([[i] for i in range(100_000)]) == list(range(100_000))

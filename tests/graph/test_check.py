"""graph/check.py: every rule, its message, and that all problems are told."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.check import checked_order
from graph.errors import GraphError
from graph.node import Node, apply


class Plain:
    def __init__(self, torch_name="Plain"):
        self.torch_name = torch_name


def line():
    return inspect.currentframe().f_back.f_lineno


def problems_of(inputs, outputs):
    with pytest.raises(GraphError) as caught:
        checked_order(inputs, outputs)
    for problem in caught.value.problems:
        assert "\n  fix: " in problem
        assert problem in str(caught.value)
    return caught.value.problems


def the_problem(inputs, outputs):
    (problem,) = problems_of(inputs, outputs)
    return problem


def test_a_sound_graph_passes_in_forward_order():
    a, b = apply(Plain()), apply(Plain())
    c = apply(Plain(), [b, a])
    d, e = c.split(2)
    f = apply(Plain(), [e, d])
    assert checked_order([a, b], [f]) == [b, a, c, e, d, f]
    assert checked_order([a, [b]], f) == [b, a, c, e, d, f]
    single = apply(Plain())
    assert checked_order(single, single) == [single]


@pytest.mark.parametrize(
    ("thing", "what"), [(None, "None"), (Plain("Tanh"), "an nn.Tanh module"), (3, "int 3")]
)
def test_inputs_and_outputs_must_be_nodes(thing, what):
    a = apply(Plain())
    problems = problems_of([a, [thing]], [thing, a, thing])
    assert [p.partition(",")[0] for p in problems] == [
        f"inputs[2] is {what}",
        f"outputs[1] is {what}",
        f"outputs[3] is {what}",
    ]
    assert all("test_check.py:" in p for p in problems)


def test_inputs_and_outputs_must_not_be_empty():
    assert len(problems_of([], [[]])) == 2
    assert the_problem([], apply(Plain())).startswith("inputs is empty")


def test_an_input_named_twice():
    a, made = apply(Plain("Tanh")), line()
    text = the_problem([a, a], apply(Plain(), a))
    assert text.startswith(f"inputs names Tanh, declared test_check.py:{made} 2 times")


def test_an_input_that_reads_something():
    a, made = apply(Plain("A")), line()
    b = apply(Plain("B"), a).annotate(name="b")
    text = problems_of([b], apply(Plain(), b))[0]
    assert text.startswith("inputs[1] is 'b' (B), declared test_check.py:")
    assert f"already reads A, declared test_check.py:{made}" in text


def test_an_unused_input():
    a, b = apply(Plain()), apply(Plain("B")).annotate(name="mask")
    made = line() - 1
    text = the_problem([a, b], apply(Plain(), a))
    assert text.startswith(f"inputs[2], 'mask' (B), declared test_check.py:{made}, is unused")


def test_a_source_that_is_no_input():
    a, b = apply(Plain()), apply(Plain("B"))
    made = line() - 1
    text = the_problem([a], apply(Plain(), [a, b]))
    assert text.startswith(f"B, declared test_check.py:{made} reads nothing and is not among")


def test_a_source_may_say_that_it_needs_no_input():
    constant = Plain()
    constant.is_source = True
    a = apply(Plain())
    assert len(checked_order([a], apply(Plain(), [a, apply(constant)]))) == 3


def test_unused_outputs_of_a_split():
    a, made = apply(Plain("A")), line()
    parts = a.split(4)
    text = the_problem(a, apply(Plain(), [parts[0], parts[2]]))
    assert text.startswith(
        f"2 of the split(4) outputs of A, declared test_check.py:{made} are unused: 2, 4"
    )
    assert "SelectTable" in text


def test_one_name_for_two_nodes():
    a = apply(Plain()).annotate(name="x")
    b = apply(Plain(), a).annotate(name="x")
    text = the_problem(a, b)
    assert text.startswith("the name 'x' is used 2 times: 'x' (Plain), declared test_check.py:")
    assert [f"test_check.py:{line() - n}" in text for n in (3, 4, 5)] == [True, True, False]


def test_one_module_at_two_nodes_may_keep_its_name():
    shared = Plain()
    a = apply(Plain())
    b = apply(shared, a).annotate(name="fc")
    c = apply(shared, b).annotate(name="fc")
    assert checked_order(a, c) == [a, b, c]


def test_two_outputs_of_a_split_may_not_share_a_name():
    a = apply(Plain())
    first, second = (n.annotate(name="x") for n in a.split(2))
    assert "the name 'x' is used 2 times" in the_problem(a, [first, second])


def test_a_branch_that_reaches_no_output():
    a = apply(Plain())
    forgotten = apply(Plain(), a)
    apply(Plain("End"), [forgotten, a]).annotate(name="lost")
    text = the_problem(a, apply(Plain(), a))
    assert text.startswith(f"'lost' (End), declared test_check.py:{line() - 2} reaches no output")


def test_what_another_model_took_does_not_dangle():
    a = apply(Plain())
    features = apply(Plain(), a)
    head = apply(Plain(), features)
    head.claimed = True
    assert checked_order(a, features) == [a, features]


def test_a_dangling_cycle():
    a = apply(Plain())
    b = apply(Plain(), a).annotate(name="b")
    b.add(apply(Plain(), b))
    text = the_problem(a, apply(Plain(), a))
    assert text.startswith("a cycle of 2 nodes") and "'b' (Plain)" in text


def test_a_cycle():
    a = apply(Plain())
    b = apply(Plain(), a)
    c = apply(Plain(), b).annotate(name="c")
    b.add(c)
    text = the_problem(a, c)
    assert text.startswith("a cycle of 2 nodes") and "'c' (Plain), declared test_check.py:" in text


def test_all_problems_are_told():
    a, unused = apply(Plain()), apply(Plain())
    stray = apply(Plain())
    first, _ = apply(Plain(), a).split(2)
    x = apply(Plain(), [first, stray]).annotate(name="x")
    y = apply(Plain(), x).annotate(name="x")
    apply(Plain(), a)
    problems = problems_of([a, unused], y)
    for text in ("is unused", "reads nothing", "are unused: 2", "is used 2 times", "reaches no"):
        assert sum(text in p for p in problems) == 1, text
    assert len(problems) == 5


def test_chains_of_100_000_nodes():
    first = node = Node(Plain())
    for _ in range(99_999):
        node = Node(Plain(), node, origin=first.origin)
    assert len(checked_order(first, node)) == 100_000
    assert the_problem(first, first).startswith("Plain, declared")  # All the rest dangles.


THINGS = [None, 3, "x", Plain(), Plain]


@given(st.data())
def test_a_broken_graph_is_always_a_graph_error(data):
    nodes = [Node(Plain())]
    for _ in range(data.draw(st.integers(0, 8))):
        parents = data.draw(st.lists(st.sampled_from(nodes), max_size=3))
        nodes.append(Node(Plain(), parents or None))
        if data.draw(st.booleans()):
            nodes[-1].annotate(name=data.draw(st.sampled_from("xyz")))
        if data.draw(st.integers(0, 3)) == 0:
            nodes += nodes[-1].split(data.draw(st.integers(1, 3)))
    for _ in range(data.draw(st.integers(0, 2))):
        data.draw(st.sampled_from(nodes)).add(data.draw(st.sampled_from(nodes)))
    some = st.lists(st.sampled_from(nodes) | st.sampled_from(THINGS), max_size=3)
    nested = st.recursive(st.sampled_from(nodes), lambda s: st.lists(s, max_size=3), max_leaves=4)
    inputs, outputs = data.draw(some | nested), data.draw(some | nested)
    try:
        order = checked_order(inputs, outputs)
    except GraphError as error:
        assert error.problems and all(error.problems)
    else:
        place = {node: i for i, node in enumerate(order)}
        assert all(place[p] < place[n] for n in order for p in n.parents)

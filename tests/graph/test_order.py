"""graph/order.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.errors import GraphError
from graph.node import Node, apply
from graph.order import forward_order


class Plain:
    torch_name = "Plain"


def graph_of(parents_of):
    """Nodes whose parents have smaller numbers."""
    nodes = []
    for parents in parents_of:
        chosen = [nodes[p] for p in parents]
        nodes.append(apply(Plain(), chosen or None))
    return nodes


@st.composite
def dags(draw, largest=12):
    size = draw(st.integers(1, largest))
    parents_of = [
        draw(st.lists(st.integers(0, i - 1), max_size=4)) if i else [] for i in range(size)
    ]
    outputs = draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=4))
    nodes = graph_of(parents_of)
    return nodes, [nodes[i] for i in outputs]


def depth_first(outputs):
    """The plain recursive definition: torch/graph's `topsort`."""
    order = []

    def visit(node):
        if node not in order:
            for parent in node.parents:
                visit(parent)
            order.append(node)

    for output in outputs:
        visit(output)
    return order


@given(dags())
def test_parents_come_first_each_node_once_nothing_else(case):
    _, outputs = case
    order = forward_order(outputs)
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    assert all(place[p] < place[n] for n in order for p in n.parents)
    assert set(outputs) <= set(order)
    children = {p for n in order for p in n.parents}
    assert set(order) <= children | set(outputs)


@given(dags())
def test_the_order_is_depth_first_from_the_outputs(case):
    _, outputs = case
    assert forward_order(outputs) == depth_first(outputs)


def test_inputs_are_followed_in_the_order_in_which_they_were_given():
    a, b, c = (apply(Plain()) for _ in range(3))
    d = apply(Plain(), [c, [a, b]])
    assert forward_order([d]) == [c, a, b, d]


@given(dags(), st.data())
def test_any_edge_backwards_is_reported_as_a_cycle(case, data):
    nodes, _ = case
    last = data.draw(st.sampled_from(nodes))
    ancestor = data.draw(st.sampled_from(forward_order([last])))
    ancestor.add(last)
    with pytest.raises(GraphError, match="a cycle of"):
        forward_order([last])


def test_a_cycle_is_told_node_by_node():
    a = apply(Plain()).annotate(name="a")
    b = apply(Plain(), a).annotate(name="b")
    c = apply(Plain(), b).annotate(name="c")
    a.add(c)
    with pytest.raises(GraphError) as caught:
        forward_order([b])
    text = str(caught.value)
    assert "a cycle of 3 nodes" in text
    assert text.index("'b' (Plain), declared test_order.py") < text.index("needs 'a'")
    assert text.index("needs 'a'") < text.index("needs 'c'") < text.index("needs 'b'")


def test_a_node_that_reads_itself():
    a = apply(Plain())
    a.add(a)
    with pytest.raises(GraphError, match="a cycle of 1 nodes"):
        forward_order([a])


def test_chains_of_100_000_nodes():
    first = node = Node(Plain())
    for _ in range(99_999):
        node = Node(Plain(), node, origin=first.origin)
    order = forward_order([node])
    assert len(order) == 100_000 and order[0] is first and order[-1] is node
    first.add(node)
    with pytest.raises(GraphError, match="a cycle of 100000 nodes") as caught:
        forward_order([node])
    assert len(str(caught.value)) < 2_000

"""graph/node.py, with modules that know nothing of Keras."""

import inspect
import re

import pytest

from graph.errors import GraphError
from graph.node import Node, apply, as_module, expecting_node


class Plain:
    def __init__(self, torch_name):
        self.torch_name = torch_name


def here():
    return f"test_node.py:{inspect.currentframe().f_back.f_lineno}"


def test_a_node_knows_its_parents_children_and_line():
    a, b = apply(Plain("A")), apply(Plain("B"))
    c, line = apply(Plain("C"), [b, [a, b]]), here()
    assert c.inputs == [b, [a, b]]
    assert c.parents == [b, a, b]
    assert a.children == [c] and b.children == [c, c]
    assert c.describe() == f"C, declared {line}"
    assert c.annotate(name="join").describe() == f"'join' (C), declared {line}"
    assert repr(c) == f"<Node 'join' (C), declared {line}>"


def test_a_list_of_one_passes_the_node_itself():
    a = apply(Plain("A"))
    assert apply(Plain("B"), [a]).inputs is a
    b, c = apply(Plain("B")), apply(Plain("C"))
    assert apply(Plain("D"), [[b, c]]).inputs == [b, c]


def test_the_list_of_inputs_is_the_nodes_own():
    inner = [apply(Plain("A")), apply(Plain("B"))]
    outer, single = [inner, apply(Plain("C"))], [inner]
    node, other = apply(Plain("D"), outer), apply(Plain("E"), single)
    inner.clear()
    outer.clear()
    assert len(node.inputs) == 2 and len(node.inputs[0]) == 2 and len(other.inputs) == 2


def test_annotations_add_up_and_the_node_comes_back():
    node = apply(Plain("A"))
    same = node.annotate(name="x", graphAttributes={"color": "red"}, note=3)
    node.annotate(description="the input", graphAttributes={"shape": "box"})
    assert same is node
    assert node.annotations == {
        "name": "x",
        "description": "the input",
        "graphAttributes": {"color": "red", "shape": "box"},
        "note": 3,
    }


@pytest.mark.parametrize("name", ["", "a/b", 7, ["x"]])
def test_a_bad_name_is_refused_and_nothing_changes(name):
    node = apply(Plain("A"))
    with pytest.raises(GraphError, match=rf"{re.escape(repr(name))} cannot name A, declared"):
        node.annotate(name=name, description="never kept")
    assert node.annotations == {}


def test_graph_attributes_must_be_a_mapping():
    node = apply(Plain("A"))
    with pytest.raises(GraphError, match=r"graphAttributes of A.*must be a dict.*got 'red'"):
        node.annotate(name="kept?", graphAttributes="red")
    assert node.annotations == {}


def test_split():
    node, line = apply(Plain("A")), here()
    first, second, third = node.split(3)
    assert node.nSplitOutputs == 3
    assert [n.selectindex for n in (first, second, third)] == [1, 2, 3]
    assert second.parents == [node] and node.splits == [first, second, third]
    assert second.describe() == f"output 2 of the split of A, declared {line}"
    with pytest.raises(GraphError, match="is split already, into 3"):
        node.split(3)


@pytest.mark.parametrize("n", [0, -1, 2.5, "2", None, True])
def test_split_needs_a_positive_whole_number(n):
    with pytest.raises(GraphError, match=f"needs a positive number of outputs, got {n!r}"):
        apply(Plain("A")).split(n)


def test_add_makes_one_input_a_table():
    a, b, c = (apply(Plain(n)) for n in "ABC")
    node = apply(Plain("D"))
    assert node.add(a).inputs is a
    assert node.add(b).inputs == [a, b]
    assert node.add(c).inputs == [a, b, c]
    assert node.parents == [a, b, c] and c.children == [node]
    with pytest.raises(GraphError, match="add is None, not a node"):
        node.add(None)
    assert node.parents == [a, b, c]


@pytest.mark.parametrize(
    ("thing", "what", "fix"),
    [
        (None, "None", "did its line run?"),
        (Plain("Tanh"), "an nn.Tanh module", "forget a second ()"),
        (Plain, "the class Plain", "Plain(...)()"),
        (3.5, "float 3.5", "graph.Input(shape)"),
        ("x" * 99, "str 'xxxx", "graph.Input(shape)"),
    ],
)
def test_what_stands_where_a_node_belongs(thing, what, fix):
    with pytest.raises(GraphError) as caught:
        apply(Plain("Add"), [apply(Plain("A")), [thing]])
    line = inspect.currentframe().f_lineno - 1
    text = str(caught.value)
    assert text.startswith(f"inputs[2] is {what}")
    assert f"test_node.py:{line}" in text and fix in text and len(text) < 300


def test_a_failed_call_leaves_no_child_behind():
    a = apply(Plain("A"))
    with pytest.raises(GraphError):
        apply(Plain("B"), [a, None])
    assert a.children == []


def test_empty_inputs():
    for nothing in ([], [[], []]):
        with pytest.raises(GraphError, match="B is given an empty list of inputs"):
            apply(Plain("B"), nothing)


def test_minus_chains_modules():
    module = Plain("B")
    a = apply(Plain("A"))
    b = a - module
    assert b.module is module and b.inputs is a


@pytest.mark.parametrize("thing", [3, None, Plain, apply(Plain("A"))])
def test_what_stands_where_a_module_belongs(thing):
    with pytest.raises(GraphError, match=r"stands where a module belongs \(test_node.py:\d+\)"):
        apply(Plain("A")) - thing
    with pytest.raises(GraphError, match="stands where a module belongs"):
        as_module(thing)


def test_expecting_node_lets_nodes_pass():
    expecting_node(Node(Plain("A")), "here")

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import graph
from graph import Input, gModule, nn


@pytest.fixture
def net():
    x = Input((4,), name="x").annotate(description="what comes in")
    a, b = nn.ConcatTable(nn.Linear(4, 3), nn.Linear(4, 3))(x).annotate(name="pair").split(2)
    y = nn.CAddTable()([a, b]).annotate(name="sum", graphAttributes={"fillcolor": "tomato"})
    return gModule([x], [y - nn.Tanh()], name="drawn")


def test_text_names_nodes_shapes_and_annotations(net):
    text = graph.dot(net, "a <title>")
    for part in ("<b>sum</b>", "what comes in", '"tomato"', "CAddTable", 'label="a <title>"'):
        assert part in text
    assert 'taillabel="1"' in text and 'taillabel="2"' in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it_and_finds_the_same_graph(net, tmp_path):
    graph.dot(net, path=tmp_path / "drawn")
    root = ElementTree.parse(tmp_path / "drawn.svg").getroot()
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"sum", "pair", "x", "drawn"} <= set(texts)
    plain = subprocess.run(
        ["dot", "-Tplain"], input=graph.dot(net), capture_output=True, text=True, check=True
    ).stdout
    kinds = [line.split()[0] for line in plain.splitlines()]
    assert kinds.count("node") == 4  # x, pair, sum, tanh
    assert kinds.count("edge") == 4  # x-pair, pair-sum twice, sum-tanh


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_names_with_markup_are_escaped(tmp_path):
    x = Input((2,), name="a<b>&c")
    graph.dot(gModule([x], [x - nn.Tanh()]), 'say "hi"', tmp_path / "odd.svg")
    assert "a&lt;b&gt;&amp;c" in (tmp_path / "odd.svg").read_text()


def test_without_graphviz_the_text_is_written_and_said(net, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    graph.dot(net, path=tmp_path / "drawn.svg")
    assert (tmp_path / "drawn.dot").read_text() == graph.dot(net)
    assert not (tmp_path / "drawn.svg").exists()
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_unknown_suffix(net, tmp_path):
    with pytest.raises(graph.GraphError, match=r"\.svg, \.png"):
        graph.dot(net, path=tmp_path / "drawn.gif")


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_annotation_that_graphviz_cannot_read_leaves_no_file(net, tmp_path):
    net.outputnodes[0].annotate(graphAttributes={"label": "x", "bad name": "y"})
    with pytest.raises(graph.GraphError, match="Graphviz"):
        graph.dot(net, path=tmp_path / "drawn.svg")
    assert list(tmp_path.iterdir()) == []


def test_heat_is_the_number_of_parameters(net):
    text = graph.dot(net, heat="parameters")
    counts = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) parameters", text)]
    # The last number is the legend's.
    assert sum(counts[1:]) == net.count_params() and counts[0] == max(counts[1:]) > 0
    assert "0.03 0.750 1.0" in text and "0.03 0.000 1.0" in text
    assert "parameters:  0</font>" in text and f">{max(counts):,} parameters</font>" in text
    assert "parameters" not in graph.dot(net)
    with pytest.raises(ValueError, match="'speed'"):
        graph.dot(net, heat="speed")


def slow_in_the_middle():
    """Three Linear modules, of which the second takes by far the most multiplications."""
    x = Input((8,), name="x")
    small = nn.Linear(8, 1500)(x).annotate(name="small")
    large = nn.Linear(1500, 1500)(nn.Tanh()(small)).annotate(name="large")
    y = nn.Linear(1500, 2)(large).annotate(name="last")
    return gModule([x], [y], name="timed")


def times(text):
    """Microseconds by the name of the node."""
    found = re.findall(r"<b>(\w+)</b>[^\n]*?([\d.]+) (µs|ms)</font>>", text)
    return {name: float(value) * (1000 if unit == "ms" else 1) for name, value, unit in found}


def test_heat_is_the_time_that_was_measured():
    net = slow_in_the_middle()
    text = graph.dot(net, "a <title>", heat="time", data=np.ones((64, 8), "float32"))
    found = times(text)
    assert max(found, key=found.get) == "large"
    # 64 x 1500 x 1500 multiply-adds: no machine does more than 10^13 a second.
    assert found["large"] > 10
    red = next(line for line in text.splitlines() if "<b>large</b>" in line)
    assert "0.03 0.750 1.0" in red
    assert "time for 64 samples" in text and "a &lt;title&gt;" in text
    before = net.get_weights()
    graph.dot(net, heat="time")
    for one, other in zip(before, net.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_times_of_tables_integers_and_late_shapes():
    words = Input((5,), name="words", dtype="int32")
    y = nn.LookupTable(9, 3)(words)
    a, b = nn.ConcatTable(nn.Identity(), nn.Tanh())(y).split(2)
    assert "1 sample<" in graph.dot(
        gModule([words], [nn.CAddTable()([a, b])]), heat="time"
    ).replace(":  0", "")
    late = gModule([x := nn.Identity()()], [x - nn.Tanh()], name="late")
    with pytest.raises(ValueError, match="input shapes of late are not known: give data="):
        graph.dot(late, heat="time")
    assert "2 samples" in graph.dot(late, heat="time", data=np.ones((2, 3), "float32"))
    open_size = gModule([x := Input((None, 3))], [x - nn.Tanh()], name="open")
    with pytest.raises(ValueError, match="of open has shape .* give data="):
        graph.dot(open_size, heat="time")
    with pytest.raises(TypeError, match="measured on a gModule, got DirectedGraph"):
        graph.dot(open_size.bg, heat="time")
    with pytest.raises(ValueError, match="data is for heat='time'"):
        graph.dot(open_size, data=np.ones((1, 2, 3)))

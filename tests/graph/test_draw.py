import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

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
    assert sum(counts) == net.count_params() and max(counts) > 0
    assert "0.03 0.750 1.0" in text and "0.03 0.000 1.0" in text
    assert "parameters" not in graph.dot(net)
    with pytest.raises(ValueError, match="'speed'"):
        graph.dot(net, heat="speed")

"""FlattenTable, NarrowTable, ZipTable and ZipTableOneToMany."""

import numpy as np
import pytest

import graph
from graph import nn
from graph.table import flatten, map_table, same_structure

A, B, C, D = (np.full((2, n), n, "float32") for n in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("module", "x", "expected"),
    [
        (nn.FlattenTable(), [A, [B, [C], D]], [A, B, C, D]),
        (nn.FlattenTable(), [[[A]], B], [A, B]),
        (nn.NarrowTable(2), [A, B, C], [B]),
        (nn.NarrowTable(2, 2), [A, B, C, D], [B, C]),
        (nn.NarrowTable(3, 5), [A, B, C, D], [C, D]),
        (nn.NarrowTable(1, 2), [[A, B], C], [[A, B], C]),
        (nn.ZipTable(), [[A, B], [C, D], [B, A]], [[A, C, B], [B, D, A]]),
        (nn.ZipTableOneToMany(), [A, [B, C, D]], [[A, B], [A, C], [A, D]]),
        (nn.ZipTableOneToMany(), [[A, B], [C]], [[[A, B], C]]),
    ],
)
def test_rearranged(run, module, x, expected):
    ran = run(module, x, map_table(lambda leaf: 2 * leaf, expected))
    assert same_structure(ran.output, expected)
    for a, b in zip(flatten(ran.output), flatten(expected), strict=True):
        np.testing.assert_array_equal(a, b)
    # Every use of a tensor adds its gradient.
    for leaf, gradient in zip(flatten(x), flatten(ran.gradInput), strict=True):
        uses = sum(leaf is other for other in flatten(expected)) // sum(
            leaf is other for other in flatten(x)
        )
        np.testing.assert_array_equal(gradient, 2 * uses * leaf)


def test_mistakes(refused):
    for module in (nn.FlattenTable(), nn.NarrowTable(1), nn.ZipTable(), nn.ZipTableOneToMany()):
        text = refused(module, (3,))
        assert "takes a table" in text
        assert f"fix: call it with a list of nodes: nn.{module.torch_name}(...)([a, b])" in text
    assert "begins with element 3 of a table of 2" in refused(nn.NarrowTable(3), [(3,), (3,)])
    assert "tables of one length" in refused(nn.ZipTable(), [[(1,), (2,)], [(1,), (2,), (3,)]])
    assert "an element and a table" in refused(nn.ZipTableOneToMany(), [(3,), (3,)])
    for arguments in ((0,), (-1,), ("1",), (1, 0)):
        with pytest.raises(graph.GraphError, match="nn.NarrowTable: .* must be an integer"):
            nn.NarrowTable(*arguments)

"""CAddTable, CMulTable and CSubTable."""

import numpy as np
import pytest

from graph import nn

A = np.arange(12, dtype="float32").reshape(4, 3)
B = 5 - A[::-1] * 0.5
C = A**2 / 7
G = np.linspace(-1, 2, 12, dtype="float32").reshape(4, 3)

CASES = [
    (nn.CAddTable(), [A, B, C], A + B + C, [G, G, G]),
    (nn.CAddTable(True), [A, B], A + B, [G, G]),
    (nn.CMulTable(), [A, B, C], A * B * C, [G * B * C, G * A * C, G * A * B]),
    (nn.CSubTable(), [A, B], A - B, [G, -G]),
    (nn.CAddTable(), [C], C, [G]),
    (nn.CMulTable(), [C], C, [G]),
]


@pytest.mark.parametrize(("module", "x", "output", "gradients"), CASES)
def test_value_and_gradient(run, module, x, output, gradients):
    ran = run(module, x, G)
    np.testing.assert_allclose(ran.output, output, rtol=1e-6)
    for actual, expected in zip(ran.gradInput, gradients, strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("case", "module"),
    [
        ("CAddTable", nn.CAddTable()),
        ("CAddTable_inplace", nn.CAddTable(True)),
        ("CMulTable", nn.CMulTable()),
        ("CSubTable", nn.CSubTable()),
    ],
)
def test_torch7s_own_numbers(like_torch, case, module):
    like_torch(case, module)


@pytest.mark.parametrize("kind", [nn.CAddTable, nn.CMulTable, nn.CSubTable])
def test_mistakes(refused, kind):
    text = refused(kind(), [(4, 3), (1, 3)])  # Keras would broadcast.
    assert "needs equal shapes" in text and "expected (None, 4, 3)" in text
    assert "needs equal shapes" in refused(kind(), [(4, 3), (3,)])
    assert "call it with a list of nodes" in refused(kind(), (3,))
    assert "takes a table of" in refused(kind(), [(3,), [(3,), (3,)]])


def test_a_difference_has_two_sides(refused):
    assert "takes 2 tensors" in refused(nn.CSubTable(), [(3,), (3,), (3,)])
    assert "takes 2 tensors" in refused(nn.CSubTable(), [(3,)])

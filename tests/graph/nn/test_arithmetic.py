"""Sums, products, quotients and extremes over tables."""

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
    (nn.CDivTable(), [A, B + 9], A / (B + 9), [G / (B + 9), -G * A / (B + 9) ** 2]),
    (nn.CMaxTable(), [A, B], np.maximum(A, B), [G * (A >= B), G * (A < B)]),
    (nn.CMinTable(), [A, B], np.minimum(A, B), [G * (A <= B), G * (A > B)]),
    # The first of equal values takes the gradient.
    (nn.CMaxTable(), [A, A, A], A, [G, 0 * G, 0 * G]),
    (nn.CMinTable(), [C, C], C, [G, 0 * G]),
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


def test_one_tensor_is_added_to_each_of_a_table(run):
    ran = run(nn.CAddTensorTable(), [A, [B, C]], [G, 2 * G])
    np.testing.assert_allclose(ran.output[0], A + B, rtol=1e-6)
    np.testing.assert_allclose(ran.output[1], A + C, rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput[0], 3 * G, rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput[1][1], 2 * G, rtol=1e-6)


def test_what_is_added_to_a_table_is_checked(refused):
    assert "a table such as [v, [a, b]]" in refused(nn.CAddTensorTable(), [(3,), (3,)])
    assert "needs equal shapes" in refused(nn.CAddTensorTable(), [(3,), [(3,), (4,)]])


KINDS = [nn.CAddTable, nn.CMulTable, nn.CSubTable, nn.CDivTable, nn.CMaxTable, nn.CMinTable]


@pytest.mark.parametrize("kind", KINDS)
def test_mistakes(refused, kind):
    text = refused(kind(), [(4, 3), (1, 3)])  # Keras would broadcast.
    assert "needs equal shapes" in text and "expected (None, 4, 3)" in text
    assert "needs equal shapes" in refused(kind(), [(4, 3), (3,)])
    assert "call it with a list of nodes" in refused(kind(), (3,))
    assert "takes a table of" in refused(kind(), [(3,), [(3,), (3,)]])


@pytest.mark.parametrize("kind", [nn.CSubTable, nn.CDivTable])
def test_a_difference_has_two_sides(refused, kind):
    assert "takes 2 tensors" in refused(kind(), [(3,), (3,), (3,)])
    assert "takes 2 tensors" in refused(kind(), [(3,)])

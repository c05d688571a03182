"""Functions that cut values off: against NumPy, and at their bounds."""

import numpy as np
import pytest

import graph
from graph import nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.array([[-3.5, -0.5, -0.25, 0.0, 0.75, 1.0, 2.5]], "float32")
G = np.array([[1, -2, 3, -4, 5, -6, 7]], "float32")

CASES = [
    (nn.HardTanh(-0.5, 1), np.clip(X, -0.5, 1), (X > -0.5) & (X < 1)),  # 0 at the bounds.
    (nn.HardTanh(inplace=True), np.clip(X, -1, 1), (X > -1) & (X < 1)),
    (nn.Clamp(0.75, 2), np.clip(X, 0.75, 2), (X > 0.75) & (X < 2)),
    (nn.HardShrink(), np.where(np.abs(X) > 0.5, X, 0), np.abs(X) > 0.5),
    (nn.HardShrink(0.75), np.where(np.abs(X) > 0.75, X, 0), np.abs(X) > 0.75),
    (nn.SoftShrink(0.75), np.sign(X) * np.maximum(np.abs(X) - 0.75, 0), np.abs(X) > 0.75),
]


@pytest.mark.parametrize(("module", "value", "slope"), CASES, ids=lambda c: repr(c)[:24])
def test_value_and_gradient(run, module, value, slope):
    ran = run(module, X, G)
    np.testing.assert_allclose(ran.output, value, rtol=1e-6)
    np.testing.assert_allclose(ran.gradInput, slope * G, rtol=1e-6)


def test_what_is_no_number_stays_so(run):
    assert np.isnan(run(nn.HardTanh(), np.array([[np.nan]], "float32")).output).all()


def test_files_name_the_arguments_otherwise():
    clamp = to_module(TorchObject("nn.Clamp", {"min_val": -2, "max_val": 3}))
    assert repr(clamp) == "nn.Clamp(-2.0, 3.0)"
    assert repr(to_module(TorchObject("nn.HardShrink", {"lambda": 2}))) == "nn.HardShrink(2.0)"
    assert to_module(TorchObject("nn.SoftShrink", {"lambda": 3})).lam == 3


def test_mistakes():
    with pytest.raises(
        graph.GraphError, match=r"nn.Clamp: max_value \(1\) must be larger than min"
    ):
        nn.Clamp(1, 1)
    with pytest.raises(graph.GraphError, match="nn.HardTanh: min_value must be a number"):
        nn.HardTanh(None)
    with pytest.raises(graph.GraphError, match="nn.SoftShrink: lam must be a number"):
        nn.SoftShrink("1")

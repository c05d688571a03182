"""Copy, Contiguous, JustElement and JustTable."""

import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject

X = np.array([[1.1, -2.7], [3.3, 4.9]], "float32")


def test_values_pass(run):
    for module in (nn.Copy(), nn.Copy("torch.FloatTensor", None, True, True), nn.Contiguous()):
        ran = run(module, X, 2 * X)
        np.testing.assert_array_equal(ran.output, X)
        np.testing.assert_array_equal(ran.gradInput, 2 * X)


def test_copy_to_another_type(run):
    output = run(nn.Copy(outtype="torch.IntTensor"), X).output
    assert output.dtype == "int32" and output.tolist() == [[1, -2], [3, 4]]
    ran = run(nn.Copy("torch.FloatTensor", "torch.DoubleTensor"), X, 2 * X)
    assert ran.output.dtype == "float64" and ran.gradInput.dtype == "float32"
    np.testing.assert_array_equal(ran.gradInput, 2 * X)


def test_the_type_of_a_file_is_that_of_its_buffer():
    def read(whole, output):
        fields = {"_type": f"torch.{whole}Tensor", "output": np.zeros(0, output)}
        return to_module(TorchObject("nn.Copy", fields)).outtype

    assert read("Double", "float32") == "torch.FloatTensor"
    assert read("Float", "int64") == "torch.LongTensor"
    assert read("Float", "float32") is None and read("Cuda", "float32") is None


def test_tables_of_one(run):
    np.testing.assert_array_equal(run(nn.JustElement(), [X]).output, X)
    x = graph.Input((2,))
    table = nn.JustTable()(x)
    model = gModule([x], [nn.SelectTable(1)(table), nn.JustElement()(nn.JustTable()(table))])
    a, b = model.forward(X)
    np.testing.assert_array_equal(a, X)
    np.testing.assert_array_equal(b[0], X)


def test_mistakes(refused):
    assert "takes a table of one element" in refused(nn.JustElement(), [(2,), (2,)])
    assert "takes a table of one element" in refused(nn.JustElement(), (2,))
    with pytest.raises(graph.GraphError, match="outtype must be a Torch type such as 'torch.Float"):
        nn.Copy(outtype="float32")

"""Convert: dimensions by letters."""

import numpy as np
import pytest

import graph
from graph import nn


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


@pytest.mark.parametrize(
    ("arguments", "shape", "expected"),
    [
        ((), (3, 4), lambda x: x),
        (("bchw", "bf"), (3, 2, 4, 5), lambda x: x.reshape(3, -1)),
        (("chw", "f"), (3, 2, 4, 5), lambda x: x.reshape(3, -1)),
        (("bchw",), (3, 2, 4, 5), lambda x: x),
        (("bchw", "bwch"), (3, 2, 4, 5), lambda x: x.transpose(0, 3, 1, 2)),
        (("bcdhw", "bdwch"), (2, 2, 3, 4, 5), lambda x: x.transpose(0, 2, 4, 1, 3)),
        (("bt", "b"), (3, 4), lambda x: x[:, 0]),
        (("bf", "b"), (3, 1), lambda x: x[:, 0]),
        (("b", "bf"), (3,), lambda x: x[:, None]),
        (("b", "bt"), (3,), lambda x: x[:, None]),
    ],
)
def test_as_torch_converts(run, arguments, shape, expected):
    torch = ramp(*shape)
    output = expected(torch)
    ran = run(nn.Convert(*arguments), keras_order(torch), keras_order(output + 1))
    np.testing.assert_array_equal(ran.output, keras_order(output))
    if output.size == torch.size:
        np.testing.assert_array_equal(ran.gradInput, keras_order(torch + 1))


def test_mistakes(refused):
    assert "takes 4 dimensions, 'bchw', and is fed 3" in refused(nn.Convert("bchw", "bf"), (4, 5))
    assert "takes one feature" in refused(nn.Convert("bf", "b"), (4,))
    assert "takes one tensor" in refused(nn.Convert(), [(4,), (4,)])
    for arguments, problem in (
        ((None, "bf"), "outputShape needs an inputShape"),
        (("b*", "bf"), "both shapes must be b"),
        (("chwb", "bf"), "the batch must be the first dimension"),
        (("bchw", "fb"), "the batch must be the first dimension"),
        (("bt", "bf"), "cannot convert 'bt' to 'bf'"),
        (("bchw", "b"), "cannot convert 'bchw' to 'b'"),
        (("bchw", "bhwd"), "cannot convert 'bchw' to 'bhwd'"),
    ):
        with pytest.raises(graph.GraphError, match=f"nn.Convert: .*{problem}"):
            nn.Convert(*arguments)

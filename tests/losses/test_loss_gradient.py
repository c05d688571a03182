import numpy as np
import pytest
from keras import ops
from loss_gradient import value_and_grad


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_product(dtype: str) -> None:
    a, b = np.array([2.0, 3.0], dtype), np.array([5.0, 7.0], dtype)
    y, (da, db, dc) = value_and_grad(lambda a, b, c: a * a * b, a, b, a)
    assert y.dtype == da.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(y, [20, 63])
    np.testing.assert_array_equal(da, [20, 42])
    np.testing.assert_array_equal(db, [4, 9])
    np.testing.assert_array_equal(dc, [0, 0])


def test_cotangent() -> None:
    a = np.array([2.0, 3.0], "float32")
    _, (da,) = value_and_grad(ops.square, a, cotangent=np.array([1.0, 10.0], "float32"))
    np.testing.assert_array_equal(da, [4, 60])


def test_bfloat16() -> None:
    a = np.asarray(ops.convert_to_numpy(ops.cast([1.5], "bfloat16")))
    y, (da,) = value_and_grad(ops.square, a)
    np.testing.assert_array_equal(np.asarray(y, "float32"), [2.25])
    np.testing.assert_array_equal(np.asarray(da, "float32"), [3])

"""The value and the gradients of a loss, computed the same way on every Keras backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

__all__ = ["value_and_grad"]


def value_and_grad(
    function: Callable[..., Any], *arrays: Any, cotangent: Any = None
) -> tuple[Any, tuple[np.ndarray, ...]]:
    """`function(*arrays)` and its gradient in each of `arrays`, as NumPy arrays.

    Args:
        function: Takes one tensor for each of `arrays`, and gives one tensor of any shape.
        arrays: Floating NumPy arrays (bfloat16 of ml_dtypes included), whose dtypes are kept.
            Lists and labels are better closed over by `function`.
        cotangent: What the output is multiplied by before it is summed; by default ones.

    Returns:
        The output, and one gradient for each of `arrays`: zeros where the output does not
        depend on it.
    """
    return _BACKENDS[keras.backend.backend()](function, arrays, cotangent)


def _tensorflow(function: Any, arrays: Sequence[Any], cotangent: Any) -> Any:
    import tensorflow as tf

    variables = [tf.convert_to_tensor(a) for a in arrays]
    with tf.GradientTape() as tape:
        for variable in variables:
            tape.watch(variable)
        y = function(*variables)
    seed = None if cotangent is None else tf.convert_to_tensor(cotangent)
    gradients = tape.gradient(y, variables, output_gradients=seed)
    dense = [
        np.zeros(v.shape, v.dtype.as_numpy_dtype) if g is None else tf.convert_to_tensor(g).numpy()
        for g, v in zip(gradients, variables, strict=True)
    ]
    return y.numpy(), tuple(dense)


def _jax(function: Any, arrays: Sequence[Any], cotangent: Any) -> Any:
    import jax
    import jax.numpy as jnp

    double = any(np.asarray(a).dtype == np.float64 for a in arrays)
    before = jax.config.read("jax_enable_x64")
    jax.config.update("jax_enable_x64", double or before)
    try:
        y, pull = jax.vjp(function, *[jnp.asarray(a) for a in arrays])
        seed = jnp.ones_like(y) if cotangent is None else jnp.asarray(cotangent, y.dtype)
        return np.asarray(y), tuple(np.asarray(g) for g in pull(seed))
    finally:
        jax.config.update("jax_enable_x64", before)


def _torch(function: Any, arrays: Sequence[Any], cotangent: Any) -> Any:
    import torch

    variables = [_torch_tensor(torch, np.asarray(a)).requires_grad_() for a in arrays]
    y = function(*variables)
    seed = torch.ones_like(y) if cotangent is None else torch.as_tensor(cotangent, dtype=y.dtype)
    if y.requires_grad:
        gradients = torch.autograd.grad(y, variables, seed, allow_unused=True)
    else:
        gradients = [None] * len(variables)
    dense = [
        torch.zeros_like(v) if g is None else g for g, v in zip(gradients, variables, strict=True)
    ]
    return _numpy(torch, y.detach()), tuple(_numpy(torch, g.detach()) for g in dense)


def _torch_tensor(torch: Any, array: np.ndarray) -> Any:
    if array.dtype.name == "bfloat16":  # PyTorch cannot take ml_dtypes' arrays.
        return torch.as_tensor(array.astype("float32")).to(torch.bfloat16)
    return torch.as_tensor(array.copy())


def _numpy(torch: Any, tensor: Any) -> np.ndarray:
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}

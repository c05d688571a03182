"""The closure style of torch/optim, for SciPy's optimisers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from .errors import GraphError
from .gmodule import GModule

__all__ = ["feval"]


def feval(
    model: GModule, loss: Any, x: Any, y: Any, *, training: bool = False
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """The loss on a data set as a function of all parameters, with its gradient.

    Args:
        model: The model. Its parameters are set to whatever the function was called with last.
        loss: A Keras loss, its name, or a function ``(y_true, y_pred) -> losses``, whose mean
            is taken. Regularisation losses of the model's layers are added.
        x: The inputs: an array, or a nested list of arrays, ``(n, ...)``.
        y: What the loss compares the outputs with.
        training: Whether the model runs in training mode. Default: False, because an optimiser
            with a line search needs the same value for the same parameters, which dropout does
            not give.

    Returns:
        ``f(theta) -> (loss, gradient)`` for a vector `theta` as `getParameters` gives it; a float
        and a float64 vector, as ``scipy.optimize.minimize(f, theta, jac=True)`` takes them.

    Raises:
        GraphError: The model has no parameters; from `f`, `theta` has another length.
        RuntimeError: Keras runs on another backend than TensorFlow.

    Reference: torch/optim, `feval` closures of `optim.lbfgs` and `optim.cg`.

    >>> import numpy as np, scipy.optimize
    >>> from graph import feval, gModule, nn
    >>> x = nn.Linear(2, 1)()
    >>> model = gModule([x], [x])
    >>> data = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> f = feval(model, "mse", data, data @ [[2.0], [3.0]])
    >>> start, _ = model.getParameters()
    >>> fit = scipy.optimize.minimize(f, start, jac=True, method="L-BFGS-B")
    >>> bool(fit.fun < 1e-5)
    True
    """
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(f"feval needs Keras on TensorFlow; it runs on {keras.backend.backend()}")
    import tensorflow as tf

    inputs, targets = model.as_tensors(x), keras.tree.map_structure(tf.convert_to_tensor, y)
    variables = model.parameters()[0]
    if not variables:
        raise GraphError(f"{model.name} has no parameters to optimise")
    sizes = [int(np.prod(v.shape)) for v in variables]
    measure = keras.losses.get(loss) if isinstance(loss, str) else loss

    @tf.function
    def evaluate(theta: Any) -> tuple[Any, Any]:
        for variable, part in zip(variables, tf.split(theta, sizes), strict=True):
            variable.assign(tf.reshape(part, variable.shape))
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(measure(targets, model(inputs, training=training)))
            value = tf.add_n([value, *(tf.cast(extra, value.dtype) for extra in model.losses)])
        parts = tape.gradient(
            value,
            [v.value for v in variables],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        flat = [tf.reshape(tf.convert_to_tensor(part), (-1,)) for part in parts]
        return value, tf.concat(flat, axis=0)

    def f(theta: np.ndarray) -> tuple[float, np.ndarray]:
        vector = np.asarray(theta)
        if vector.shape != (sum(sizes),):
            raise GraphError(
                f"{model.name} has {sum(sizes)} parameters; theta has shape {vector.shape}"
            )
        value, slope = evaluate(tf.constant(vector, dtype=variables[0].dtype))
        return float(value), slope.numpy().astype("float64")

    return f

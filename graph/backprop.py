"""`forward` and `backward` by hand: what Torch's modules remember between the two."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .errors import GraphError
from .failure import located
from .parameters import gradient, parameters_of
from .recursion import deep_recursion
from .table import flatten, map_table, same_structure, unflatten

__all__ = ["Backprop"]


class Backprop:
    """The state of one model between `forward` and `backward`."""

    def __init__(self) -> None:
        self._model: Any = None
        self._run: Any = None
        self._last: dict[str, Any] | None = None

    def attach(self, model: Any, lowered: Any) -> None:
        """Work for `model` from now on; the first call compiles nothing yet."""
        if self._model is not None:
            return
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError(
                f"forward and backward need Keras on TensorFlow; it runs on "
                f"{keras.backend.backend()}. Calling the model works on every backend."
            )
        import tensorflow as tf

        self._model, self._lowered, self._tf = model, lowered, tf
        everything = flatten([value for _, value in lowered.recorded] + lowered.outputs)
        with deep_recursion(len(everything)):
            inner = keras.Model(model.inputs, everything)
        # One compiled function for all shapes; `inner` is called symbolically inside it.
        self._run = tf.function(
            lambda x, training: inner(x, training=training), reduce_retracing=True
        )

    def forget(self) -> None:
        """Drop what the last `forward` kept."""
        self._last = None

    def forward(self, x: Any, training: bool) -> Any:
        """Run on `x` and keep what `backward` needs."""
        tf = self._tf
        tensors = [
            tf.convert_to_tensor(np.asarray(leaf, dtype=spec.dtype))
            for leaf, spec in zip(flatten(x), self._model.inputs, strict=True)
        ]
        with tf.GradientTape(persistent=True) as tape:
            tape.watch([t for t in tensors if t.dtype.is_floating])
            try:
                results = self._run(tensors, training)
            except Exception as error:
                raise located(self._model, tensors, training, error) from error
        pending = iter(results if isinstance(results, (list, tuple)) else [results])
        for module, symbolic in self._lowered.recorded:
            module._output = unflatten(symbolic, pending)
        outputs = unflatten(self._lowered.outputs, pending)
        self._last = {"tape": tape, "inputs": tensors, "nesting": x, "outputs": outputs}
        return map_table(np.asarray, outputs[0] if len(outputs) == 1 else outputs)

    def backward(self, x: Any, gradOutput: Any) -> Any:
        """Gradients of the last `forward`, which was given `x`."""
        if self._last is None:
            raise GraphError("backward before forward\n  fix: call forward(x) first")
        tf, last = self._tf, self._last
        if _shapes(flatten(x)) != _shapes(flatten(last["nesting"])):
            raise GraphError(
                f"backward is given another input than forward was\n"
                f"  expected {_shapes(last['nesting'])}\n  got      {_shapes(x)}\n"
                f"  fix: call forward(x) first"
            )
        outputs = last["outputs"]
        given = [gradOutput] if len(outputs) == 1 else gradOutput
        if not same_structure(outputs, given):
            raise GraphError(
                f"gradOutput must be nested as the outputs\n  expected {_shapes(outputs)}\n"
                f"  got      {_shapes(given)}"
            )
        upstream = []
        for output, leaf in zip(flatten(outputs), flatten(given), strict=True):
            array = np.asarray(leaf, dtype=output.dtype.as_numpy_dtype)
            if array.shape != tuple(output.shape):
                raise GraphError(
                    f"gradOutput must be shaped as the outputs\n  expected {_shapes(outputs)}\n"
                    f"  got      {_shapes(given)}"
                )
            upstream.append(tf.convert_to_tensor(array))
        variables = list(parameters_of(self._model.node_modules()))
        sources = [*last["inputs"], *(v.value for v in variables)]
        gradients = last["tape"].gradient(
            flatten(outputs),
            sources,
            output_gradients=upstream,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        count = len(last["inputs"])
        for variable, change in zip(variables, gradients[count:], strict=True):
            gradient(variable)[...] += tf.convert_to_tensor(change).numpy()
        return unflatten(
            last["nesting"],
            (
                np.zeros(t.shape, "float32") if g is None else tf.convert_to_tensor(g).numpy()
                for t, g in zip(last["inputs"], gradients[:count], strict=True)
            ),
        )


def _shapes(x: Any) -> str:
    return str(map_table(lambda leaf: tuple(np.shape(leaf)), x))

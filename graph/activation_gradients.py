"""How an output changes with what layers answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from .backends import gradient_backend
from .batches import batches_of
from .calls import Selector
from .subject import Subject, subject_of

__all__ = ["activation_gradients"]

Output = int | Callable[[Any], Any] | None


def activation_gradients(
    model: keras.Model,
    x: Any,
    layers: Selector | Sequence[Selector] | None = None,
    *,
    output: Output = None,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Compute the gradient of an output with respect to what layers answer, in inference mode.

    d (sum over samples of output) / d activation, so that each sample has its own gradient
    wherever samples do not mix. One pass forward and one back per batch. It needs Keras on
    TensorFlow or PyTorch.

    Args:
        model: a built model, as in `graph.activations`.
        x: the data, as in `graph.activations`.
        layers: which layers, as in `graph.activations`.
        output: an index into the last axis of the model's only output (a class), a function from
            the model's output (its structure of tensors) to a tensor, which is summed, or None:
            the sum of the only output. Default None.
        batch_size: as in `graph.activations`. Default 32.

    Returns:
        Layer name -> array of the activation's shape; a (nested) list for several outputs.

    Raises:
        RuntimeError: the backend is JAX.
        TypeError: `output` is of another kind.
        ValueError: the output does not depend on a layer; the model has several outputs; and what
            `graph.activations` raises.

    Example:
        >>> x = keras.Input((2,))
        >>> model = keras.Model(x, keras.layers.ReLU(name="relu")(x))
        >>> activation_gradients(model, np.ones((1, 2)), "relu", output=1)["relu"].tolist()
        [[0.0, 1.0]]
    """
    backend = gradient_backend("activation_gradients needs")
    subject = subject_of(model)
    choose = _chooser(model, output)
    batches = batches_of(subject, x, batch_size)
    names = tuple(subject.select(layers, batches.first))
    if not names:
        return {}
    run = _tensorflow if backend == "tensorflow" else _torch
    found: list[list[Any]] = []
    for _, arrays in batches.start_at(0):
        values, gradients = run(subject, names, arrays, choose)
        found.append([_checked(n, v, g) for n, v, g in zip(names, values, gradients, strict=True)])
    return {name: _joined(parts) for name, *parts in zip(names, *found, strict=True)}


def _chooser(model: keras.Model, output: Output) -> Callable[[Any], Any]:
    if callable(output):
        return output
    if output is not None and (isinstance(output, bool) or not isinstance(output, int)):
        raise TypeError(f"output is an index, a function or None; received {output!r}")

    def choose(y: Any) -> Any:
        outputs = keras.tree.flatten(y)
        if len(outputs) != 1:
            raise ValueError(
                f"model '{model.name}' has {len(outputs)} outputs: give a function that takes "
                "them and says which is meant"
            )
        if output is None:
            return outputs[0]
        last = outputs[0].shape[-1]
        if not -last <= output < last:
            raise ValueError(f"model '{model.name}' has outputs 0 to {last - 1}, no {output}")
        return outputs[0][..., output]

    return choose


def _tensorflow(
    subject: Subject, names: Sequence[str], arrays: list[Any], choose: Any
) -> tuple[list[Any], list[Any]]:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:

        def tap(_: str, value: Any) -> Any:
            # A copy, so that a layer that hands its input on is not one with the layer before.
            value = tf.nest.map_structure(tf.identity, value)
            tape.watch(value)
            return value

        y, values = subject.forward(arrays, names, tap)
        target = keras.ops.sum(choose(y))
    return values, tape.gradient(target, values)


def _torch(
    subject: Subject, names: Sequence[str], arrays: list[Any], choose: Any
) -> tuple[list[Any], list[Any]]:
    import torch  # pyright: ignore[reportMissingImports]

    def tap(_: str, value: Any) -> Any:
        def own(t: Any) -> Any:
            floating = torch.is_floating_point(t)
            return t.clone() if t.requires_grad or not floating else t.clone().requires_grad_()

        return keras.tree.map_structure(own, value)

    with torch.enable_grad():
        y, values = subject.forward(arrays, names, tap)
        target = keras.ops.sum(choose(y))
        flat = keras.tree.flatten(values)
        able = [t for t in flat if t.requires_grad]
        slopes = iter(torch.autograd.grad(target, able, allow_unused=True))
    gradients = [next(slopes) if t.requires_grad else None for t in flat]
    return values, keras.tree.pack_sequence_as(values, gradients)


def _checked(name: str, value: Any, gradient: Any) -> Any:
    if isinstance(value, (list, tuple)):
        if all(g is None for g in gradient):
            return _checked(name, value[0], None)
        return [
            np.zeros(tuple(v.shape), "float32") if g is None else keras.ops.convert_to_numpy(g)
            for v, g in zip(value, gradient, strict=True)
        ]
    if gradient is None:
        raise ValueError(
            f"the chosen output does not depend on layer '{name}' in a way that has a gradient: "
            "it lies on no path to that output, or what follows it cannot be differentiated"
        )
    return keras.ops.convert_to_numpy(gradient)


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], list):
        return [np.concatenate(piece) for piece in zip(*parts, strict=True)]
    return np.concatenate(parts)

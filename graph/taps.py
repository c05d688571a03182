"""A model that answers what chosen layers of another one answer, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras

from .calls import Call, calls_of, recorded_graph
from .feed import nested_inputs
from .steps import is_last_step_only, step_outputs

__all__ = ["Plan", "Reduction", "Taps", "reduction"]

# From the next one on, shapes of samples are left open: every compilation takes time.
_SHAPES_COMPILED = 8

Reduction = str | Callable[[Any], Any] | None
"""How activations are made smaller in the pass: "mean", "max", a function of a tensor, None."""


def reduction(reduce: Reduction) -> Callable[[Any], Any] | None:
    """The function that a `reduce` argument stands for.

    "mean" and "max" go over all axes but the batch and the last one, so that
    `(batch, height, width, channels)` becomes `(batch, channels)`; `(batch, units)` stays.

    Args:
        reduce: "mean", "max", a function from a backend tensor to one with the same batch axis,
            which becomes part of the compiled pass, or None.

    Returns:
        The function; None for None.

    Raises:
        ValueError: it is another text, or no function.

    Example:
        >>> reduction("max")(keras.ops.ones((2, 3, 4, 5))).shape
        TensorShape([2, 5])
    """
    if reduce is None or (callable(reduce) and not isinstance(reduce, str)):
        return reduce
    if reduce not in ("mean", "max"):
        raise ValueError(f"reduce is 'mean', 'max', a function or None; received {reduce!r}")
    over = keras.ops.mean if reduce == "mean" else keras.ops.max

    def between(tensor: Any) -> Any:
        axes = tuple(range(1, len(tensor.shape) - 1))
        return over(tensor, axis=axes) if axes else tensor

    return between


class Taps(keras.Model):
    """A model that runs another one's recorded graph and returns what chosen calls answered.

    It walks the record in a loop: Keras's own Functional would have to be built anew from the
    layers' tensors, which recurses once a layer, and could reach into nested models only by
    calling their layers again, which leaves traces on them. The layers, and so the weights, are
    the model's own. It keeps no reference to the graph's model.

    Args:
        graph: what `graph.calls.recorded_graph` returns.
        names: call paths, as `graph.calls.select` returns them.
        reduce: what each tensor becomes, as `graph.taps.reduction` gives it. Default: itself.
        per_step: every step's output of recurrent layers that return the last. Default False.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, name="fc")])
        >>> taps = Taps(require_graph(model), ["fc"])
        >>> [tuple(t.shape) for t in taps([keras.ops.ones((4, 2))])]
        [(4, 3)]
    """

    def __init__(
        self,
        graph: Any,
        names: Sequence[str],
        *,
        reduce: Callable[[Any], Any] | None = None,
        per_step: bool = False,
    ) -> None:
        # Each layer casts its inputs by its own policy; nothing is to be cast before that.
        super().__init__(name="taps", dtype="float32", autocast=False)
        self._names = tuple(names)
        self._plan = Plan(graph, names, per_step=per_step)
        self._reduce = reduce
        # Only for Keras to find the weights (JAX passes them in).
        self._tapped = [call.operation for call in self._plan.calls if call.is_layer]
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> list[Any]:
        """Compute the taps.

        Args:
            inputs: flat list of tensors, one for each input of the graph.
            training: whether the layers train. Default False.

        Returns:
            For each name its tensor, or structure of tensors.
        """
        flat = [
            keras.ops.convert_to_tensor(x, dtype=symbol.dtype)
            for x, symbol in zip(keras.tree.flatten(inputs), self._plan.inputs, strict=True)
        ]
        found: dict[str, Any] = {}
        self._plan.run(flat, found, "", training)
        values = [found[name] for name in self._names]
        if self._reduce is None:
            return values
        return [keras.tree.map_structure(self._reduce, value) for value in values]

    def as_function(self) -> Callable[[list[Any]], list[Any]]:
        """The pass as a function of flat arrays, compiled once for all batch sizes."""
        if keras.backend.backend() != "tensorflow":
            return self.predict_on_batch
        import tensorflow as tf

        traced: dict[Any, Any] = {}

        def run(arrays: list[Any]) -> list[Any]:
            # Only the batch axis stays open: layers check known shapes when they are traced.
            pairs = list(zip(arrays, self._plan.inputs, strict=True))
            shapes = [(a.shape[0] if t.shape[0] else None, *a.shape[1:]) for a, t in pairs]
            if str(shapes) not in traced and len(traced) >= _SHAPES_COMPILED:
                shapes = [(None, *t.shape[1:]) for t in self._plan.inputs]
            if str(shapes) not in traced:
                traced[str(shapes)] = tf.function(
                    lambda *tensors: self.call(list(tensors)),
                    input_signature=[
                        tf.TensorSpec(shape, t.dtype)
                        for shape, (_, t) in zip(shapes, pairs, strict=True)
                    ],
                )
            return traced[str(shapes)](*arrays)

        return run


class Plan:
    """The calls of one graph that the wanted ones need, and the plans of nested models.

    Args:
        graph: what `graph.calls.recorded_graph` returns.
        names: paths of the wanted calls.
        whole: compute the graph's outputs too. Default False.
        per_step: as in `Taps`.
        on_tap: what a wanted tensor becomes before it goes on: path, value -> value.
    """

    def __init__(
        self,
        graph: Any,
        names: Sequence[str],
        *,
        whole: bool = False,
        per_step: bool = False,
        on_tap: Callable[[str, Any], Any] | None = None,
    ) -> None:
        self.inputs = graph.inputs
        self._per_step, self._on_tap = per_step, on_tap
        self.wanted = {name for name in names if "/" not in name}
        inside: dict[str, list[str]] = {}
        for head, slash, rest in (name.partition("/") for name in names):
            if slash:
                inside.setdefault(head, []).append(rest)
        needed = {id(tensor) for tensor in graph.outputs} if whole else set()
        self.calls: list[Call] = []
        for call in reversed(calls_of(graph)):
            named = call.name in self.wanted or call.name in inside
            if named or any(id(tensor) in needed for tensor in call.outputs):
                self.calls.append(call)
                needed.update(id(tensor) for tensor in call.inputs)
        self.calls.reverse()
        self.nested = {
            call.name: (inner, self._inner(inner, inside[call.name]))
            for call in self.calls
            if call.name in inside and (inner := recorded_graph(call.operation)) is not None
        }

    def _inner(self, graph: Any, names: list[str]) -> Plan:
        return Plan(graph, names, whole=True, per_step=self._per_step, on_tap=self._on_tap)

    def run(
        self, inputs: Sequence[Any], found: dict[str, Any], prefix: str, training: bool = False
    ) -> dict[int, Any]:
        """Compute the calls; fills `found` by path, returns all tensors by their symbol's id."""
        tensors = {id(t): x for t, x in zip(self.inputs, inputs, strict=True)}
        for call in self.calls:
            if call.inputs:
                value = self._value(call, tensors, found, prefix, training)
            else:
                value = tensors[id(call.outputs[0])]
            wanted = call.name in self.wanted
            if wanted and self._on_tap is not None:
                value = self._on_tap(prefix + call.name, value)
            flat = keras.tree.flatten(value)
            tensors.update((id(t), v) for t, v in zip(call.outputs, flat, strict=True))
            if wanted:
                if self._per_step and is_last_step_only(call.operation):
                    value = step_outputs(call.operation, *self._arguments(call, tensors, training))
                found[prefix + call.name] = value
        return tensors

    def _arguments(
        self, call: Call, tensors: dict[int, Any], training: bool
    ) -> tuple[Any, dict[str, Any]]:
        args, kwargs = call.bind(tensors)
        if "training" in kwargs:
            kwargs["training"] = training  # as Keras does, over what the call recorded
        return args, kwargs

    def _value(
        self, call: Call, tensors: dict[int, Any], found: Any, prefix: str, training: bool
    ) -> Any:
        args, kwargs = self._arguments(call, tensors, training)
        if call.name not in self.nested:
            return call.operation(*args, **kwargs)
        graph, plan = self.nested[call.name]
        given = args[0] if args else kwargs.get("inputs")
        flat = nested_inputs(graph, given)
        inner = plan.run(flat, found, f"{prefix}{call.name}/", training)
        masked = any(getattr(x, "_keras_mask", None) is not None for x in flat)
        own_call = not type(call.operation).call.__module__.startswith("keras.")
        options = {key for key, given in kwargs.items() if given is not None}
        if masked or own_call or options - {"inputs", "training"}:
            # The nested model does more than its graph: hands a mask on, or has its own call.
            return call.operation(*args, **kwargs)
        value = keras.tree.pack_sequence_as(graph.output, [inner[id(t)] for t in graph.outputs])
        return value[0] if isinstance(value, (list, tuple)) and len(value) == 1 else value

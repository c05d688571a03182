"""A model whose layers are looked at: one that has a graph, or one whose calls are recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary, ref

import keras
import numpy as np

from .calls import Call, Selector, pick, recorded_graph, require_graph, walk
from .feed import feed
from .recording import record_calls, run_recorded, standard_arrays
from .steps import is_last_step_only, step_outputs
from .taps import Plan, Reduction, Taps, reduction

__all__ = ["GraphSubject", "RecordedSubject", "Subject", "subject_of"]

Pass = Callable[[list[Any]], list[Any]]
OnTap = Callable[[str, Any], Any]

# Graph or model -> the passes made for it. Keyed by the graph, not by the model, where there is
# one: a Sequential gets a new one when layers are added, and the old passes go with the old.
_made: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()


def _kept(owner: Any, key: Any, make: Callable[[], Any]) -> Any:
    made = _made.setdefault(owner, {})
    if key not in made:
        made[key] = make()
    return made[key]


class GraphSubject:
    """A model with a recorded graph.

    Args:
        model: A built Functional or Sequential model.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._graph = require_graph(model)

    def flat(self, x: Any, *, cast: bool = True) -> list[Any]:
        """The input, checked, as a flat list of arrays; see `graph.feed.feed`."""
        return feed(self.model.name, self._graph, x, cast=cast)

    def cast(self, arrays: list[Any]) -> list[Any]:
        """A piece of what `flat` gave without casting, in the dtypes that the graph takes."""
        return feed(self.model.name, self._graph, arrays)

    def select(
        self, layers: Selector | Sequence[Selector] | None, first: list[Any]
    ) -> dict[str, Any]:
        """Path -> layer of the chosen calls. `first` is one batch, not needed here."""
        return pick(self.model, dict(walk(self._graph)), layers)

    def compiled(self, names: tuple[str, ...], reduce: Reduction, per_step: bool) -> Pass:
        """One compiled pass from flat arrays to the calls' outputs, kept while the model lives."""

        def make() -> Pass:
            taps = Taps(self._graph, names, reduce=reduction(reduce), per_step=per_step)
            return taps.as_function()

        return _kept(self._graph, (names, reduce, per_step), make)

    def forward(
        self, tensors: list[Any], names: Sequence[str], on_tap: OnTap | None = None
    ) -> tuple[Any, list[Any]]:
        """The model's output and what the named calls answer, in inference mode, not compiled.

        Args:
            tensors: the input, flat.
            names: the calls' paths.
            on_tap: what an answer becomes before it goes on: path, value -> value.
        """
        found: dict[str, Any] = {}
        plan = Plan(self._graph, names, whole=True, on_tap=on_tap)
        computed = plan.run(
            [
                keras.ops.convert_to_tensor(x, dtype=t.dtype)
                for x, t in zip(tensors, plan.inputs, strict=True)
            ],
            found,
            "",
        )
        outputs = [computed[id(t)] for t in self._graph.outputs]
        y = keras.tree.pack_sequence_as(self._graph.output, outputs)
        return y, [found[name] for name in names]


class RecordedSubject:
    """A model that computes in its own `call`: its layers are known once it has run.

    Args:
        model: A built model without a graph.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self._structure: Any = None
        self._numbered: dict[str, str] = {}

    def flat(self, x: Any, *, cast: bool = True) -> list[Any]:
        """The input as a flat list of arrays, floats as Keras's default float."""
        self._structure, arrays = standard_arrays(self.model.name, x)
        return self.cast(arrays) if cast else arrays

    def cast(self, arrays: list[Any]) -> list[Any]:
        """As `GraphSubject.cast`."""
        return [_as_keras_takes(a) for a in arrays]

    def select(
        self, layers: Selector | Sequence[Selector] | None, first: list[Any]
    ) -> dict[str, Any]:
        """Path -> layer of the chosen calls, recorded on the batch `first`."""
        key = ("calls", _signature(self._structure, first))
        calls, self._numbered = _kept(self.model, key, lambda: self._record(first))
        return pick(self.model, calls, layers)

    def _record(self, arrays: list[Any]) -> tuple[dict[str, Call], dict[str, str]]:
        tensors = [keras.ops.convert_to_tensor(a) for a in arrays]
        try:
            return record_calls(self.model, _packed(self._structure, tensors))
        except (ValueError, TypeError) as error:
            shapes = ", ".join(str(tuple(a.shape)) for a in arrays)
            raise ValueError(
                f"model '{self.model.name}' cannot compute inputs of shape {shapes}: {error}"
            ) from error

    def compiled(self, names: tuple[str, ...], reduce: Reduction, per_step: bool) -> Pass:
        """As `GraphSubject.compiled`; without TensorFlow it runs layer by layer."""
        wanted = {self._numbered[name]: name for name in names}
        key = (names, reduce, per_step, _signature(self._structure, []))
        return _kept(self.model, key, lambda: self._make(names, wanted, reduce, per_step))

    def _make(
        self, names: tuple[str, ...], wanted: dict[str, str], reduce: Reduction, per_step: bool
    ) -> Pass:
        # The passes live as long as the model does; they must not keep it alive themselves.
        model, structure, smaller = ref(self.model), self._structure, reduction(reduce)

        def run(*tensors: Any) -> list[Any]:
            living = model()
            assert living is not None  # who calls holds it
            x = _packed(structure, list(tensors))
            _, values = _run(living, x, names, wanted, per_step=per_step)
            if smaller is None:
                return values
            return [keras.tree.map_structure(smaller, value) for value in values]

        if keras.backend.backend() != "tensorflow":
            return lambda arrays: run(*map(keras.ops.convert_to_tensor, arrays))
        import tensorflow as tf

        traced = tf.function(run, reduce_retracing=True)
        return lambda arrays: traced(*map(tf.convert_to_tensor, arrays))

    def forward(
        self, tensors: list[Any], names: Sequence[str], on_tap: OnTap | None = None
    ) -> tuple[Any, list[Any]]:
        """As `GraphSubject.forward`."""
        wanted = {self._numbered[name]: name for name in names}
        x = _packed(self._structure, [keras.ops.convert_to_tensor(t) for t in tensors])
        return _run(self.model, x, names, wanted, on_tap=on_tap)


def _run(
    model: keras.Model,
    x: Any,
    names: Sequence[str],
    wanted: dict[str, str],
    *,
    per_step: bool = False,
    on_tap: OnTap | None = None,
) -> tuple[Any, list[Any]]:
    """The output of a model without a graph, and what the calls answer.

    `wanted` has the calls' paths by the numbered ones.
    """
    found: dict[str, Any] = {}

    def tap(path: str, layer: Any, value: Any, args: Any, kwargs: Any) -> Any:
        if path in wanted:
            if on_tap is not None:
                value = on_tap(wanted[path], value)
            stepped = per_step and is_last_step_only(layer)
            found[wanted[path]] = step_outputs(layer, args, kwargs) if stepped else value
        return value

    y = run_recorded(model, x, tap)
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(
            f"layer '{missing[0]}' of model '{model.name}' was called on the first batch and is "
            "not called on this one"
        )
    return y, [found[name] for name in names]


Subject = GraphSubject | RecordedSubject


def subject_of(model: keras.Model) -> Subject:
    """What looks into `model`.

    Args:
        model: A built Keras model of any kind.

    Returns:
        A `GraphSubject` where the model has a graph, else a `RecordedSubject`.

    Raises:
        TypeError: `model` is not a Keras model.
        ValueError: it has not been built.
    """
    own_call = isinstance(model, keras.Model) and recorded_graph(model) is None
    return RecordedSubject(model) if own_call and model.built else GraphSubject(model)


def _as_keras_takes(array: Any) -> Any:
    array = np.asarray(array)
    if array.dtype.kind == "f" and array.dtype != np.float16:
        return array.astype(keras.backend.floatx(), copy=False)
    return array


def _packed(structure: Any, leaves: list[Any]) -> Any:
    return keras.tree.map_structure(lambda i: leaves[i], structure)


def _signature(structure: Any, arrays: list[Any]) -> str:
    return repr((structure, [(str(a.dtype), tuple(a.shape[1:])) for a in arrays]))

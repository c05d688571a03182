"""A model's graph as steps and values, which rules may change before it is a model again."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

__all__ = ["Piece", "Plan", "Slices", "Step", "Value"]


class Slices:
    """The kind of a step that cuts its input along the last axis; its config has the `sizes`."""


class Value:
    """What one output of a step is.

    Attributes:
        shape: With the batch axis; None where open.
        dtype: Name of the dtype.
        masked: Whether Keras carries a mask along with it; then no rule touches it.
        step: The step that gives it; None for an input of the model.
        readers: The steps that read it, once for each time.
        results: How many outputs of the model it is.
    """

    __slots__ = ("dtype", "masked", "readers", "results", "shape", "step")

    def __init__(self, shape: Any, dtype: str, masked: bool = False) -> None:
        self.shape: tuple[int | None, ...] = tuple(shape)
        self.dtype = dtype
        self.masked = masked
        self.step: Step | None = None
        self.readers: list[Step] = []
        self.results = 0

    @property
    def is_private(self) -> bool:
        """Whether one step alone reads it."""
        return len(self.readers) == 1 and not self.results

    def like(self, other: Value) -> bool:
        """Whether it has the other's shape and dtype."""
        return self.shape == other.shape and self.dtype == other.dtype


class Piece:
    """A layer or operation as data: what to make it of.

    Attributes:
        kind: Its class, or `Slices`.
        config: The arguments that make it anew.
        source: The layer of the source model that it copies; None for one that a rule made.
        inner: The plan of a nested model; None for all else.
        uses: How many steps apply it.
        tied: Whether another layer holds one of its variables too.
    """

    def __init__(
        self,
        kind: type,
        config: dict[str, Any],
        weights: Sequence[np.ndarray] | None = None,
        *,
        source: Any = None,
        inner: Plan | None = None,
    ) -> None:
        self.kind = kind
        self.config = config
        self.source = source
        self.inner = inner
        self.uses = 0
        self.tied = False
        self._weights = weights

    @property
    def name(self) -> str:
        """The name of the layer."""
        return self.config.get("name", "")

    @property
    def is_layer(self) -> bool:
        """Whether it becomes a layer, not a bare operation."""
        return issubclass(self.kind, keras.layers.Layer)

    @property
    def weights(self) -> list[np.ndarray]:
        """The values of all its variables, in the order of `Layer.get_weights`."""
        if self._weights is None:
            self._weights = self.source.get_weights() if hasattr(self.source, "get_weights") else []
        return list(self._weights)

    @property
    def free(self) -> bool:
        """Whether a rule may put another layer in its place: nothing else depends on it."""
        return (
            self.uses == 1
            and not self.tied
            and self.inner is None
            and not self.config.get("activity_regularizer")
            and not getattr(self.source, "lora_enabled", False)
            and getattr(self.source, "quantization_mode", None) is None
        )

    def changed(self, weights: Sequence[np.ndarray] | None = None, **config: Any) -> Piece:
        """A piece of the same kind with other arguments or weights."""
        arguments = {**copy.deepcopy(self.config), **config}
        return Piece(self.kind, arguments, self.weights if weights is None else weights)


class Step:
    """One application of a piece.

    Attributes:
        piece: What is applied.
        args: Its positional arguments, `Value`s among them.
        kwargs: Its keyword arguments.
        outputs: What it gives, flat.
        alive: False once a rule has taken it out.
    """

    def __init__(self, piece: Piece, args: Any, kwargs: Any, outputs: list[Value]) -> None:
        self.piece = piece
        self.args, self.kwargs = args, kwargs
        self.outputs = outputs
        self.alive = True

    @property
    def inputs(self) -> list[Value]:
        """The values that it reads, flat, with repetitions."""
        flat = keras.tree.flatten((self.args, self.kwargs))
        return [x for x in flat if isinstance(x, Value)]

    @property
    def input(self) -> Value | None:
        """The value that it reads, where it is called on one alone and nothing else."""
        plain = not self.kwargs and len(self.args) == 1 and isinstance(self.args[0], Value)
        return self.args[0] if plain and not self.args[0].masked else None

    @property
    def terms(self) -> list[Value] | None:
        """The values that it reads, where it is called on a list of them and nothing else."""
        if self.kwargs or len(self.args) != 1 or not isinstance(self.args[0], (list, tuple)):
            return None
        terms = list(self.args[0])
        plain = all(isinstance(x, Value) and not x.masked for x in terms)
        return terms if plain else None

    @property
    def output(self) -> Value:
        """What it gives, where that is one value."""
        return self.outputs[0]


class Plan:
    """A graph that can be changed.

    Attributes:
        inputs: The values of the inputs, flat.
        outputs: The values of the outputs, flat.
        names: The names of the layers that give the outputs in the source.
        source: The graph that it was read from.
        values: The value of each of the source's tensors, by the tensor's id.
        renamed: The new names of layers that had to give theirs up, by the old ones.
        training: Whether the result is to be trained.
    """

    def __init__(self, training: bool) -> None:
        self.training = training
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.names: list[str] = []
        self.source: Any = None
        self.values: dict[int, Value] = {}
        self.renamed: dict[str, str] = {}
        self._steps: list[Step] = []
        self._taken: set[str] = set()

    def add(self, piece: Piece, args: Any, outputs: list[Value], kwargs: Any = None) -> Step:
        """Apply a piece; `outputs` are new values, or those of a step that it stands in for."""
        step = Step(piece, args, kwargs or {}, outputs)
        piece.uses += 1
        if piece.is_layer:
            self._taken.add(piece.name)
        for value in outputs:
            value.step = step
        for value in step.inputs:
            value.readers.append(step)
        self._steps.append(step)
        return step

    def remove(self, step: Step) -> None:
        """Take a step out, and what only it has read."""
        pending = [step]
        while pending:
            gone = pending.pop()
            if not gone.alive:
                continue
            gone.alive = False
            gone.piece.uses -= 1
            for value in gone.inputs:
                value.readers.remove(gone)
                source = value.step
                if source is not None and source.alive and not any(map(_is_read, source.outputs)):
                    pending.append(source)

    def redirect(self, old: Value, new: Value) -> None:
        """Let all who read `old` read `new`; then what gave `old` goes, if nothing needs it."""
        readers, old.readers = old.readers, []
        for step in dict.fromkeys(readers):
            step.args, step.kwargs = keras.tree.map_structure(
                lambda x: new if x is old else x, (step.args, step.kwargs)
            )
        new.readers += readers
        self.outputs = [new if value is old else value for value in self.outputs]
        new.results, old.results = new.results + old.results, 0
        if old.step is not None and old.step.alive and not any(map(_is_read, old.step.outputs)):
            self.remove(old.step)

    def replace(self, step: Step, piece: Piece, source: Value) -> Step:
        """Put a piece that reads `source` alone in the place of a step of one output."""
        output = step.output
        new = self.add(piece, (source,), [output])
        self.remove(step)
        return new

    def order(self) -> list[Step]:
        """The steps, each after those that it reads from."""
        alive = [step for step in self._steps if step.alive]
        missing = {step: len({id(v.step) for v in step.inputs if v.step}) for step in alive}
        ready = [step for step in reversed(alive) if not missing[step]]
        ordered: list[Step] = []
        while ready:
            step = ready.pop()
            ordered.append(step)
            seen = dict.fromkeys(r for value in step.outputs for r in value.readers)
            for reader in reversed(seen):
                missing[reader] -= 1
                if not missing[reader]:
                    ready.append(reader)
        self._steps = ordered
        return list(ordered)

    def living(self) -> Iterator[Step]:
        """The steps in order, those left out that a rule takes out on the way."""
        for step in self.order():
            if step.alive:
                yield step

    def rename(self, piece: Piece, name: str) -> None:
        """Give a layer another name."""
        self.renamed[piece.name] = name
        piece.config = {**piece.config, "name": name}

    def fresh(self, name: str) -> str:
        """`name`, or `name` with a number, such as no layer has."""
        number, free = 0, name
        while free in self._taken:
            number += 1
            free = f"{name}_{number}"
        self._taken.add(free)
        return free


def _is_read(value: Value) -> bool:
    return bool(value.readers or value.results)

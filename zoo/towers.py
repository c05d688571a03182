"""One embedding at several inputs: the nodes that nets of pairs and triplets are made of."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import keras
from keras import ops

import graph
from graph import Node, nn
from graph.activations import Taps
from graph.calls import calls_of, recorded_graph, require_graph, select
from graph.node import as_module
from graph.table import is_table

from .distances import FullPrecision

__all__ = ["Collector", "embedding_of", "inputs_of", "mark", "stacked", "towers"]


def inputs_of(embedding: keras.Model, names: Sequence[str]) -> list[list[Node]]:
    """The input nodes of each tower, in the order of the embedding's own inputs.

    Args:
        embedding: The embedding. If its shapes are not known yet, each tower has one input whose
            shape is known when data comes.
        names: A name for each tower, which the input of an embedding of one input is called; of
            several, ``anchor_image``, ``anchor_flow``.
    """
    record = recorded_graph(embedding)
    if record is None:
        return [[nn.Identity()().annotate(name=name)] for name in names]
    symbols = record.inputs
    towers = []
    for name in names:
        own = [name] if len(symbols) == 1 else [f"{name}_{_layer_of(s)}" for s in symbols]
        towers.append(
            [
                graph.Input(tuple(s.shape[1:]), name=n, dtype=str(s.dtype))
                for s, n in zip(symbols, own, strict=True)
            ]
        )
    return towers


def _layer_of(symbol: Any) -> str:
    return symbol._keras_history.operation.name


def towers(
    embedding: keras.Model, inputs: list[list[Node]], collect: Sequence[str], single_pass: bool
) -> list[list[Node]]:
    """Embed the inputs of every tower.

    Args:
        embedding: The embedding, called once for each tower, or once in all.
        inputs: The input nodes of each tower.
        collect: Inner layers whose features are wanted too.
        single_pass: Whether to put the towers' batches into one and embed that.

    Returns:
        For each of `collect`, after the embedding itself, the node of every tower.
    """
    layer = Collector(embedding, collect) if collect else embedding
    module = FedInItsStructure(layer) if _is_nested(embedding) else as_module(layer)
    count = 1 + len(collect)
    if single_pass:
        joined = [OneBatch()(list(part)) for part in zip(*inputs, strict=True)]
        called = mark(module(joined))
        values = called.split(count) if collect else [called]
        return [list(OfEachTower(len(inputs))(value).split(len(inputs))) for value in values]
    calls = [module(tower) for tower in inputs]
    mark(calls[0])
    if not collect:
        return [calls]
    return [list(part) for part in zip(*(call.split(count) for call in calls), strict=True)]


def _is_nested(embedding: keras.Model) -> bool:
    record = recorded_graph(embedding)
    return record is not None and keras.tree.is_nested(record.input)


def mark(node: Node) -> Node:
    """Note on a node that its layer is the embedding, so that a loaded net finds it again."""
    return node.annotate(is_embedding=True)


def embedding_of(nodes: Sequence[Node]) -> Any:
    """The embedding at the marked one of these nodes.

    Raises:
        LookupError: None is marked.
    """
    for node in nodes:
        if node.annotations.get("is_embedding"):
            layer = getattr(node.module, "layer", node.module)
            return layer.embedding if isinstance(layer, Collector) else layer
    raise LookupError("no node of this graph is marked as its embedding")


def stacked(nodes: Sequence[Node], name: str) -> Node:
    """What each tower gives, one behind another: ``(batch, towers, ...)``."""
    return FullPrecision(Stacked())(list(nodes)).annotate(name=name)


class FedInItsStructure(nn.KerasLayer):
    """A model whose inputs are nested or named, fed with a flat table.

    Args:
        layer: The model, or a `Collector` of one.
    """

    def _shown(self, scope: Any) -> Any:
        model, layer = self.layer, super()._shown(scope)
        if isinstance(model, Collector):
            return layer
        structure = recorded_graph(model).input  # type: ignore[union-attr]
        return lambda x: layer(keras.tree.pack_sequence_as(structure, keras.tree.flatten(x)))


class OneBatch(nn.Module):
    """The batches of a table of tensors as one, the towers' rows in turn: a1, p1, n1, a2, ..."""

    keras_name = "(ops.stack, ops.reshape)"

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """One tensor ``(batch * towers, ...)``; a table of them for towers that are fed tables."""
        if is_table(x[0]):
            return [self.compute(part) for part in zip(*x, strict=True)]
        return ops.reshape(ops.stack(x, axis=1), (-1, *x[0].shape[1:]))


class OfEachTower(nn.Module):
    """What `OneBatch` put together, apart again.

    Args:
        count: Of how many towers it is.
    """

    keras_name = "(slices)"

    def __init__(self, count: int) -> None:
        self.count = count

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """A list of `count` tensors ``(batch, ...)``."""
        if isinstance(x, keras.KerasTensor):  # In a plain copy; Keras records no such slices.
            apart = ops.reshape(x, (-1, self.count, *x.shape[1:]))
            return [apart[:, i] for i in range(self.count)]
        # A reshape would need a batch that is known to be a multiple of `count`; on JAX it is not.
        return [x[i :: self.count] for i in range(self.count)]


class Stacked(nn.Module):
    """A table of tensors ``(batch, ...)`` as one ``(batch, elements, ...)``."""

    keras_name = "(ops.stack)"

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The tensors along a new axis behind the batch."""
        return ops.stack(x, axis=1)


@keras.saving.register_keras_serializable(package="nngraph")
class Collector(keras.layers.Layer):
    """An embedding that also gives what inner layers answer, all in one pass.

    Args:
        embedding: A built Functional or Sequential model with one output.
        collect: Names of layers as `graph.activations` takes them; each must be called once.
        name: Name of the layer.

    Raises:
        ValueError: The embedding records no layers or has several outputs, no layer has a name,
            or several calls do.
    """

    def __init__(
        self, embedding: keras.Model, collect: Sequence[str], *, name: str | None = None
    ) -> None:
        super().__init__(name=name, dtype="float32", autocast=False)
        self.embedding = embedding
        self.collect = list(collect)
        record = require_graph(embedding)
        if len(record.outputs) != 1:
            raise ValueError(f"{embedding.name} has {len(record.outputs)} outputs, expected one")
        # In a namespace, else Keras would save the same weights a second time.
        taps = Taps(record, [_last(record), *_paths(embedding, self.collect)])
        self._taps = SimpleNamespace(model=taps)
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> list[Any]:
        """The embedding, and the features in the order of `collect`."""
        values = self._taps.model(keras.tree.flatten(inputs), training=training)
        return [keras.tree.flatten(value)[0] for value in values]

    def to_keras(self) -> keras.layers.Layer:
        """Refuse: Keras has no layer for this.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            f"a plain Keras copy cannot collect {self.collect} inside {self.embedding.name}\n"
            f"  fix: make the net without collect, or copy net.embedding alone"
        )

    def get_config(self) -> dict[str, Any]:
        """The embedding and the names."""
        return {
            "name": self.name,
            "embedding": keras.saving.serialize_keras_object(self.embedding),
            "collect": self.collect,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Collector:
        """The layer that `get_config` described."""
        embedding = keras.saving.deserialize_keras_object(config["embedding"])
        return cls(embedding, config["collect"], name=config["name"])


def _last(record: Any) -> str:
    """The call that gives the output."""
    output = record.outputs[0]
    return next(c.name for c in calls_of(record) if any(t is output for t in c.outputs))


def _paths(embedding: keras.Model, names: Sequence[str]) -> list[str]:
    paths = []
    for name in names:
        found = list(select(embedding, name))
        if len(found) != 1:
            raise ValueError(
                f"collect names one layer each; {name!r} stands for {len(found)} in "
                f"{embedding.name}: {', '.join(found)}"
            )
        paths += found
    return paths

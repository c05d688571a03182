"""The model class of nets that compare: it trains on data without labels."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import wraps
from typing import Any

import keras
from keras import ops

from graph import GModule, nn
from graph.calls import recorded_graph
from graph.table import flatten, is_table

from .distances import Distance, FullPrecision, distance_module
from .towers import embedding_of, inputs_of, stacked, towers

__all__ = ["MetricNet", "metric_net"]


def metric_net(
    embedding: keras.Model,
    names: Sequence[str],
    *,
    distance: Distance | None,
    collect: Sequence[str],
    single_pass: bool,
    name: str,
) -> MetricNet:
    """One embedding at several inputs, and the distances from the first to each other.

    Args:
        embedding: Any Keras model of one output.
        names: A name for each input; the first is what the others are compared with.
        distance: As `zoo.distances.distance_module` takes it; None for the embeddings themselves.
        collect: Inner layers of the embedding whose features are outputs too.
        single_pass: Whether the embedding runs once, on all inputs in one batch.
        name: Name of the model.

    Raises:
        TypeError: `embedding` is no Keras model, or `distance` is of an unknown kind.
        ValueError: `distance` or one of `collect` is unknown, or the embedding has several
            outputs.
    """
    _check_embedding(embedding)
    wanted = [collect] if isinstance(collect, str) else list(collect)
    measure = None if distance is None else FullPrecision(distance_module(distance))
    inputs = inputs_of(embedding, names)
    values, *features = towers(embedding, inputs, wanted, single_pass)
    if measure is None:
        outputs = [stacked(values, "embeddings")]
    else:
        column = FullPrecision(nn.View(1))
        columns = [column(measure([values[0], other])) for other in values[1:]]
        joined = FullPrecision(nn.JoinTable(1))(columns) if len(columns) > 1 else columns[0]
        outputs = [joined.annotate(name="distances")]
    for layer, nodes in zip(wanted, features, strict=True):
        outputs.append(stacked(nodes, f"{layer.replace('/', '_')}_features"))
    return MetricNet.of_nodes([node for tower in inputs for node in tower], outputs, name)


def _check_embedding(embedding: Any) -> None:
    if not isinstance(embedding, keras.Model):
        raise TypeError(
            f"embedding must be a Keras model, got {embedding!r}\n"
            f"  fix: make a model of modules or layers first, with graph.gModule or "
            f"keras.Sequential"
        )
    record = recorded_graph(embedding)
    if record is not None and len(record.outputs) != 1:
        raise ValueError(
            f"embedding must have one output, {embedding.name} has {len(record.outputs)}\n"
            f"  fix: name the others in collect=[...]"
        )


def _bare_inputs_too(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method that runs over data take data whose elements are the inputs alone."""

    @wraps(method)
    def wrapped(self: Any, x: Any = None, *args: Any, **kwargs: Any) -> Any:
        if x is None and not args and not kwargs:
            return method(self)
        if kwargs.get("validation_data") is not None:
            kwargs["validation_data"] = self.as_inputs(kwargs["validation_data"], arrays=True)
        return method(self, self.as_inputs(x), *args, **kwargs)

    return wrapped


@keras.saving.register_keras_serializable(package="nngraph")
class MetricNet(GModule):
    """A gModule of several inputs that one embedding runs at; `fit` needs no labels.

    Made by `zoo.TripletNet` and `zoo.SiameseNet`. Where the data has no labels, a loss is called
    with zeros shaped as the output in their place, and so are metrics.
    """

    @property
    def embedding(self) -> Any:
        """The embedding that all inputs share; training and loading change it with the net."""
        return embedding_of(self.forwardnodes)

    def checked_inputs(self, x: Any) -> Any:
        """`x`, which may be nested by input, as a flat list."""
        if is_table(x) and any(map(is_table, x)):
            flat = flatten(x)
            if len(flat) == len(self.inputnodes) and all(hasattr(f, "shape") for f in flat):
                x = flat
        return super().checked_inputs(x)

    # -- data without labels ----------------------------------------------------------------

    fit = _bare_inputs_too(GModule.fit)
    evaluate = _bare_inputs_too(GModule.evaluate)
    predict = _bare_inputs_too(GModule.predict)

    def as_inputs(self, data: Any, *, arrays: bool = False) -> Any:
        """Data whose elements may be the inputs alone, ``(a, p, n)``, as Keras takes it.

        A tuple of as many tensors as the net has inputs is these inputs; Keras alone would take
        it as input, label and weight.

        Args:
            data: What `fit` was given; datasets of tf.data and generators are looked into.
            arrays: Whether arrays may come as such a tuple too.
        """
        if hasattr(data, "element_spec"):
            return data.map(_alone) if self._is_bare(data.element_spec) else data
        if isinstance(data, Generator):
            first = next(data)
            rest = _with_first(first, data)
            return ((element,) for element in rest) if self._is_bare(first) else rest
        return (data,) if arrays and self._is_bare(data) else data

    def _is_bare(self, element: Any) -> bool:
        if not is_table(element):
            return False
        count = len(self.inputnodes)
        return len(keras.tree.flatten(element)) == count > len(keras.tree.flatten(element[0]))

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.compile`; one loss is that of the first output, not of each."""
        loss = kwargs.get("loss", args[1] if len(args) > 1 else None)
        features = len(self.outputnodes) - 1
        if features and loss is not None and not isinstance(loss, (list, tuple, dict)):
            args, kwargs = (*args[:1], *args[2:]), {**kwargs, "loss": [loss] + [None] * features}
        super().compile(*args, **kwargs)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """As Keras does, with zeros for labels that the data does not have.

        Raises:
            ValueError: There are no labels, and the loss is one of Keras's that compares with them.
        """
        if y is None:
            for loss in keras.tree.flatten(self.loss):
                _check_needs_no_labels(self.name, loss)
            y = keras.tree.map_structure(ops.zeros_like, y_pred)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """As Keras does, with zeros for labels that the data does not have."""
        if y is None:
            y = keras.tree.map_structure(ops.zeros_like, y_pred)
        return super().compute_metrics(x, y, y_pred, sample_weight)


def _check_needs_no_labels(model: str, loss: Any) -> None:
    kind = loss if isinstance(loss, type) or hasattr(loss, "__name__") else type(loss)
    if isinstance(loss, str) or getattr(kind, "__module__", "").startswith("keras."):
        name = loss if isinstance(loss, str) else kind.__name__
        raise ValueError(
            f"{model} is trained on data without labels, and the loss {name!r} compares with labels"
            f"\n  fix: a loss of the outputs alone, such as losses.TripletEmbeddingLoss or a "
            f"function of (_, distances); or data of (inputs, labels)"
        )


def _alone(*inputs: Any) -> Any:
    return (inputs,)


def _with_first(first: Any, rest: Generator[Any, None, None]) -> Generator[Any, None, None]:
    yield first
    yield from rest

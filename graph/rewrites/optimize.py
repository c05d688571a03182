"""`graph.optimize`: an equal model that computes less."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras

from ..calls import recorded_graph
from ..gmodule import GModule
from .average_first import average_first
from .change import Change
from .common import share_common
from .flatten_order import fold_flatten_order
from .folding import fold_after, fold_before
from .fusing import fuse_activations
from .nodes import write_gmodule
from .parallel import merge_parallel
from .plan import Plan
from .pooling_first import pool_first
from .reading import read
from .record import Optimizations
from .removal import remove_identities
from .slices import add_before_slicing
from .sums import join_sums
from .writing import Layers, write

__all__ = ["optimize"]

Rule = Callable[[Plan], Iterator[Change]]

_ALWAYS: tuple[Rule, ...] = (
    *(fold_flatten_order, join_sums, merge_parallel, add_before_slicing),
    *(pool_first, average_first, fuse_activations),
)
_TRAINING: tuple[Rule, ...] = (remove_identities, share_common, *_ALWAYS)
_INFERENCE: tuple[Rule, ...] = (
    *(remove_identities, share_common, fold_after, fold_before),
    *_ALWAYS,
)
_RULES = {"inference": _INFERENCE, "training": _TRAINING}


def optimize(
    model: keras.Model,
    *,
    for_: str = "inference",
    explain: bool | str | os.PathLike[str] = False,
) -> Any:
    """An equal model that computes less, made of new layers; `model` stays as it is.

    For inference: dropout, noise and layers that change nothing are taken out; equal calls are
    computed once; batch normalisation, scales and constants are folded into the convolution or
    Dense before or after them, and transpositions before a flattening into the rows of the next
    Dense; sums of products become one product, products of one input become one; max pooling
    comes before an activation that is dear; activations are fused into the layer before them.
    For training only what leaves the gradients and the steps of the parameters as they are:
    nothing of batch normalisation and dropout, and of sums only those with one bias at most.

    Whatever is shared, frozen, regularised, constrained, masked or read elsewhere in a way that
    a rewrite would change is left as it is. Nested models are optimised inside and stay models.

    Args:
        model: A built GModule, Functional or Sequential model.
        for_: ``"inference"`` or ``"training"``. Default: ``"inference"``.
        explain: True prints what was done and the multiply-adds before and after, and draws both
            graphs to ``<name>_before.svg`` and ``<name>_after.svg``; a path does so with that in
            the place of the name. Default: False.

    Returns:
        A model with the inputs, outputs and names of `model` and equal outputs, up to the order
        of sums (1e-5); a GModule for a GModule whose nodes are all layers called on plain
        inputs, else a `keras.Model`. For inference it is not compiled; for training it is
        compiled as `model` is, with a new optimizer of the same settings. Its attribute
        ``optimizations`` tells what was done; it prints, and is not saved with the model.

    Raises:
        TypeError: `model` is no Keras model.
        ValueError: `model` is not built or records no graph; `for_` is another word; a layer
            does not say how it is made.

    >>> x = keras.Input((4,))
    >>> y = keras.layers.BatchNormalization()(keras.layers.Dense(3, name="fc")(x))
    >>> smaller = optimize(keras.Model(x, y))
    >>> [layer.name for layer in smaller.layers][1:] == [y._keras_history.operation.name]
    True
    >>> print(smaller.optimizations.changes[0].rule)
    folded
    """
    rules = _rules(for_)
    graph = _graph_of(model)
    training = for_ == "training"
    plan = read(graph, training=training)
    changes = _apply(plan, rules, "")
    layers = Layers()
    result = write_gmodule(plan, model, layers) if isinstance(model, GModule) else None
    if result is None:
        result = write(plan, model.name, layers)
    layers.fill()
    if not model.trainable:
        result.trainable = False
    if training and model.compiled:
        result.compile_from_config(model.get_compile_config())
    renamed = tuple(change.renamed(plan.renamed) for change in changes)
    result.optimizations = Optimizations(renamed, for_, model, result)
    if explain:
        where = model.name if explain is True else explain
        print(result.optimizations.explained(where))
    return result


def _rules(for_: str) -> Sequence[Rule]:
    if for_ not in _RULES:
        raise ValueError(f"for_ is 'inference' or 'training', not {for_!r}")
    return _RULES[for_]


def _graph_of(model: Any) -> Any:
    if not isinstance(model, keras.Model):
        raise TypeError(
            f"optimize takes a GModule, Functional or Sequential model, not {type(model).__name__}"
        )
    graph = recorded_graph(model)
    if graph is not None:
        return graph
    name = f"{type(model).__name__} '{model.name}'"
    if isinstance(model, (GModule, keras.Sequential)):
        raise ValueError(f"{name} is not built yet: call build(shape), or feed the model once")
    raise ValueError(
        f"{name} computes in its own call() and records no graph: make it a GModule, or a "
        f"Functional model, keras.Model(inputs, outputs)"
    )


def _apply(plan: Plan, rules: Sequence[Rule], prefix: str) -> list[Change]:
    """Apply the rules to a plan and the nested ones until nothing more is found."""
    changes: list[Change] = []
    inner = {id(s.piece): s.piece for s in plan.order() if s.piece.inner is not None}
    for piece in inner.values():
        assert piece.inner is not None
        changes += _apply(piece.inner, rules, f"{prefix}{piece.name}/")
    while True:
        found = [change for rule in rules for change in rule(plan)]
        if not found:
            return changes
        changes += [change.under(prefix) for change in found]

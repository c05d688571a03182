"""What the builders of this package share: the input, named chains, the top, the stages."""

from __future__ import annotations

import os
import warnings
from typing import Any

import keras

import graph
from graph import Node, nn

from .weights.loading import load_weights

__all__ = ["chain", "classifier", "fill", "finish", "image_input", "stages"]


def chain(x: Node, **modules: Any) -> Node:
    """Apply modules one after another; each keyword is the name of its layer.

    >>> from graph import Input, nn
    >>> chain(Input((8,)), fc1=nn.Linear(8, 4), tanh1=nn.Tanh()).name
    'tanh1'
    """
    for name, module in modules.items():
        x = (x - module).annotate(name=name)
    return x


def image_input(
    network: str,
    input_tensor: Any,
    input_shape: tuple[int, int, int] | None,
    *,
    default: tuple[int, int, int],
    smallest: int,
) -> tuple[Node, tuple[int, int, int]]:
    """The input node of an image network, and its shape.

    Args:
        network: Name of the builder, for messages.
        input_tensor: As the builder was given it.
        input_shape: As the builder was given it.
        default: The shape where neither is given.
        smallest: The smallest height and width that leave an output.

    Raises:
        ValueError: The shape is none of an image, too small, or contradicts `input_tensor`.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            f"{network} takes images as (height, width, channels): call "
            f"keras.config.set_image_data_format('channels_last') first"
        )
    if input_tensor is not None:
        if not isinstance(input_tensor, keras.KerasTensor):
            raise ValueError(f"input_tensor must be a Keras tensor, got {input_tensor!r}")
        own = tuple(input_tensor.shape[1:])
        if input_shape is not None and tuple(input_shape) != own:
            raise ValueError(f"input_shape {input_shape} contradicts input_tensor's {own}")
        shape = own
        node = graph.Input(tensor=input_tensor)
    else:
        shape = default if input_shape is None else tuple(input_shape)
        node = None
    sides = shape[:2]
    whole = all(isinstance(size, int) and size > 0 for size in shape)
    if len(shape) != 3 or not whole or min(sides) < smallest:
        raise ValueError(
            f"{network} takes input_shape (height, width, channels) with sides of at least "
            f"{smallest} pixels, got {shape}"
        )
    return node or graph.Input(shape, name="image"), shape  # type: ignore[return-value]


def classifier(x: Node, activation: str | None) -> Node:
    """The last activation, named ``predictions``; `x` itself for None.

    It computes in float32 where the dtype policy computes in less, as mixed precision asks of the
    last layer.

    Raises:
        ValueError: Keras has no activation of that name.
    """
    if activation is None:
        return x
    if keras.config.dtype_policy().compute_dtype in ("float16", "bfloat16"):
        return chain(x, predictions=keras.layers.Activation(activation, dtype="float32"))
    if activation == "softmax":
        return chain(x, predictions=nn.SoftMax())
    return chain(x, predictions=keras.layers.Activation(activation))


def finish(
    x: Node,
    y: Node,
    *,
    name: str,
    weights: str | os.PathLike[str] | None,
    include_top: bool,
    pooling: str | None,
    activation: str | None,
    features_only: bool = False,
) -> graph.GModule | keras.Model:
    """Put the classifier or the pooling on top of `y`, make the model, load its weights.

    Args:
        x: The input node.
        y: The last node, without classifier or pooling.
        name: Name of the model.
        weights: None or a file, of any format that `zoo.load_weights` knows.
        include_top: Whether `y` is the network's own end, classes and all.
        pooling: As the builder was given it.
        activation: As the builder was given it.
        features_only: Whether to give the maps of every stage, in a dict.

    Returns:
        A `graph.GModule`; with `features_only` a `keras.Model` whose output is a dict.

    Raises:
        ValueError: `pooling` is unknown, or the weights do not belong to this network.
        FileNotFoundError: `weights` names no file.
    """
    include_top = include_top and not features_only
    if pooling not in (None, "avg", "max"):
        raise ValueError(f"pooling must be None, 'avg' or 'max', got {pooling!r}")
    if features_only and pooling is not None:
        raise ValueError(f"features_only gives maps, so pooling must be None, got {pooling!r}")
    outputs = stages(x, y) if features_only else [y]
    if include_top:
        outputs = [classifier(y, activation)]
    elif pooling == "avg":
        outputs = [chain(y, avg_pool=keras.layers.GlobalAveragePooling2D())]
    elif pooling == "max":
        outputs = [chain(y, max_pool=keras.layers.GlobalMaxPooling2D())]
    # Saved with the model; `load_weights` asks for it.
    x.annotate(include_top=include_top)
    model = graph.gModule([x], outputs, name=name)
    fill(model, weights)
    if not features_only:
        return model
    maps = {node.name: tensor for node, tensor in zip(outputs, model.outputs, strict=True)}
    return keras.Model(model.inputs[0], maps, name=name)


def fill(model: graph.GModule, weights: str | os.PathLike[str] | None) -> None:
    """Load a builder's `weights`, if there are any; warn of what keeps its random values.

    Raises:
        ValueError: The weights do not belong to this network.
        FileNotFoundError: `weights` names no file.
    """
    if weights is None:
        return
    report = load_weights(model, weights)
    if report.kept:
        kept = ", ".join(entry.variable for entry in report.kept)
        warnings.warn(f"{kept} not loaded: {report.kept[0].reason}", stacklevel=4)


def stages(x: Node, y: Node) -> list[Node]:
    """The last node of each stage between `x` and `y`: every pooling, and `y` itself.

    A stage is what works at one resolution, the pooling that ends it included.
    """
    found = [y]
    node = y
    while node is not x:
        node = node.parents[0]  # Of a shortcut, either way passes the same poolings.
        if node.module is not None and "Pooling" in node.module.torch_name:
            found.append(node)
    return found[::-1]

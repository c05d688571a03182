"""What the builders of this package share: the input, named chains, the top, the weights."""

from __future__ import annotations

import os
from typing import Any

import keras

import graph
from graph import Node, nn

from .weights import darknet

__all__ = ["chain", "classifier", "finish", "image_input"]


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

    Raises:
        ValueError: Keras has no activation of that name.
    """
    if activation is None:
        return x
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
) -> graph.GModule:
    """Put the classifier or the pooling on top of `y`, make the model, load its weights.

    Raises:
        ValueError: `pooling` is unknown, or the weights do not belong to this network.
        FileNotFoundError: `weights` names no file.
    """
    if include_top:
        y = classifier(y, activation)
    elif pooling == "avg":
        y = chain(y, avg_pool=keras.layers.GlobalAveragePooling2D())
    elif pooling == "max":
        y = chain(y, max_pool=keras.layers.GlobalMaxPooling2D())
    elif pooling is not None:
        raise ValueError(f"pooling must be None, 'avg' or 'max', got {pooling!r}")
    model = graph.gModule([x], [y], name=name)
    if weights is not None:
        _load(model, weights)
    return model


def _load(model: graph.GModule, path: str | os.PathLike[str]) -> None:
    file = os.fspath(path)
    if not os.path.isfile(file):
        raise FileNotFoundError(
            f"no weights file {file!r}: weights is None or a path to a .weights.h5 or .keras file "
            f"(nothing is downloaded)"
        )
    if file.endswith(".keras"):
        values = keras.saving.load_model(file, compile=False).get_weights()
        _assign(model, values, file)
    elif file.endswith(".weights.h5"):
        before = model.get_weights()
        try:
            model.load_weights(file)
        except Exception as error:
            model.set_weights(before)
            raise ValueError(f"{file} holds no weights of {model.name}: {error}") from error
    elif file.endswith(".weights"):
        darknet.load(model, file)
    else:
        raise ValueError(f"weights must be a .weights.h5, .keras or .weights file, got {file!r}")


def _assign(model: graph.GModule, values: list[Any], file: str) -> None:
    expected = [tuple(w.shape) for w in model.weights]
    found = [tuple(v.shape) for v in values]
    if expected != found:
        raise ValueError(
            f"{file} holds weights of another network\n  expected {expected}\n  found    {found}"
        )
    model.set_weights(values)

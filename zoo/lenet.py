"""LeNet-5."""

from __future__ import annotations

import os
from typing import Any

import keras

import graph
from graph import nn

from .building import chain, finish, image_input

__all__ = ["LeNet5", "preprocess_input"]

_VARIANTS: dict[str, tuple[str, Any, Any]] = {
    "classic": ("tanh", nn.Tanh, nn.SpatialAveragePooling),
    "torch": ("tanh", nn.Tanh, nn.SpatialMaxPooling),
    "modern": ("relu", nn.ReLU, nn.SpatialMaxPooling),
}


def LeNet5(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    name: str = "lenet5",
    *,
    variant: str = "torch",
    features_only: bool = False,
) -> graph.GModule | keras.Model:
    """LeNet-5 for small grey images: 6 and 16 feature maps of 5x5, then 120, 84 and `classes`.

    Layers: ``conv1 tanh1 pool1 conv2 tanh2 pool2 flatten fc3 tanh3 fc4 tanh4 fc5 predictions``,
    or ``relu1`` ...; 61,706 parameters on ``(32, 32, 1)`` with 10 classes. Where the paper has a
    connection table, trained subsampling, a scaled tanh and radial basis functions this has all
    maps connected, plain pooling, tanh and a linear layer.

    Args:
        include_top: Whether to end with the fully connected layers. Default: True.
        weights: None for random ones, or a file that `zoo.load_weights` reads.
        input_tensor: Keras tensor to read instead of a new input.
        input_shape: ``(height, width, channels)``, sides of at least 16. Default: ``(32, 32, 1)``.
        pooling: Without the top: None for feature maps ``(batch, 5, 5, 16)``, ``"avg"`` or
            ``"max"`` for their global mean or maximum ``(batch, 16)``.
        classes: Number of classes. Default: 10.
        classifier_activation: Name of a Keras activation, or None for logits.
        name: Name of the model.
        variant: ``"classic"``: tanh and average pooling, as in 1998; ``"torch"``: tanh and max
            pooling, as in Torch's demos (the default); ``"modern"``: ReLU and max pooling.
        features_only: Whether to give the maps of the stages instead, ``{"pool1", "pool2"}``.

    Returns:
        A `graph.GModule` from images ``(batch, 32, 32, 1)``, scaled as `preprocess_input` does,
        to ``(batch, classes)``; with `features_only` a `keras.Model` to a dict of maps.

    Raises:
        ValueError: An argument is not one of these, or the weights are not of this network.
        FileNotFoundError: `weights` names no file.

    Reference: LeCun et al. 1998, "Gradient-based learning applied to document recognition".

    >>> LeNet5().count_params()
    61706
    """
    if variant not in _VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(_VARIANTS)}, got {variant!r}")
    word, activation, pool = _VARIANTS[variant]
    top = include_top and not features_only
    x, shape = image_input("LeNet5", input_tensor, input_shape, default=(32, 32, 1), smallest=16)
    y = chain(
        x,
        **{
            "conv1": nn.SpatialConvolution(shape[2], 6, 5, 5),
            f"{word}1": activation(),
            "pool1": pool(2, 2, 2, 2),
            "conv2": nn.SpatialConvolution(6, 16, 5, 5),
            f"{word}2": activation(),
            "pool2": pool(2, 2, 2, 2),
        },
    )
    if top:
        height, width = (((side - 4) // 2 - 4) // 2 for side in shape[:2])
        features = 16 * height * width
        y = chain(
            y,
            **{
                "flatten": nn.View(features),
                "fc3": nn.Linear(features, 120),
                f"{word}3": activation(),
                "fc4": nn.Linear(120, 84),
                f"{word}4": activation(),
                "fc5": nn.Linear(84, classes),
            },
        )
    return finish(
        x,
        y,
        name=name,
        weights=weights,
        include_top=include_top,
        pooling=pooling,
        activation=classifier_activation,
        features_only=features_only,
    )


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Scale pixel values from 0..255 to -1..1, as keras.applications does in its ``"tf"`` mode.

    Args:
        x: Array or tensor of pixels, 0 to 255, ``(batch, height, width, channels)``.
        data_format: ``"channels_last"``, ``"channels_first"`` or None for Keras's setting.

    Returns:
        Values in -1..1; an array for an array, a tensor for a tensor.

    Raises:
        ValueError: `data_format` is none of these.
    """
    return keras.applications.imagenet_utils.preprocess_input(x, data_format, mode="tf")

"""AlexNet."""

from __future__ import annotations

import os
from typing import Any

import keras

import graph
from graph import nn

from .building import chain, finish, image_input

__all__ = ["AlexNet", "preprocess_input"]


def AlexNet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "alexnet",
) -> graph.GModule:
    """AlexNet in one stream, eleven layers: five convolutions, three poolings, three linear ones.

    96 maps of 11x11 at step 4; pooling 3 at step 2; 256 of 5x5; pooling; 384, 384 and 256 of 3x3;
    pooling; 4096; 4096; `classes`. On 227x227 the sides are 55, 27, 27, 13, 13, 13, 13, 6 and
    there are 62,378,344 parameters. No local response normalisation and no split in two groups.

    Layers: ``conv1 relu1 pool1 conv2 relu2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 flatten
    fc6 relu6 dropout6 fc7 relu7 dropout7 fc8 predictions``.

    Args:
        include_top: Whether to end with the fully connected layers. Default: True.
        weights: None for random ones, or a path to a ``.weights.h5`` or ``.keras`` file of this
            same network.
        input_tensor: Keras tensor to read instead of a new input.
        input_shape: ``(height, width, channels)``, sides of at least 67. Default:
            ``(227, 227, 3)``.
        pooling: Without the top: None for feature maps ``(batch, 6, 6, 256)``, ``"avg"`` or
            ``"max"`` for their global mean or maximum ``(batch, 256)``.
        classes: Number of classes. Default: 1000.
        classifier_activation: Name of a Keras activation, or None for logits.
        name: Name of the model.

    Returns:
        A `graph.GModule` from images ``(batch, 227, 227, 3)``, centred as `preprocess_input` does,
        to ``(batch, classes)``.

    Raises:
        ValueError: An argument is not one of these, or the weights are not of this network.
        FileNotFoundError: `weights` names no file.

    Reference: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
    networks".
    """
    x, shape = image_input("AlexNet", input_tensor, input_shape, default=(227, 227, 3), smallest=67)
    y = chain(
        x,
        conv1=nn.SpatialConvolution(shape[2], 96, 11, 11, 4, 4),
        relu1=nn.ReLU(),
        pool1=nn.SpatialMaxPooling(3, 3, 2, 2),
        conv2=nn.SpatialConvolution(96, 256, 5, 5, 1, 1, 2, 2),
        relu2=nn.ReLU(),
        pool2=nn.SpatialMaxPooling(3, 3, 2, 2),
        conv3=nn.SpatialConvolution(256, 384, 3, 3, 1, 1, 1, 1),
        relu3=nn.ReLU(),
        conv4=nn.SpatialConvolution(384, 384, 3, 3, 1, 1, 1, 1),
        relu4=nn.ReLU(),
        conv5=nn.SpatialConvolution(384, 256, 3, 3, 1, 1, 1, 1),
        relu5=nn.ReLU(),
        pool5=nn.SpatialMaxPooling(3, 3, 2, 2),
    )
    if include_top:
        height, width = (_last_side(side) for side in shape[:2])
        features = 256 * height * width
        y = chain(
            y,
            flatten=nn.View(features),
            fc6=nn.Linear(features, 4096),
            relu6=nn.ReLU(),
            dropout6=nn.Dropout(0.5),
            fc7=nn.Linear(4096, 4096),
            relu7=nn.ReLU(),
            dropout7=nn.Dropout(0.5),
            fc8=nn.Linear(4096, classes),
        )
    return finish(
        x,
        y,
        name=name,
        weights=weights,
        include_top=include_top,
        pooling=pooling,
        activation=classifier_activation,
    )


def _last_side(side: int) -> int:
    side = (side - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Turn RGB into BGR and subtract ImageNet's mean, as keras.applications' ``"caffe"`` mode.

    Args:
        x: Array or tensor of RGB pixels, 0 to 255, ``(batch, height, width, 3)``.
        data_format: ``"channels_last"``, ``"channels_first"`` or None for Keras's setting.

    Returns:
        Centred BGR values, not scaled; an array for an array, a tensor for a tensor.

    Raises:
        ValueError: `data_format` is none of these.
    """
    return keras.applications.imagenet_utils.preprocess_input(x, data_format, mode="caffe")

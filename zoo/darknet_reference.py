"""The Darknet reference network."""

from __future__ import annotations

import os

import keras

import graph
from graph import nn

from .building import chain, finish, image_input
from .darknet.chain import Chain, convolutions
from .darknet.images import letterbox, preprocess_input

__all__ = ["DarknetReference", "letterbox", "preprocess_input"]

_TRUNK: Chain = (
    *(layer for filters in (16, 32, 64, 128, 256, 512) for layer in ((filters, 3), "pool")),
    (1024, 3),
)


def DarknetReference(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "darknet_reference",
    *,
    batch_norm_epsilon: str = "outside",
    features_only: bool = False,
) -> graph.GModule | keras.Model:
    """The Darknet reference network: seven 3x3 convolutions, each halving the sides.

    16, 32, 64, 128, 256, 512 and 1024 maps with 2x2 poolings at step 2 between, batch
    normalisation and leaky ReLU of 0.1; the mean over the map; a 1x1 convolution with bias to
    `classes`; softmax. A convolution from c to n maps has ``9 c n`` weights, 6,290,352 in all, and
    the 2,032 maps have 4 numbers each of batch normalisation, 8,128; with the 1,025,000 of the
    classifier 7,323,480.

    Layers: ``conv1 bn1 leaky1 pool1 ... conv7 bn7 leaky7 avgpool conv8 flatten predictions``.

    Args:
        include_top: Whether to end with what makes scores of maps. Default: True.
        weights: None for random ones, or the path of a file of this same network: ``.weights.h5``,
            ``.keras``, or Darknet's ``.weights``, for the whole network or for that without top.
        input_tensor: Keras tensor to read instead of a new input.
        input_shape: ``(height, width, channels)``. Default: ``(256, 256, 3)``.
        pooling: Without the top: None for feature maps ``(batch, 4, 4, 1024)``, ``"avg"`` or
            ``"max"`` for their global mean or maximum ``(batch, 1024)``.
        classes: Number of classes. Default: 1000.
        classifier_activation: Name of a Keras activation, or None for logits.
        name: Name of the model.
        batch_norm_epsilon: "outside" or "inside" the root, as of `from_darknet`.
        features_only: Whether to give the maps of the stages instead, a dict by the name of each
            stage's last layer.

    Returns:
        A `graph.GModule` from RGB images ``(batch, 256, 256, 3)`` of 0..1, as `preprocess_input`
        gives, to ``(batch, classes)``; with `features_only` a `keras.Model` to a dict of maps.

    Raises:
        ValueError: An argument is not one of these, or the weights are not of this network.
        FileNotFoundError: `weights` names no file.

    Reference: Redmon, "Darknet reference model", https://pjreddie.com/darknet/imagenet/;
    pjreddie/darknet cfg/darknet.cfg.

    >>> DarknetReference().output_shape
    (None, 1000)
    """
    x, shape = image_input(
        "DarknetReference", input_tensor, input_shape, default=(256, 256, 3), smallest=1
    )
    y, planes = convolutions(
        x, shape[2], _TRUNK, activation="leaky", batch_norm_epsilon=batch_norm_epsilon
    )
    include_top = include_top and not features_only
    if include_top:
        y = chain(
            y,
            avgpool=keras.layers.GlobalAveragePooling2D(keepdims=True),
            conv8=nn.SpatialConvolution(planes, classes, 1, 1),
            flatten=nn.View(classes),
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

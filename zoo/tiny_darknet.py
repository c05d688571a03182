"""Tiny Darknet."""

from __future__ import annotations

import os
from typing import Any

import keras

import graph
from graph import nn

from .building import chain, finish, image_input
from .darknet.chain import Chain, convolutions
from .darknet.images import letterbox, preprocess_input

__all__ = ["TinyDarknet", "letterbox", "preprocess_input"]

_TRUNK: Chain = (
    (16, 3),
    "pool",
    (32, 3),
    "pool",
    *((16, 1), (128, 3)) * 2,
    "pool",
    *((32, 1), (256, 3)) * 2,
    "pool",
    *((64, 1), (512, 3)) * 2,
    (128, 1),
)
_CHAINS: dict[str, Chain] = {"darknet": _TRUNK, "selfie": (*_TRUNK, (1024, 3))}


def TinyDarknet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int | None = None,
    classifier_activation: str | None = "auto",
    name: str = "tiny_darknet",
    *,
    variant: str = "darknet",
    batch_norm_epsilon: str = "outside",
    features_only: bool = False,
) -> graph.GModule | keras.Model:
    """Tiny Darknet: 3x3 convolutions with 1x1 ones between, which keep it to a million parameters.

    16 maps; pooling; 32; pooling; twice 16 of 1x1 and 128 of 3x3; pooling; twice 32 and 256;
    pooling; twice 64 and 512; 128 of 1x1. Poolings are 2x2 at step 2.

    Variant ``"darknet"`` is Darknet's ``cfg/tiny.cfg``: batch normalisation and leaky ReLU of 0.1
    after each convolution, a 1x1 convolution with bias to `classes`, the mean over the map,
    softmax. Layers: ``conv1 bn1 leaky1 pool1 conv2 ... conv15 bn15 leaky15 conv16 avgpool
    predictions``. A convolution of k x k from c to n maps has ``k k c n`` weights: 908,720 in the
    15 up to the last 128 maps, whose 2,192 maps have 4 numbers each of batch normalisation, 8,768;
    the last has 128 weights and a bias for each class, 129,000. Together 1,046,488.

    Variant ``"selfie"`` has no batch normalisation but biases and ELU, 1024 maps of 3x3 more,
    the mean over the map, dropout of 0.5 and one linear output, a score. Layers: ``conv1 elu1
    pool1 ... conv16 elu16 avgpool dropout fc``. 908,720 weights and 9 * 128 * 1024 more, 3,216
    biases and 1,025 numbers of the linear output: 2,092,609.

    Args:
        include_top: Whether to end with what makes scores of maps. Default: True.
        weights: None for random ones, or the path of a file of this same network: ``.weights.h5``,
            ``.keras``, or Darknet's ``.weights``, for the whole network or for that without top.
        input_tensor: Keras tensor to read instead of a new input.
        input_shape: ``(height, width, channels)``. Default: ``(224, 224, 3)``.
        pooling: Without the top: None for feature maps ``(batch, 14, 14, 128)`` (1024 of
            ``"selfie"``), ``"avg"`` or ``"max"`` for their global mean or maximum.
        classes: Number of outputs. Default: 1000; 1 of ``"selfie"``.
        classifier_activation: Name of a Keras activation, or None for logits. Default: ``"auto"``,
            which is ``"softmax"``, and None of ``"selfie"``.
        name: Name of the model.
        variant: ``"darknet"`` or ``"selfie"``.
        batch_norm_epsilon: "outside" or "inside" the root, as of `from_darknet`.
        features_only: Whether to give the maps of the stages instead, a dict by the name of each
            stage's last layer.

    Returns:
        A `graph.GModule` from RGB images ``(batch, 224, 224, 3)`` of 0..1, as `preprocess_input`
        gives, to ``(batch, classes)``; with `features_only` a `keras.Model` to a dict of maps.

    Raises:
        ValueError: An argument is not one of these, or the weights are not of this network.
        FileNotFoundError: `weights` names no file.

    Reference: Redmon, "Tiny Darknet", https://pjreddie.com/darknet/tiny-darknet/;
    pjreddie/darknet cfg/tiny.cfg.

    >>> TinyDarknet().output_shape, TinyDarknet(variant="selfie").output_shape
    ((None, 1000), (None, 1))
    """
    if variant not in _CHAINS:
        raise ValueError(f"variant must be 'darknet' or 'selfie', got {variant!r}")
    is_selfie = variant == "selfie"
    if classes is None:
        classes = 1 if is_selfie else 1000
    if classifier_activation == "auto":
        classifier_activation = None if is_selfie else "softmax"
    x, shape = image_input(
        "TinyDarknet", input_tensor, input_shape, default=(224, 224, 3), smallest=1
    )
    y, planes = convolutions(
        x,
        shape[2],
        _CHAINS[variant],
        activation="elu" if is_selfie else "leaky",
        batch_norm_epsilon=None if is_selfie else batch_norm_epsilon,
    )
    average: Any = keras.layers.GlobalAveragePooling2D()
    include_top = include_top and not features_only
    if include_top and is_selfie:
        y = chain(y, avgpool=average, dropout=nn.Dropout(0.5), fc=nn.Linear(planes, classes))
    elif include_top:
        y = chain(y, conv16=nn.SpatialConvolution(planes, classes, 1, 1), avgpool=average)
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

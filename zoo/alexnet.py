"""AlexNet: in one stream, as in the paper, and as in torchvision."""

from __future__ import annotations

import os
from typing import Any, Literal

import keras

import graph
from graph import Node, nn

from .building import chain, finish, image_input
from .weights.named import WeightNames

__all__ = ["WEIGHT_NAMES", "AlexNet", "preprocess_input"]

_CAFFE_NAMES = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")

WEIGHT_NAMES = (
    WeightNames(
        "torchvision's AlexNet",
        "torch",
        {
            "features.0": "conv1",
            "features.3": "conv2",
            "features.6": "conv3",
            "features.8": "conv4",
            "features.10": "conv5",
            "classifier.1": "fc6",
            "classifier.4": "fc7",
            "classifier.6": "fc8",
        },
        fits="AlexNet(variant='torchvision')",
    ),
    WeightNames(
        "Caffe's AlexNet",
        "keras",
        {name: name for name in _CAFFE_NAMES},
        planes_last={"fc6": "pool5"},
        fits="AlexNet(variant='paper')",
    ),
)
"""What files of weights call the layers."""

# Variant -> planes of the five convolutions, padding of the first, groups of 2, 4 and 5, the
# smallest side and the usual one.
_VARIANTS = {
    "single": ((96, 256, 384, 384, 256), 0, 1, 67, 227),
    "paper": ((96, 256, 384, 384, 256), 0, 2, 67, 227),
    "torchvision": ((64, 192, 384, 256, 256), 2, 1, 63, 224),
}
# Scale of the mean square, exponent, and what is added.
_NORMALISATIONS = {"caffe": (1e-4, 0.75, 1.0), "paper": (5 * 1e-4, 0.75, 2.0)}


def AlexNet(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: str | None = "softmax",
    name: str = "alexnet",
    *,
    variant: Literal["single", "paper", "torchvision"] = "single",
    normalisation: Literal["caffe", "paper"] = "caffe",
    features_only: bool = False,
) -> graph.GModule | keras.Model:
    """AlexNet: five convolutions, three poolings, three linear layers.

    ================  ===========================  =======  ===========  ==========
    variant           planes of the convolutions   groups   input        parameters
    ================  ===========================  =======  ===========  ==========
    ``single``        96, 256, 384, 384, 256       1        227x227      62,378,344
    ``paper``         96, 256, 384, 384, 256       2        227x227      60,965,224
    ``torchvision``   64, 192, 384, 256, 256       1        224x224      61,100,840
    ================  ===========================  =======  ===========  ==========

    Layers: ``conv1 relu1 pool1 conv2 relu2 pool2 conv3 relu3 conv4 relu4 conv5 relu5 pool5 flatten
    fc6 relu6 dropout6 fc7 relu7 dropout7 fc8 predictions``. On 227x227 the sides are 55, 27, 27,
    13, 13, 13, 13, 6. ``paper`` has two groups in conv 2, 4 and 5 and local response normalisation
    over 5 planes in ``norm1`` and ``norm2``, before the poolings. ``torchvision`` pads conv1 by 2,
    pools to 6x6 whatever the input's size (``avgpool``) and drops out before fc6 and fc7.

    Args:
        include_top: Whether to end with the fully connected layers. Default: True.
        weights: None for random ones, or a file that `zoo.load_weights` reads:
            ``bvlc_alexnet.npy`` for ``paper``, ``.pth`` and ``.safetensors`` for ``torchvision``.
        input_tensor: Keras tensor to read instead of a new input.
        input_shape: ``(height, width, channels)``, sides of at least 67, for ``torchvision`` 63.
            Default: the variant's, with 3 channels.
        pooling: Without the top: None for feature maps ``(batch, 6, 6, 256)``, ``"avg"`` or
            ``"max"`` for their global mean or maximum ``(batch, 256)``.
        classes: Number of classes. Default: 1000.
        classifier_activation: Name of a Keras activation, or None for logits.
        name: Name of the model.
        variant: Which of the three. Default: ``"single"``.
        normalisation: Of ``paper``: ``"caffe"`` divides by ``(1 + 1e-4 mean(x^2))^0.75``, as
            Caffe's weights want it; ``"paper"`` by ``(2 + 1e-4 sum(x^2))^0.75``, as it is printed.
        features_only: Whether to give the maps of the stages instead, ``{"pool1", "pool2",
            "pool5"}``.

    Returns:
        A `graph.GModule` from images ``(batch, 227, 227, 3)``, as `preprocess_input` makes them,
        to ``(batch, classes)``; with `features_only` a `keras.Model` to a dict of maps.

    Raises:
        ValueError: An argument is not one of these, or the weights are not of this network.
        FileNotFoundError: `weights` names no file.

    Reference: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural
    networks"; Krizhevsky 2014, arXiv:1404.5997, for ``torchvision``; Caffe's
    models/bvlc_alexnet/train_val.prototxt; pytorch/vision alexnet.py.
    """
    _check("variant", variant, _VARIANTS)
    _check("normalisation", normalisation, _NORMALISATIONS)
    planes, pad, groups, smallest, side = _VARIANTS[variant]
    x, shape = image_input(
        "AlexNet", input_tensor, input_shape, default=(side, side, 3), smallest=smallest
    )
    a, b, c, d, e = planes
    y = chain(x, conv1=nn.SpatialConvolution(shape[2], a, 11, 11, 4, 4, pad), relu1=nn.ReLU())
    if variant == "paper":
        y = chain(y, norm1=nn.SpatialCrossMapLRN(5, *_NORMALISATIONS[normalisation]))
    y = chain(
        y,
        pool1=nn.SpatialMaxPooling(3, 3, 2, 2),
        conv2=nn.SpatialConvolution(a, b, 5, 5, 1, 1, 2, groups=groups),
        relu2=nn.ReLU(),
    )
    if variant == "paper":
        y = chain(y, norm2=nn.SpatialCrossMapLRN(5, *_NORMALISATIONS[normalisation]))
    y = chain(
        y,
        pool2=nn.SpatialMaxPooling(3, 3, 2, 2),
        conv3=nn.SpatialConvolution(b, c, 3, 3, 1, 1, 1),
        relu3=nn.ReLU(),
        conv4=nn.SpatialConvolution(c, d, 3, 3, 1, 1, 1, groups=groups),
        relu4=nn.ReLU(),
        conv5=nn.SpatialConvolution(d, e, 3, 3, 1, 1, 1, groups=groups),
        relu5=nn.ReLU(),
        pool5=nn.SpatialMaxPooling(3, 3, 2, 2),
    )
    if include_top and not features_only:
        y = _top(y, variant, shape, pad, classes)
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


def _top(y: Node, variant: str, shape: tuple[int, int, int], pad: int, classes: int) -> Node:
    dropouts = {f"dropout{i}": nn.Dropout(0.5) for i in (6, 7)}
    if variant == "torchvision":
        return chain(
            y,
            avgpool=nn.SpatialAdaptiveAveragePooling(6, 6),
            flatten=nn.View(256 * 6 * 6),
            dropout6=dropouts["dropout6"],
            fc6=nn.Linear(256 * 6 * 6, 4096),
            relu6=nn.ReLU(),
            dropout7=dropouts["dropout7"],
            fc7=nn.Linear(4096, 4096),
            relu7=nn.ReLU(),
            fc8=nn.Linear(4096, classes),
        )
    height, width = (_last_side(side, pad) for side in shape[:2])
    features = 256 * height * width
    return chain(
        y,
        flatten=nn.View(features),
        fc6=nn.Linear(features, 4096),
        relu6=nn.ReLU(),
        dropout6=dropouts["dropout6"],
        fc7=nn.Linear(4096, 4096),
        relu7=nn.ReLU(),
        dropout7=dropouts["dropout7"],
        fc8=nn.Linear(4096, classes),
    )


def _last_side(side: int, pad: int) -> int:
    side = (side + 2 * pad - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side


def _check(argument: str, value: str, known: Any) -> None:
    if value not in known:
        raise ValueError(f"{argument} must be one of {', '.join(known)}, got {value!r}")


def preprocess_input(
    x: Any,
    data_format: str | None = None,
    *,
    variant: Literal["single", "paper", "torchvision"] = "single",
) -> Any:
    """Bring RGB pixels into the range that a variant's weights were trained on.

    ``single`` and ``paper``: BGR, less ImageNet's mean, not scaled, as Caffe does. ``torchvision``:
    RGB divided by 255, less the mean, divided by the standard deviation.

    Args:
        x: Array or tensor of RGB pixels, 0 to 255, ``(batch, height, width, 3)``.
        data_format: ``"channels_last"``, ``"channels_first"`` or None for Keras's setting.
        variant: As of `AlexNet`.

    Returns:
        What the network takes; an array for an array, a tensor for a tensor.

    Raises:
        ValueError: `data_format` or `variant` is none of these.
    """
    _check("variant", variant, _VARIANTS)
    mode = "torch" if variant == "torchvision" else "caffe"
    return keras.applications.imagenet_utils.preprocess_input(x, data_format, mode=mode)

"""CNN-M-2048."""

from __future__ import annotations

import os

import keras

from graph import GModule, nn

from .building import chain, finish, image_input

__all__ = ["CNNM2048"]


def CNNM2048(
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = None,
    input_tensor: keras.KerasTensor | None = None,
    input_shape: tuple[int, int, int] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    normalise_conv2: bool = True,
    dropout: float = 0.5,
    classifier_activation: str | None = "softmax",
    name: str = "cnn_m_2048",
    *,
    features_only: bool = False,
) -> GModule | keras.Model:
    """CNN-M-2048, the network of both streams of Simonyan & Zisserman.

    96 maps of 7x7 at step 2 without border; 256 of 5x5 at step 2; three times 512 of 3x3; local
    response normalisation after the first two, pooling 3 at step 2 after the first two and the
    last; 4096; 2048; `classes`. On 224x224 the sides are 109, 54, 26, 13, 13, 13, 13 and 6.

    Layers: ``conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2 conv3 relu3 conv4 relu4 conv5 relu5
    pool5 flatten fc6 relu6 dropout6 fc7 relu7 dropout7 fc8 predictions``.

    Args:
        include_top: Whether to end with the fully connected layers. Default: True.
        weights: None for random ones, or a file that `zoo.load_weights` reads.
        input_tensor: Keras tensor to read instead of a new input.
        input_shape: ``(height, width, channels)``, sides of at least 59. Default:
            ``(224, 224, 3)``; of a flow stack of L frames the channels are 2 L.
        pooling: Without the top: None for feature maps ``(batch, 6, 6, 512)``, ``"avg"`` or
            ``"max"`` for their global mean or maximum ``(batch, 512)``.
        classes: Number of classes. Default: 1000.
        normalise_conv2: Whether ``norm2`` is there; the temporal stream has none.
        dropout: Probability of dropping after both hidden linear layers. Default: 0.5; the paper
            trains with 0.9 (temporal, and spatial from scratch).
        classifier_activation: Name of a Keras activation, or None for logits.
        name: Name of the model.
        features_only: Whether to give the maps of the stages instead, a dict by the name of each
            stage's last layer.

    Returns:
        A `graph.GModule` from images to ``(batch, classes)``; with `features_only` a `keras.Model`
        to a dict of maps.

    Raises:
        ValueError: An argument is not one of these, or the weights are not of this network.
        FileNotFoundError: `weights` names no file.
        GraphError: `dropout` is no probability.

    Reference: Chatfield et al. 2014, "Return of the devil in the details"; Simonyan & Zisserman
    2014, "Two-stream convolutional networks for action recognition in videos", figure 1.
    """
    x, shape = image_input(
        "CNNM2048", input_tensor, input_shape, default=(224, 224, 3), smallest=59
    )
    y = chain(
        x,
        conv1=nn.SpatialConvolution(shape[2], 96, 7, 7, 2, 2),
        relu1=nn.ReLU(),
        norm1=nn.SpatialCrossMapLRN(5, 0.0005, 0.75, 2),
        pool1=nn.SpatialMaxPooling(3, 3, 2, 2),
        conv2=nn.SpatialConvolution(96, 256, 5, 5, 2, 2, 1, 1),
        relu2=nn.ReLU(),
    )
    if normalise_conv2:
        y = chain(y, norm2=nn.SpatialCrossMapLRN(5, 0.0005, 0.75, 2))
    y = chain(
        y,
        pool2=nn.SpatialMaxPooling(3, 3, 2, 2).ceil(),
        conv3=nn.SpatialConvolution(256, 512, 3, 3, 1, 1, 1, 1),
        relu3=nn.ReLU(),
        conv4=nn.SpatialConvolution(512, 512, 3, 3, 1, 1, 1, 1),
        relu4=nn.ReLU(),
        conv5=nn.SpatialConvolution(512, 512, 3, 3, 1, 1, 1, 1),
        relu5=nn.ReLU(),
        pool5=nn.SpatialMaxPooling(3, 3, 2, 2),
    )
    include_top = include_top and not features_only
    if include_top:
        features = 512 * _last_side(shape[0]) * _last_side(shape[1])
        y = chain(
            y,
            flatten=nn.View(features),
            fc6=nn.Linear(features, 4096),
            relu6=nn.ReLU(),
            dropout6=nn.Dropout(dropout),
            fc7=nn.Linear(4096, 2048),
            relu7=nn.ReLU(),
            dropout7=nn.Dropout(dropout),
            fc8=nn.Linear(2048, classes),
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


def _last_side(side: int) -> int:
    side = (side - 7) // 2 + 1
    side = (side - 3) // 2 + 1
    side = (side + 2 - 5) // 2 + 1
    side = -(-(side - 3) // 2) + 1
    return (side - 3) // 2 + 1

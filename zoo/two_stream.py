"""TwoStreamFusion."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from graph import GModule, Input, Node, nn
from graph.calls import recorded_graph
from graph.node import apply, as_module

from .building import chain, classifier, fill
from .cnn_m import CNNM2048

__all__ = ["TwoStreamFusion"]

Stream = keras.Model | Callable[..., keras.Model]

_MERGED: dict[str, Callable[[], nn.Module]] = {
    "average": lambda: nn.Sequential(nn.CAddTable(), nn.MulConstant(0.5)),
    "sum": nn.CAddTable,
    "max": nn.CMaxTable,
    "product": nn.CMulTable,
}
_FUSIONS = (*_MERGED, "concat", "conv")


def TwoStreamFusion(
    spatial: Stream | None = None,
    temporal: Stream | None = None,
    fusion: str = "average",
    classes: int | None = None,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    flow_frames: int = 10,
    dropout: float = 0.0,
    classifier_activation: str | None = "softmax",
    weights: str | os.PathLike[str] | None = None,
    name: str = "two_stream",
) -> GModule:
    """A spatial stream that sees a frame, a temporal one that sees its optical flow, fused.

    The frame is ``(H, W, 3)``; the flow is a stack of the L frames around it,
    ``(H, W, 2 L)``, horizontal and vertical displacement in turn, in pixels.

    By default the network of Simonyan & Zisserman: two CNN-M-2048, the temporal one without its
    second normalisation, whose class scores are averaged (late fusion). With streams that end in
    features, ``"concat"`` and `classes` it is a network of one head on both; with streams that end
    in feature maps, ``"sum"``, ``"max"``, ``"concat"`` and ``"conv"`` are the fusions of
    Feichtenhofer et al. Without `classes` it is an embedding of two inputs, which
    `zoo.SiameseNet` and `zoo.TripletNet` take.

    Layers: ``spatial temporal fused``, and with `classes` ``pool fc predictions`` where the
    streams end in maps, else ``fc predictions``; ``dropout`` before ``fc`` if asked for.

    Args:
        spatial: A built Keras model of one input and output, or a builder, called as
            ``spatial(input_shape=..., name="spatial")``, such as `zoo.AlexNet` or a
            `functools.partial` of one. Default: `zoo.CNNM2048`, with 101 classes or, if `classes`
            is given, without its top and with average pooling.
        temporal: The same for the flow, whose channels are 2 `flow_frames`.
        fusion: ``"average"`` (the default), ``"sum"``, ``"max"`` or ``"product"`` of what the
            streams give, element by element; ``"concat"``, along the channels; ``"conv"``, the
            same and then a 1x1 convolution to the channels of one stream (Feichtenhofer's conv
            fusion; a linear layer where the streams give vectors).
        classes: Number of classes of a classifier on top of what was fused, after global average
            pooling of maps. Default: None, none.
        input_shape: Shape of the frame, for builders.
        flow_frames: How many frames L of flow are stacked, for builders. Default: 10.
        dropout: Probability of dropping before the classifier. Default: 0, none.
        classifier_activation: Of the classifier: name of a Keras activation, or None for logits.
        weights: None for those that the streams have and a random head, or a file of this same
            network that `zoo.load_weights` reads.
        name: Name of the model.

    Returns:
        A `graph.GModule` from the inputs ``[frame, flow]`` to what was fused, or to
        ``(batch, classes)``. The streams are its layers, named ``spatial`` and ``temporal`` from
        now on.

    Raises:
        TypeError: A stream is neither a Keras model nor a builder.
        ValueError: A stream is not built or has several inputs or outputs, both are one model,
            `fusion` is unknown, another argument is none of these, or the weights do not fit.
        FileNotFoundError: `weights` names no file.
        GraphError: What the streams give does not fit together.

    Reference: Simonyan & Zisserman 2014, "Two-stream convolutional networks for action
    recognition in videos"; Feichtenhofer et al. 2016, "Convolutional two-stream network fusion for
    video action recognition".
    """
    _check(fusion, flow_frames, classes)
    default = partial(CNNM2048, classes=101)
    if classes is not None:
        default = partial(CNNM2048, include_top=False, pooling="avg")
    flow_shape = (*input_shape[:2], 2 * flow_frames)
    streams = [
        _stream("spatial", spatial or default, input_shape),
        _stream("temporal", temporal or partial(default, normalise_conv2=False), flow_shape),
    ]
    if streams[0] is streams[1]:
        raise ValueError("the two streams must be two models: they see different inputs")
    frame, flow = _input("frame", streams[0]), _input("flow", streams[1])
    ends = [chain(frame, spatial=streams[0]), chain(flow, temporal=streams[1])]
    shape = recorded_graph(streams[0]).outputs[0].shape  # type: ignore[union-attr]
    fused = _fused(ends, fusion, shape)
    if classes is not None:
        fused = _classified(fused, classes, fusion, shape, dropout, classifier_activation)
    model = GModule.of_nodes([frame, flow], [fused], name)
    fill(model, weights)
    return model


def _check(fusion: str, flow_frames: int, classes: int | None) -> None:
    if fusion not in _FUSIONS:
        raise ValueError(f"fusion must be one of {list(_FUSIONS)}, got {fusion!r}")
    for what, value in (
        ("flow_frames", flow_frames),
        ("classes", 1 if classes is None else classes),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{what} must be a positive whole number, got {value!r}")


def _stream(role: str, stream: Any, input_shape: tuple[int, int, int]) -> keras.Model:
    model: Any = stream
    if not isinstance(stream, keras.Model):
        if not callable(stream):
            raise TypeError(f"{role} must be a Keras model or a builder of one, got {stream!r}")
        model = stream(input_shape=input_shape, name=role)
        if not isinstance(model, keras.Model):
            raise TypeError(f"{role} must build a Keras model, its builder gave {model!r}")
    record = recorded_graph(model)
    if record is None:
        raise ValueError(
            f"{role}, {model.name}, has no known shapes\n"
            f"  fix: give a Functional model, or a Sequential one that starts with keras.Input"
        )
    if len(record.inputs) != 1 or len(record.outputs) != 1:
        raise ValueError(
            f"{role} must have one input and one output, {model.name} has {len(record.inputs)} "
            f"and {len(record.outputs)}"
        )
    return model


def _input(name: str, stream: keras.Model) -> Node:
    symbol = recorded_graph(stream).inputs[0]  # type: ignore[union-attr]
    return Input(tuple(symbol.shape[1:]), name=name, dtype=str(symbol.dtype))


def _fused(ends: list[Node], fusion: str, shape: Any) -> Node:
    if fusion in _MERGED:
        return _MERGED[fusion]()(ends).annotate(name="fused")
    joined = apply(as_module(keras.layers.Concatenate()), ends)
    if fusion == "concat":
        return joined.annotate(name="fused")
    return chain(joined.annotate(name="joined"), fused=_channels(shape, 2 * shape[-1], shape[-1]))


def _channels(shape: Any, given: int, wanted: int) -> nn.Module:
    if len(shape) == 4:
        return nn.SpatialConvolution(given, wanted, 1, 1)
    return nn.Linear(given, wanted)


def _classified(
    fused: Node, classes: int, fusion: str, shape: Any, dropout: float, activation: str | None
) -> Node:
    if len(shape) == 4:
        fused = chain(fused, pool=keras.layers.GlobalAveragePooling2D())
    if dropout:
        fused = chain(fused, dropout=nn.Dropout(dropout))
    features = shape[-1] * (2 if fusion == "concat" else 1)
    return classifier(chain(fused, fc=nn.Linear(features, classes)), activation)

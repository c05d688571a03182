"""What in an image the answer rests on."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from ..calls import Selector
from ._figure import Destination, check_path, overlay
from ._gradients import chosen_output, class_text, gradient_of_score, scores
from .layers import as_image, one_call

__all__ = ["grad_cam", "occlusion_map", "saliency"]


def occlusion_map(
    model: keras.Model,
    image: Any,
    *,
    output: int | None = None,
    size: int = 8,
    stride: int = 4,
    value: float = 0.0,
    batch_size: int = 32,
    path: Destination = None,
) -> np.ndarray:
    """How far a score falls when a square of the image is hidden.

    A pixel's value is the mean of `score(image) - score(hidden)` over the squares that cover it.
    The squares' corners lie at every `stride` pixels from the top left; at the right and the
    bottom they are cut by the border.

    Args:
        model: a built model with one input and one output `(batch, classes)`.
        image: `(H, W, C)`, prepared as the model takes it.
        output: the class. Default: the one with the highest score.
        size: side of the square in pixels. Default 8.
        stride: pixels from one square to the next, at most `size`. Default 4.
        value: what the square is filled with. Default 0.
        batch_size: images computed at once. Default 32.
        path: where to draw the image under the map, `.png` or `.svg`. Default: nowhere.

    Returns:
        `(H, W)`, float64; positive where hiding lowers the score.

    Raises:
        ImportError: `path` is given and matplotlib is not installed.
        ValueError: the image, the model's output, `output`, `size` or `stride` is not as above.

    Reference: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014.
    """
    check_path(path)
    array = as_image(image)
    height, width = array.shape[:2]
    if not 1 <= stride <= size:
        raise ValueError(f"stride must be 1..size, so that all is covered: got {stride} and {size}")
    base = scores(model, array[None])[0]
    number = chosen_output(base, output, model)
    corners = [(y, x) for y in range(0, height, stride) for x in range(0, width, stride)]
    total, times = np.zeros((height, width)), np.zeros((height, width))
    for start in range(0, len(corners), batch_size):
        part = corners[start : start + batch_size]
        hidden = np.repeat(array[None], len(part), axis=0)
        for k, (y, x) in enumerate(part):
            hidden[k, y : y + size, x : x + size] = value
        answers = scores(model, hidden, batch_size)[:, number]
        for (y, x), answer in zip(part, answers, strict=True):
            total[y : y + size, x : x + size] += float(base[number]) - float(answer)
            times[y : y + size, x : x + size] += 1
    heat = total / times
    title = f"occlusion by {size} x {size} squares\n{class_text(number, base)}"
    overlay(array, heat, title, "fall of the score when hidden", path)
    return heat


def grad_cam(
    model: keras.Model,
    image: Any,
    layer: Selector,
    *,
    output: int | None = None,
    resize: bool = True,
    path: Destination = None,
) -> np.ndarray:
    """Where a layer's channels speak for a class.

    `relu(sum_k a_k A_k)`, with `A_k` the channels of the layer and `a_k` the mean over the map
    of the score's gradient by `A_k`. The score is the model's output as it is: the paper takes
    it before the softmax, and a model that ends in one gives small gradients where it is sure.

    Args:
        model: a built model with one input and one output `(batch, classes)`.
        image: `(H, W, C)`, prepared as the model takes it.
        layer: a layer with an output `(batch, height, width, channels)`, mostly the last
            convolution, as `graph.activations` picks it; one only.
        output: the class. Default: the one with the highest score.
        resize: bring the map to the image's height and width, bilinear. Default True.
        path: where to draw the image under the map, `.png` or `.svg`. Default: nowhere.

    Returns:
        `(H, W)`, or `(height, width)` of the layer; float64, 0 or more.

    Raises:
        ImportError: `path` is given and matplotlib is not installed.
        RuntimeError: Keras runs on JAX.
        ValueError: the layer has no maps or does not lead to the output; the image, the model's
            output or `output` is not as above.

    Reference: Selvaraju et al., Grad-CAM, ICCV 2017.
    """
    check_path(path)
    array = as_image(image)
    name, _ = one_call(model, layer)
    maps, gradient, score = gradient_of_score(model, array, name, output)
    if maps.ndim != 3:
        raise ValueError(
            f"layer '{name}' answers with shape {(None, *maps.shape)}; Grad-CAM needs "
            "(batch, height, width, channels)"
        )
    heat = np.maximum((maps * gradient.mean(axis=(0, 1))).sum(axis=-1), 0.0)
    large = _resized(heat, array.shape[:2])
    overlay(array, large, f"Grad-CAM of {name}\n{score}", "speaks for the class", path)
    return large if resize else heat


def saliency(
    model: keras.Model, image: Any, *, output: int | None = None, path: Destination = None
) -> np.ndarray:
    """How strongly each pixel moves a score: `max_c |d score / d pixel_c|`.

    Args:
        model: a built model with one input and one output `(batch, classes)`.
        image: `(H, W, C)`, prepared as the model takes it.
        output: the class. Default: the one with the highest score.
        path: where to draw the image under the map, `.png` or `.svg`. Default: nowhere.

    Returns:
        `(H, W)`, float64, 0 or more.

    Raises:
        ImportError: `path` is given and matplotlib is not installed.
        RuntimeError: Keras runs on JAX.
        ValueError: the image, the model's output or `output` is not as above.

    Reference: Simonyan et al., Deep Inside Convolutional Networks, 2014.
    """
    check_path(path)
    array = as_image(image)
    _, gradient, score = gradient_of_score(model, array, None, output)
    heat = np.abs(gradient).max(axis=-1)
    overlay(array, heat, f"saliency\n{score}", "|gradient of the score|", path)
    return heat


def _resized(heat: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    large = keras.ops.image.resize(
        heat[..., None].astype("float32"),
        tuple(size),
        interpolation="bilinear",
        data_format="channels_last",
    )
    return keras.ops.convert_to_numpy(large)[..., 0].astype("float64")

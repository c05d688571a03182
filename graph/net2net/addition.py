"""The layers that `deeper` puts in, as Keras layers or as Torch modules, and their values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np

from .. import nn
from ..nn.module_layer import ModuleLayer
from .repeated import Again

__all__ = [
    "Added",
    "Spot",
    "added_activation",
    "added_lift",
    "added_linear",
    "added_norm",
    "filled",
]

L: Any = keras.layers
_CONVOLUTIONS = {3: L.Conv1D, 4: L.Conv2D, 5: L.Conv3D}
_TRUE_CONVOLUTIONS = (L.Conv1D, L.Conv2D, L.Conv3D)


@dataclass(frozen=True)
class Added:
    """One layer to put in.

    Attributes:
        name: Its name.
        layer: Makes it as a Keras layer.
        module: Makes it as a Torch module, None where there is none for it.
        values: Attribute of the layer -> value, which makes it the identity.
        copies: The layer of the model that it is a copy of, if there is one.
    """

    name: str
    layer: Callable[[], Any]
    module: Callable[[], Any] | None
    values: dict[str, np.ndarray]
    copies: Any = None


@dataclass(frozen=True)
class Spot:
    """What is known of the place.

    Attributes:
        layer: The layer that was named.
        rank: Rank of the tensor.
        axis: Where it has its channels.
        width: How many.
    """

    layer: Any
    rank: int
    axis: int
    width: int

    @property
    def slides(self) -> bool:
        """Whether a convolution belongs here; else a Dense layer does."""
        pointwise = isinstance(self.layer, (L.Dense, L.Embedding, L.RNN, L.Bidirectional))
        return self.rank in _CONVOLUTIONS and not pointwise


def added_linear(spot: Spot, name: str, size: Any, activation: Any, once: Again) -> Added:
    """The Dense layer or convolution whose kernel is the identity."""
    n = spot.width
    kernel = np.eye(n) / once.scale
    values = {"kernel": kernel, "bias": np.full(n, once.lift / once.scale)}
    like = spot.layer
    bias = bool(getattr(like, "use_bias", True)) or once.lift != 0
    own = {"name": name, "use_bias": bias, "activation": activation}
    if not spot.slides:
        config = like.get_config() if type(like) is L.Dense else {"dtype": like.dtype_policy}
        config |= {**own, "units": n}
        module = None if spot.rank != 2 else lambda: nn.Linear(n, n, bias)
        return Added(name, lambda: L.Dense.from_config(config), module, values)
    sides = spot.rank - 2
    sizes = _sizes(like, size, sides)
    full = np.zeros((*sizes, n, n))
    full[tuple((k - 1) // 2 for k in sizes)] = kernel
    values["kernel"] = full
    format_ = "channels_first" if spot.axis == 1 else "channels_last"
    config = like.get_config() if type(like) in _TRUE_CONVOLUTIONS else {"dtype": like.dtype_policy}
    config |= {**own, "filters": n, "kernel_size": sizes, "strides": (1,) * sides}
    config |= {"padding": "same", "dilation_rate": (1,) * sides, "groups": 1}
    config["data_format"] = format_
    kind = _CONVOLUTIONS[spot.rank]
    torch = _torch_convolution(n, sizes, bias) if spot.axis != 1 else None
    return Added(name, lambda: kind.from_config(config), torch, values)


def _sizes(like: Any, size: Any, sides: int) -> tuple[int, ...]:
    if size is not None:
        return (int(size),) * sides if isinstance(size, (int, np.integer)) else tuple(size)
    own = getattr(like, "kernel_size", None)
    return tuple(own) if own is not None and len(own) == sides else (3,) * sides


def _torch_convolution(n: int, sizes: tuple[int, ...], bias: bool) -> Callable[[], Any] | None:
    kind = {2: nn.SpatialConvolution, 3: nn.VolumetricConvolution}.get(len(sizes))
    if kind is None or any(k % 2 == 0 for k in sizes):
        return None
    # Torch names the sides from the last one: kW, kH; kT, kW, kH.
    order = (1, 0) if len(sizes) == 2 else (0, 2, 1)
    kernel = [sizes[i] for i in order]
    pads = [k // 2 for k in kernel]

    def make() -> Any:
        module = kind(n, n, *kernel, *([1] * len(kernel)), *pads)
        return module if bias else module.noBias()

    return make


def added_norm(spot: Spot, name: str) -> Added:
    """A BatchNormalization that gives what it takes, as long as it is not trained."""
    n = spot.width
    layer: Any = L.BatchNormalization(axis=spot.axis, name=name, dtype=spot.layer.dtype_policy)
    kind = {
        2: nn.BatchNormalization,
        4: nn.SpatialBatchNormalization,
        5: nn.VolumetricBatchNormalization,
    }.get(spot.rank)
    torch = kind is not None and spot.axis == spot.rank - 1
    epsilon = 1e-5 if torch else layer.epsilon  # of the modules of Torch
    return Added(
        name,
        lambda: type(layer).from_config({**layer.get_config(), "epsilon": epsilon}),
        (lambda: kind(n, epsilon)) if torch and kind else None,
        {
            "gamma": np.full(n, np.sqrt(1 + epsilon)),
            "beta": np.zeros(n),
            "moving_mean": np.zeros(n),
            "moving_variance": np.ones(n),
        },
    )


def added_lift(spot: Spot, name: str, lift: float) -> Added:
    """What takes `lift` off again."""
    dtype = spot.layer.dtype_policy
    return Added(
        name,
        lambda: L.Rescaling(1.0, offset=-lift, name=name, dtype=dtype),
        lambda: nn.AddConstant(-lift),
        {},
    )


def added_activation(spot: Spot, name: str, activation: Any, *, slopes: bool) -> Added:
    """The activation: a PReLU with slopes of 1, or another one like `activation`.

    Args:
        spot: The place.
        name: Its name.
        activation: The layer to copy; None for a PReLU of its own.
        slopes: Whether it is a PReLU whose slopes are to be 1.
    """
    one = np.ones(1)
    values = {"alpha": one, "weight": one} if slopes else {}
    if activation is None:
        shared = [i for i in range(1, spot.rank) if i != spot.axis]
        dtype = spot.layer.dtype_policy
        torch = None
        if spot.axis == spot.rank - 1 and spot.rank != 3:  # nn.PReLU takes planes first there.
            torch = partial(nn.PReLU, spot.width)
        make = partial(L.PReLU, shared_axes=shared, name=name, dtype=dtype)
        return Added(name, make, torch, values)
    config = {**activation.get_config(), "name": name}
    return Added(name, lambda: type(activation).from_config(config), None, values, activation)


def filled(model: Any, added: list[Added]) -> Any:
    """The model, its added layers made the identity."""
    layers = {layer.name: layer for layer in model._flatten_layers()}
    for new in added:
        layer = layers[new.name]
        for name, value in new.values.items():
            held = layer.parameters if isinstance(layer, ModuleLayer) else {}
            variable = held.get(name, getattr(layer, name, None))
            if variable is not None:
                variable.assign(np.broadcast_to(value, variable.shape))
    return model

"""Initial weights by the names that papers and Torch recipes give them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

__all__ = ["INITIALISERS", "initialise", "initialiser"]

_init = keras.initializers


def _scaled(scale: float, mode: str, distribution: str) -> Callable[[int | None], Any]:
    return lambda seed: _init.VarianceScaling(scale, mode, distribution, seed=seed)


INITIALISERS: dict[str, Callable[[int | None], keras.initializers.Initializer]] = {
    "gaussian": lambda seed: _init.RandomNormal(0.0, 0.01, seed=seed),
    "torch": _scaled(1 / 3, "fan_in", "uniform"),
    "xavier": _scaled(1.0, "fan_avg", "uniform"),
    "xavier_normal": _scaled(1.0, "fan_avg", "untruncated_normal"),
    "xavier_caffe": _scaled(1.0, "fan_in", "uniform"),
    "he": _scaled(2.0, "fan_in", "untruncated_normal"),
    "he_uniform": _scaled(2.0, "fan_in", "uniform"),
    "kaiming_average": _scaled(2.0, "fan_avg", "uniform"),
}
"""Name -> a stock initializer of Keras from a seed."""

# Whose kernels lie as Keras counts fans: (..., in, out).
_LAYERS = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)


def initialiser(name: str, seed: int | None = None) -> keras.initializers.Initializer:
    """A stock initializer of Keras by the name that the literature has for it.

    =================== =================================== =====================================
    name                weights                             who
    =================== =================================== =====================================
    ``gaussian``        N(0, 0.01^2)                        Krizhevsky et al. 2012, AlexNet
    ``torch``           U of variance 1 / (3 in)            LeCun 1998; Torch7's `reset`
    ``xavier``          U of variance 2 / (in + out)        Glorot & Bengio 2010; `glorot_uniform`
    ``xavier_normal``   N of variance 2 / (in + out)        the same, not truncated
    ``xavier_caffe``    U of variance 1 / in                Caffe's "xavier"
    ``he``              N of variance 2 / in                He et al. 2015, not truncated
    ``he_uniform``      U of variance 2 / in                the same; `he_uniform`
    ``kaiming_average`` U of variance 4 / (in + out)        "kaiming" of the Torch weight-init
    =================== =================================== =====================================

    in and out are the numbers of weights at an output and at an input: of a convolution times the
    size of its window. Keras's own `glorot_normal` and `he_normal` have the same variances, but cut
    off what is beyond two deviations.

    Args:
        name: One of these.
        seed: Seed of the draw. Default: None, another one each time.

    Raises:
        ValueError: There is no such name.

    >>> initialiser("gaussian").stddev
    0.01
    """
    if name not in INITIALISERS:
        raise ValueError(f"there is no initialiser {name!r}; there are {', '.join(INITIALISERS)}")
    return INITIALISERS[name](seed)


def initialise(
    model: keras.Model,
    kernel: str | keras.initializers.Initializer = "xavier",
    bias: float | None = 0.0,
    *,
    seed: int | None = None,
) -> list[str]:
    """Draw the kernels of a built model anew: of all its Dense and convolution layers.

    Separable and depthwise convolutions, recurrent layers and all others stay as they are.

    Args:
        model: A built model, inner models included.
        kernel: Name as of `initialiser`, or an initializer of Keras, which is given the shape.
            Default: ``"xavier"``.
        bias: What biases are set to; None leaves them. Default: 0.
        seed: Seed of the draws, one number for each layer from it on. With an initializer of
            Keras it is not used. Default: None.

    Returns:
        The paths of the layers, in the order of the model.

    Raises:
        ValueError: There is no such name, or the model has no such layer that is built.

    Reference: facts of torch/nn's `reset` methods.

    >>> import keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="fc")], name="net")
    >>> initialise(model, "gaussian", seed=1)
    ['net/fc']
    """
    # Before anything changes.
    draw = initialiser(kernel) if isinstance(kernel, str) else kernel
    found: dict[int, Any] = {}
    for layer in model._flatten_layers():
        if isinstance(layer, _LAYERS) and layer.built:
            found.setdefault(id(layer.kernel), layer)  # A shared kernel once.
    if not found:
        raise ValueError(
            f"{model.name} has no built Dense or convolution layer\n"
            f"  fix: build it first, with an Input or by calling it on data"
        )
    for i, layer in enumerate(found.values()):
        if isinstance(kernel, str):
            draw = initialiser(kernel, None if seed is None else seed + i)
        layer.kernel.assign(draw(tuple(layer.kernel.shape), layer.kernel.dtype))
        if bias is not None and layer.use_bias:
            layer.bias.assign(keras.ops.full(layer.bias.shape, bias, layer.bias.dtype))
    return [layer.path for layer in found.values()]

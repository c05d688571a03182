"""Random Keras models of convolutions, normalisations, products and what stands between them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st

from graph import nn
from graph.nn.module_layer import ModuleLayer

_L = keras.layers
MAP_STEPS = (
    *("conv", "conv", "conv1x1", "conv_same", "grouped", "depthwise", "separable", "transposed"),
    *("batch_norm", "batch_norm", "batch_norm", "rescaling", "times", "plus", "c_mul", "mul"),
    *("relu", "leaky", "tanh", "sigmoid", "max_pool", "average_pool", "dropout", "noise", "add"),
    *("identity", "permute", "pad", "same_reshape", "global_average", "global_max", "flatten"),
    *("torch_flatten", "twice"),
)
VECTOR_STEPS = (
    *("dense", "dense", "dense", "batch_norm", "rescaling", "times", "plus", "c_mul", "c_add"),
    *("relu", "elu", "tanh", "softmax", "dropout", "noise", "add", "add", "concatenate"),
    *("identity", "twice", "same_reshape", "parallel", "sum_of_products"),
)


@st.composite
def layer_specs(draw: Any, most: int = 14) -> list[tuple[str, int, int, int]]:
    """Steps ``(kind, parent, other parent, number)``; whatever does not fit is passed over."""
    kinds = st.sampled_from(MAP_STEPS + VECTOR_STEPS)
    number = st.integers(0, 7)
    # Mostly the newest value, so that chains come up that rules are about.
    parent = st.one_of(st.just(0), st.just(0), st.integers(0, 5))
    return draw(st.lists(st.tuples(kinds, parent, parent, number), min_size=3, max_size=most))


def build_layers(spec: list[tuple[str, int, int, int]], seed: int = 0) -> keras.Model:
    """The model of a spec; its outputs are all values that nothing reads."""
    image, vector = keras.Input((6, 5, 4), name="image"), keras.Input((4,), name="vector")
    values, read = [image, vector], set()
    for x in (image, vector):
        keras.layers.Identity()(x)  # Keras 3.12 refuses an input that nothing reads.
    for kind, first, second, number in spec:
        maps = [v for v in values if len(v.shape) == 4]
        vectors = [v for v in values if len(v.shape) == 2]
        fits = maps if kind in MAP_STEPS and (kind not in VECTOR_STEPS or number % 2) else vectors
        x = fits[-1 - first % len(fits)]
        same = [v for v in fits if v.shape == x.shape and v is not x]
        other = same[-1 - second % len(same)] if same else None
        made = _made(kind, x, other, number)
        if made is None:
            continue
        read.update(id(v) for v in ((x, other) if kind in ("add", "sum_of_products") else (x,)))
        values += made if isinstance(made, list) else [made]
    outputs = [v for v in values[2:] if id(v) not in read][-4:] or [values[-1]]
    model = keras.Model([image, vector], outputs)
    fill_layers(model, seed)
    return model


def fill_layers(model: keras.Model, seed: int) -> None:
    """Give every layer weights of a size that keeps values near 1."""
    generator = np.random.default_rng(seed)
    for layer in model.layers:
        filled = []
        for variable in layer.weights:
            shape = tuple(variable.shape)
            if "variance" in variable.path:
                filled.append(generator.uniform(0.5, 2, shape))
            elif "gamma" in variable.path:
                filled.append(generator.uniform(0.5, 1.5, shape) * generator.choice([-1, 1], shape))
            elif len(shape) > 1:
                fan = max(1, np.prod(shape[:-1]))
                filled.append(generator.normal(size=shape) / np.sqrt(fan))
            else:
                filled.append(generator.uniform(-0.7, 0.9, shape))
        if filled:
            layer.set_weights(filled)


def batch_for(model: keras.Model, seed: int = 1, batch: int = 3) -> list[np.ndarray]:
    """Random inputs of a model."""
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(batch, *x.shape[1:])).astype("float32") for x in model.inputs]


def _made(kind: str, x: Any, other: Any, number: int) -> Any:
    channels = x.shape[-1]
    if None in x.shape[1:]:
        return None
    if len(x.shape) == 4:
        return _made_of_map(kind, x, other, number, min(x.shape[1:3]), channels)
    if kind == "dense":
        activation = (None, "relu", "tanh", None)[number % 4]
        return _L.Dense(2 + number % 3, activation=activation, use_bias=number != 3)(x)
    if kind == "softmax":
        return _L.Softmax()(x)
    if kind == "concatenate":
        return None if channels > 12 else _L.Concatenate()([x, x])
    if kind == "parallel":
        return [_L.Dense(2 + i, use_bias=(number + i) % 3 != 0)(x) for i in range(2 + number % 2)]
    if kind == "sum_of_products":
        read = [x, other if other is not None else x]
        return _L.Add()([_L.Dense(3, use_bias=number % 2 == i)(v) for i, v in enumerate(read)])
    if kind == "c_add":
        return ModuleLayer(nn.CAdd(channels))(x)
    if kind == "elu":
        return _L.ELU()(x)
    return _made_of_either(kind, x, other, number, channels)


def _made_of_map(kind: str, x: Any, other: Any, number: int, side: int, channels: int) -> Any:
    if kind in ("conv", "separable", "depthwise", "transposed") and side < 3:
        return None
    size = (1, 2, 3)[number % 3]
    padding = "valid" if number % 2 else "same"
    options = {"padding": padding, "use_bias": number > 2}
    if kind == "conv":
        return _L.Conv2D(
            3 + number % 3, size, activation=("relu", None, None)[number % 3], **options
        )(x)
    if kind == "conv1x1":
        return _L.Conv2D(2 + number % 3, 1, use_bias=number > 2)(x)
    if kind == "conv_same":
        return _L.Conv2D(4, 3, strides=1 + number % 2, padding="same")(x)
    if kind == "grouped":
        return None if channels % 2 else _L.Conv2D(4, 1, groups=2, **options)(x)
    if kind == "depthwise":
        return _L.DepthwiseConv2D(2, depth_multiplier=1 + number % 2, **options)(x)
    if kind == "separable":
        return _L.SeparableConv2D(3, 2, depth_multiplier=1 + number % 2, **options)(x)
    if kind == "transposed":
        return None if side > 6 else _L.Conv2DTranspose(3, 2, strides=1 + number % 2, **options)(x)
    if kind in ("max_pool", "average_pool"):
        layer = _L.MaxPooling2D if kind == "max_pool" else _L.AveragePooling2D
        return None if side < 2 else layer(2, strides=1 + number % 2, padding=padding)(x)
    if kind == "permute":
        return _L.Permute((2, 1, 3) if number % 2 else (3, 1, 2))(x)
    if kind == "pad":
        return None if side > 6 else _L.ZeroPadding2D(number % 2)(x)
    if kind in ("global_average", "global_max"):
        name = "Average" if kind == "global_average" else "Max"
        return getattr(_L, f"Global{name}Pooling2D")()(x)
    if kind == "flatten":
        return _L.Dense(3)(_L.Flatten()(x))
    if kind == "torch_flatten":
        flat = _L.Reshape((-1,))(_L.Permute((3, 1, 2))(x))
        return _L.Dense(3 + number % 2)(_L.ReLU()(flat) if number % 2 else flat)
    return _made_of_either(kind, x, other, number, channels)


def _made_of_either(kind: str, x: Any, other: Any, number: int, channels: int) -> Any:
    constant = np.linspace(-1, 1.5, channels).astype("float32") if number % 2 else 0.5
    simple = {
        "batch_norm": lambda: _L.BatchNormalization(center=number != 1, scale=number != 2)(x),
        "rescaling": lambda: _L.Rescaling(0.5 + number / 4, offset=number % 3 - 1)(x),
        "times": lambda: x * constant,
        "plus": lambda: (x + constant, x - constant)[number % 2],
        "c_mul": lambda: ModuleLayer(nn.CMul(1, channels, *[1] * (len(x.shape) - 2)))(x),
        "mul": lambda: ModuleLayer(nn.Mul())(x),
        "relu": lambda: _L.ReLU(max_value=(None, 6, 1)[number % 3])(x),
        "leaky": lambda: _L.LeakyReLU((0.1, 0.2)[number % 2])(x),
        "tanh": lambda: _L.Activation("tanh")(x),
        "sigmoid": lambda: _L.Activation("sigmoid")(x),
        "dropout": lambda: _L.Dropout(0.5)(x),
        "noise": lambda: _L.GaussianNoise(0.5)(x),
        "identity": lambda: _L.Identity()(x),
        "same_reshape": lambda: _L.Reshape(x.shape[1:])(x),
        "add": lambda: None if other is None else _L.Add()([x, other]),
        "twice": lambda: [_L.Activation("tanh")(x), _L.Activation("tanh")(x)],
    }
    return simple[kind]() if kind in simple else None

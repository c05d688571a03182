"""Random convolutional networks of stock Keras layers, with joins, sums and shared layers."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

L: Any = keras.layers
ACTIVATIONS = ["linear", "relu", "elu", "tanh", "softplus", "gelu"]


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.count = 0
        self.shared: list[tuple[Any, int]] = []

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def pick(self, values: Any) -> Any:
        return values[int(self.random.integers(len(values)))]

    def conv(self, x: Any, filters: int, size: int = 3) -> Any:
        activation = self.pick(ACTIVATIONS)
        return L.Conv2D(
            filters, size, padding="same", activation=activation, name=self.name("conv")
        )(x)

    def step(self, x: Any) -> Any:
        """One more block on maps."""
        n = x.shape[-1]
        block = self.pick(
            "conv norm act pool depthwise separable residual scale concat shared turned grouped "
            "groupnorm layernorm prelu dense gate".split()
        )
        if block == "conv":
            return self.conv(x, int(self.random.integers(2, 7)))
        if block == "norm":
            return L.BatchNormalization(name=self.name("bn"))(x)
        if block == "act":
            return L.Activation(self.pick(ACTIVATIONS))(L.Dropout(0.5)(x))
        if block == "pool":
            return self.pick([L.MaxPooling2D, L.AveragePooling2D])(2, 1)(L.ZeroPadding2D(1)(x))
        if block == "depthwise":
            m = int(self.random.integers(1, 3)) if n < 8 else 1
            return L.DepthwiseConv2D(3, depth_multiplier=m, name=self.name("depth"))(x)
        if block == "separable":
            m = int(self.random.integers(1, 3))
            return L.SeparableConv2D(
                5, 3, padding="same", depth_multiplier=m, activation="elu", name=self.name("sep")
            )(x)
        if block == "residual":
            return self.pick([L.Add, L.Average, L.Maximum])()([x, self.conv(self.conv(x, 3), n)])
        if block == "scale":
            return L.Multiply()([x, self.conv(x, n, 1)])
        if block == "concat":
            parts = [x, self.conv(x, 2), self.conv(x, 3, 1)]
            return L.Concatenate()(parts[: int(self.random.integers(2, 4))])
        if block == "shared":
            for layer, taken in self.shared:
                if taken == n:
                    return layer(x)
            layer = L.Conv2D(n, 3, padding="same", activation="elu", name=self.name("shared"))
            self.shared.append((layer, n))
            return layer(layer(x))
        if block == "turned":
            return L.Conv2DTranspose(4, 2, activation="relu", name=self.name("turned"))(x)
        if block == "grouped":
            x = self.conv(x, 4)
            return L.Conv2D(6, 3, padding="same", groups=2, name=self.name("grouped"))(x)
        if block == "groupnorm":
            return L.GroupNormalization(2, name=self.name("gn"))(self.conv(x, 4))
        if block == "layernorm":
            return L.LayerNormalization(name=self.name("ln"))(x)
        if block == "prelu":
            return L.PReLU(
                "random_normal", shared_axes=self.pick([None, [1, 2]]), name=self.name("prelu")
            )(x)
        if block == "dense":
            return L.Dense(4, "tanh", name=self.name("dense"))(x)
        squeezed = L.Dense(3, "relu", name=self.name("squeeze"))(
            L.GlobalAveragePooling2D(keepdims=True)(x)
        )
        return L.Multiply()([x, L.Dense(n, "sigmoid", name=self.name("gate"))(squeezed)])

    def head(self, x: Any) -> Any:
        end = self.pick("flatten torch global permuted rows".split())
        if end == "flatten":
            return L.Flatten()(x)
        if end == "torch":  # as nn.View flattens
            return L.Flatten()(L.Permute((3, 1, 2))(x))
        if end == "global":
            return L.GlobalMaxPooling2D()(x)
        if end == "permuted":
            return L.Reshape((-1,))(L.Permute((2, 3, 1))(x))
        rows = L.Reshape((x.shape[1], x.shape[2] * x.shape[3]))(x)
        return L.GRU(4, name=self.name("gru"))(rows)


def random_cnn(seed: int) -> keras.Model:
    """A network on images ``(6, 5, 3)`` whose layers and weights follow from the seed."""
    keras.utils.set_random_seed(seed)
    maker = _Maker(seed)
    image = keras.Input((6, 5, 3), name="image")
    x = maker.conv(image, 4)
    for _ in range(int(maker.random.integers(2, 7))):
        x = maker.step(x)
    x = L.Dense(6, "elu", name="hidden")(maker.head(x))
    model = keras.Model(image, L.Dense(3, name="scores")(x))
    unsettle(model, seed)
    return model


def functional(shape: tuple[int, ...], *layers: keras.layers.Layer) -> keras.Model:
    """Layers in a row, their weights unsettled."""
    x = y = keras.Input(shape, name="x")
    for layer in layers:
        y = layer(y)
    model = keras.Model(x, y)
    unsettle(model, 0)
    return model


def unsettle(model: keras.Model, seed: int) -> None:
    """Weights that no two channels have in common, statistics and biases included."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if "variance" in variable.name:
            variable.assign(random.uniform(0.5, 2.0, shape))
        elif len(shape) < 2:
            start = keras.ops.convert_to_numpy(variable)
            variable.assign(start + random.normal(0.0, 0.3, shape))

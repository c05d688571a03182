"""The sides of `benchmarks.lstm`.

The output of the forward pass is the sequence, that of both passes the slope of the recurrent
weights, as Keras has them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.paired import threads
from benchmarks.side import Step

__all__ = ["by_keras", "by_torch", "ours", "tensorflow_steps"]

Steps = dict[str, Callable[[], Step]]


def _data(size: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """The sequences, and the slopes that come back."""
    batch, steps, features, hidden = size
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, steps, features)).astype("float32")
    return x, rng.normal(size=(batch, steps, hidden)).astype("float32")


def _steps(sizes: list[list[int]], make: Callable[[list[int]], tuple[Step, Step]]) -> Steps:
    return {
        f"{what} {i}": lambda size=size, j=j: make(size)[j]
        for i, size in enumerate(sizes)
        for j, what in enumerate(("forward", "forward and backward"))
    }


def tensorflow_steps(model: Any, size: list[int]) -> tuple[Step, Step]:
    """Compiled calls of a Keras model whose weights are kernel, recurrent kernel and bias."""
    import tensorflow as tf

    x, slopes = map(tf.constant, _data(size))

    @tf.function
    def forward(x: Any) -> Any:
        return model(x, training=False)

    @tf.function
    def both(x: Any, slopes: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = model(x, training=True)
        wanted = [x, *(variable.value for variable in model.trainable_variables)]
        return [y, *tape.gradient(y, wanted, slopes)]

    return (
        Step(lambda: forward(x), lambda: forward(x).numpy()),
        Step(lambda: both(x, slopes), lambda: both(x, slopes)[3].numpy()),
    )


def ours(folder: str, sizes: list[list[int]]) -> Steps:
    """`nn.FastLSTM` as the one node of a gModule; writes its weights for the others."""
    import keras

    from graph import Input, gModule, nn

    def make(size: list[int]) -> tuple[Step, Step]:
        keras.utils.set_random_seed(0)
        node = Input(tuple(size[1:3]))
        model = gModule([node], [nn.FastLSTM(size[2], size[3])(node)])
        np.savez(Path(folder, "weights.npz"), *model.get_weights())
        return tensorflow_steps(model, size)

    return _steps(sizes, make)


def _stored(folder: str) -> list[np.ndarray]:
    stored = np.load(Path(folder, "weights.npz"))
    return [stored[name] for name in stored.files]


def by_keras(folder: str, sizes: list[list[int]]) -> Steps:
    """Keras's layer."""
    import keras

    def make(size: list[int]) -> tuple[Step, Step]:
        layer = keras.layers.LSTM(size[3], return_sequences=True)
        model = keras.Sequential([keras.Input(tuple(size[1:3])), layer])
        model.set_weights(_stored(folder))
        return tensorflow_steps(model, size)

    return _steps(sizes, make)


def by_torch(folder: str, sizes: list[list[int]]) -> Steps:
    """PyTorch's layer. Both have the gates in the order i, f, g, o."""
    import torch

    torch.set_num_threads(threads())

    def make(size: list[int]) -> tuple[Step, Step]:
        kernel, recurrent, bias = _stored(folder)
        layer = torch.nn.LSTM(size[2], size[3], batch_first=True)
        with torch.no_grad():
            values = (kernel.T, recurrent.T, bias, np.zeros_like(bias))
            for parameter, value in zip(layer.parameters(), values, strict=True):
                parameter.copy_(torch.from_numpy(value.copy()))
        x, slopes = map(torch.from_numpy, _data(size))
        x.requires_grad_()
        parameters = list(layer.parameters())[:3]  # Keras has one bias.

        @torch.inference_mode()
        def forward() -> Any:
            return layer(x)[0]

        def both() -> Any:
            y = layer(x)[0]
            return [y, *torch.autograd.grad(y, [x, *parameters], slopes)]

        return (
            Step(forward, lambda: forward().numpy()),
            Step(both, lambda: both()[3].numpy().T),
        )

    return _steps(sizes, make)

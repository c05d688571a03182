"""Building a graph, against the same model written with the Keras functional API.

python -m benchmarks graph_build
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Iterator

import keras

from benchmarks.paired import compare
from benchmarks.row import Row, timed
from graph import Input, gModule, nn
from graph.recursion import deep_recursion

SIZES = (250, 1000)
WIDTH = 8


def chain(count: int) -> keras.Model:
    """`count` Linear nodes, one after another."""
    x = y = Input((WIDTH,))
    for _ in range(count):
        y = nn.Linear(WIDTH, WIDTH)(y)
    return gModule([x], [y])


def dense() -> keras.layers.Layer:
    """A Dense layer that starts as a Torch Linear does: initialising takes much of the time."""
    limit = WIDTH**-0.5
    uniform = keras.initializers.RandomUniform
    return keras.layers.Dense(
        WIDTH,
        kernel_initializer=uniform(-limit, limit),
        bias_initializer=uniform(-limit, limit),
    )


def keras_chain(count: int) -> keras.Model:
    """The same in Keras. Its own limit on depth is lifted, or it would stop near 1,000."""
    x = y = keras.Input((WIDTH,))
    for _ in range(count):
        y = dense()(y)
    with deep_recursion(count + 10):
        return keras.Model(x, y)


def ladder(count: int) -> keras.Model:
    """`count` nodes with two inputs each: the two nodes before it."""
    x = Input((WIDTH,))
    a, b = x, nn.Linear(WIDTH, WIDTH)(x)
    for _ in range(count):
        a, b = b, nn.CAddTable()([a, b])
    return gModule([x], [b])


def keras_ladder(count: int) -> keras.Model:
    """The same in Keras."""
    x = keras.Input((WIDTH,))
    a, b = x, dense()(x)
    for _ in range(count):
        a, b = b, keras.layers.Add()([a, b])
    with deep_recursion(count + 10):
        return keras.Model(x, b)


def rows(quick: bool) -> Iterator[Row]:
    """Chains and ladders of several sizes."""
    for name, ours, peer in (("chain", chain, keras_chain), ("ladder", ladder, keras_ladder)):
        for count in (20,) if quick else SIZES:
            keras.backend.clear_session()
            pair = compare(
                lambda ours=ours, n=count: ours(n),
                lambda peer=peer, n=count: peer(n),
                runs=1 if quick else 3,
            )
            note = f"{1000 * pair.ours / count:.2f} ms a node"
            yield timed("graph_build", f"{name} of {count:,}", pair, "Keras by hand", note=note)

"""Inference of networks that `graph.optimize` made, against the networks as they were.

python -m benchmarks optimize_peers

More sizes and training steps: python -m benchmarks.optimize
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

import graph
import zoo
from benchmarks.paired import compare
from benchmarks.row import Row, timed

__all__ = ["rows"]


def darknet() -> keras.Model:
    """Tiny Darknet whose batch normalisation has something to fold."""
    model, rng = zoo.TinyDarknet(), np.random.default_rng(0)
    weights = model.get_weights()
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in weights])
    return model


def rows(quick: bool) -> Iterator[Row]:
    """Tiny Darknet, variant darknet, one image and several."""
    model = darknet()
    optimised = graph.optimize(model)
    for batch in (1,) if quick else (1, 16):
        x = tf.random.stateless_uniform((batch, *model.input_shape[1:]), seed=(0, 1))
        for how, xla in (("", False), (", XLA", True)):
            calls = []
            for each in (optimised, model):
                call = tf.function(lambda x, m=each: m(x, training=False), jit_compile=xla)
                calls.append(lambda call=call, x=x: call(x).numpy())
            a, b = calls[0](), calls[1]()
            gap = float(np.abs(a - b).max() / np.abs(b).max())
            assert gap < 1e-4, gap
            pair = compare(*calls, runs=2 if quick else 11, warm=2)
            what = f"TinyDarknet, batch {batch}, forward{how}"
            note = f"outputs within {gap:.0e}"
            yield timed("optimize_peers", what, pair, "not optimised", target=1 / 1.3, note=note)

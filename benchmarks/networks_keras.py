"""Our side of `benchmarks.networks`: steps of networks of `zoo`, and of a matrix product."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import graph
import zoo
from benchmarks.side import Step

__all__ = ["forward", "matmul", "train"]

CLASSES = 10


def _network(name: str) -> keras.Model:
    options = {"batch_norm_epsilon": "inside"} if name == "TinyDarknet" else {}
    return getattr(zoo, name)(classes=CLASSES, classifier_activation=None, **options)


def forward(name: str, batch: int, folder: str) -> Step:
    """One compiled call; weights, images and the work they take are written for the others."""
    keras.utils.set_random_seed(0)
    model = _network(name)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        # What starts as 0 or 1 in every channel would hide a channel in the wrong place.
        if variable.path.endswith(("gamma", "beta", "moving_mean", "moving_variance")):
            variable.assign(variable + rng.uniform(0, 0.2, variable.shape))
    weights = {"/".join(v.path.split("/")[-2:]): np.asarray(v) for v in model.weights}
    assert len(weights) == len(model.weights)
    images = rng.normal(size=(batch, *model.input_shape[1:])).astype("float32")
    labels = rng.integers(CLASSES, size=batch)
    np.savez(Path(folder, "weights.npz"), **weights)
    np.savez(Path(folder, "data.npz"), images=images, labels=labels)
    work = graph.layer_table(model).multiply_adds
    assert work
    Path(folder, "work.json").write_text(json.dumps({"multiply_adds": work * batch}))
    x = tf.constant(images)
    call = tf.function(lambda x: model(x, training=False))
    return Step(lambda: call(x), lambda: call(x).numpy())


def train(name: str, folder: str, jit_compile: bool) -> Step:
    """One step of stochastic gradient descent, as `fit` makes it."""
    model = _network(name)
    stored = np.load(Path(folder, "weights.npz"))
    for variable in model.weights:
        variable.assign(stored["/".join(variable.path.split("/")[-2:])])
    data = np.load(Path(folder, "data.npz"))
    x, y = tf.constant(data["images"]), tf.constant(data["labels"])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-3), loss, jit_compile=jit_compile)

    @tf.function
    def gradient(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=False))
        return tape.gradient(value, model.trainable_variables[0].value)

    return Step(lambda: model.train_on_batch(x, y), lambda: gradient(x, y).numpy())


def matmul(size: int) -> Step:
    """One product of square matrices."""
    a = tf.random.normal((size, size))
    call = tf.function(lambda a, b: a @ b)
    return Step(lambda: call(a, a))

"""All layers of ResNet50 against keract and one hand-made multi-output model; streaming memory.

python -m benchmarks.activations [--images 256] [--size 64] [--runs 5]
python -m benchmarks.activations --stream 50000

keract 4.5 runs on Keras 2 only. Where keract and tf-keras are installed, it is given the same
network with the same weights there, in the same process.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # tf.keras, which keract imports; not keras

import keras
import numpy as np

import graph
from benchmarks.paired import compare, machine


def peers(images: int, size: int, runs: int) -> None:
    """Print the times and ratios."""
    shape = (size, size, 3)
    x = np.random.default_rng(0).normal(size=(images, *shape)).astype("float32")
    model = keras.applications.ResNet50(weights=None, input_shape=shape, include_top=False)
    layers = model.layers[1:]
    by_hand = keras.Model(model.input, [layer.output for layer in layers])

    def ours() -> dict[str, np.ndarray]:
        return graph.activations(model, x)

    def ours_at_once() -> dict[str, np.ndarray]:
        return graph.activations(model, x, batch_size=images)

    def hand() -> list[np.ndarray]:
        return by_hand.predict(x, verbose=0)

    for (name, value), other in zip(ours().items(), hand(), strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-4, err_msg=name)
    print(machine())
    print(f"ResNet50 without its top, {len(layers)} layers, {images} images {size} x {size}")
    pair = compare(ours, hand, runs=runs)
    print(f"one multi-output model: {pair.ours:.2f} s, {pair.peer:.2f} s, ratio {pair.ratio:.3f}")
    try:
        import keract
        import tf_keras
    except ImportError as error:
        print(f"keract: not compared, {error}")
        return
    old = tf_keras.applications.ResNet50(weights=None, input_shape=shape, include_top=False)
    old.set_weights(model.get_weights())
    old.compile("sgd", "mse")

    def peer() -> dict[str, np.ndarray]:
        return keract.get_activations(old, x)

    last = list(peer().values())[-1]
    np.testing.assert_allclose(last, ours()[layers[-1].name], rtol=1e-3, atol=1e-3)
    pair = compare(ours_at_once, peer, runs=runs)
    print(
        f"keract 4.5, all images at once, ours too: {pair.ours:.2f} s, {pair.peer:.2f} s, "
        f"ratio {pair.ratio:.3f}, {1 / pair.ratio:.2f} times as fast"
    )
    pair = compare(ours, peer, runs=runs)
    print(f"the same, ours in batches of 32: {pair.ours:.2f} s, ratio {pair.ratio:.3f}")


def peak() -> float:
    """MB that this process held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def stream(images: int) -> None:
    """Print peak memory of predicting batch by batch, and of streaming three layers after it."""
    x = keras.Input((32, 32, 3))
    y = keras.layers.Conv2D(16, 3, strides=2, activation="relu", name="conv1")(x)
    y = keras.layers.Conv2D(32, 3, strides=2, activation="relu", name="conv2")(y)
    y = keras.layers.Dense(64, name="fc")(keras.layers.Flatten()(y))
    model = keras.Model(x, y)
    batch = np.random.default_rng(0).normal(size=(32, 32, 32, 3)).astype("float32")
    for _ in range(50):
        model.predict_on_batch(batch)
    own = peak()

    def batches():
        generator = np.random.default_rng(1)
        for start in range(0, images, 32):
            yield generator.normal(size=(min(32, images - start), 32, 32, 3)).astype("float32")

    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        path = graph.activations(model, batches(), ["conv1", "conv2", "fc"], to=f"{folder}/a.h5")
        seconds = time.perf_counter() - begin
        written = Path(path).stat().st_size / 1e6
    full = images * 4 * (15 * 15 * 16 + 7 * 7 * 32 + 64) / 1e6
    print(machine())
    print(f"{images:,} images, 3 layers, {full:,.0f} MB of activations, file {written:,.0f} MB")
    print(f"{seconds:.0f} s; peak {peak():.0f} MB, the model alone {own:.0f} MB")


def main() -> None:
    """Run what the options say."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--size", type=int, default=64, help="side of an image in pixels")
    parser.add_argument("--runs", type=int, default=5, help="pairs that count")
    parser.add_argument("--stream", type=int, metavar="N", help="measure memory on N images")
    options = parser.parse_args()
    if options.stream:
        stream(options.stream)
    else:
        peers(options.images, options.size, options.runs)


if __name__ == "__main__":
    main()

"""Ten architectures against hand-made multi-output models, and keract where it is installed."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from graph import activations
from graph.taps import Taps

L = keras.layers
A = keras.applications
ROOT = Path(__file__).parents[2]


def application(build, size=32, **options):
    return lambda: build(input_shape=(size, size, 3), weights=None, include_top=False, **options)


def transformer():
    tokens = keras.Input((12,), dtype="int32", name="tokens")
    y = L.Embedding(50, 16, mask_zero=True, name="embed")(tokens)
    for i in range(2):
        a = L.MultiHeadAttention(2, 8, name=f"att{i}")(y, y)
        y = L.LayerNormalization(name=f"norm{i}a")(L.Add(name=f"add{i}a")([y, a]))
        f = L.Dense(16, name=f"down{i}")(L.Dense(32, "gelu", name=f"up{i}")(y))
        y = L.LayerNormalization(name=f"norm{i}b")(L.Add(name=f"add{i}b")([y, f]))
    return keras.Model(tokens, L.Dense(5, "softmax", name="fc")(L.GlobalAveragePooling1D()(y)))


def u_net():
    x = keras.Input((16, 16, 2))
    a = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    b = L.Conv2D(8, 3, padding="same", activation="relu")(L.MaxPooling2D()(a))
    c = L.Concatenate()([a, L.Conv2DTranspose(4, 2, strides=2)(b)])
    return keras.Model(x, L.Conv2D(1, 1, activation="sigmoid")(c))


def recurrent():
    x = keras.Input((9, 4))
    y = L.Bidirectional(L.LSTM(5, return_sequences=True))(x)
    return keras.Model(x, L.Dense(3)(L.GRU(6)(y)))


def siamese():
    a, b = keras.Input((12,)), keras.Input((12,))
    first, second = L.Dense(8, "tanh"), L.Dense(6)
    return keras.Model([a, b], L.Subtract()([second(first(a)), second(L.Dense(8)(b))]))


MODELS = {
    "MobileNetV2": application(A.MobileNetV2, alpha=0.35),
    "ResNet50": application(A.ResNet50),
    "VGG16": application(A.VGG16),
    "DenseNet121": application(A.DenseNet121),
    "EfficientNetB0": application(A.EfficientNetB0),
    "MobileNetV3Small": application(A.MobileNetV3Small),
    "transformer": transformer,
    "U-Net": u_net,
    "recurrent": recurrent,
    "siamese": siamese,
}


def random_inputs(model):
    generator = np.random.default_rng(5)
    return [
        generator.integers(1, 50, (3, *t.shape[1:]))
        if "int" in str(t.dtype)
        else generator.normal(size=(3, *t.shape[1:])).astype("float32")
        for t in model.inputs
    ]


SLOW = ("DenseNet121", "EfficientNetB0")  # to build, mostly


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOW else []) for n in MODELS]
)
def test_equal_to_a_multi_output_model(name, monkeypatch):
    model = MODELS[name]()
    x = random_inputs(model)
    traced = []
    call = Taps.call
    monkeypatch.setattr(Taps, "call", lambda self, inputs: traced.append(1) or call(self, inputs))
    got = activations(model, x, batch_size=2)
    assert traced == [1]  # one pass, traced once for both batches
    tensors = {
        f"{layer.name}:{i}" if len(layer._inbound_nodes) > 1 else layer.name: node.outputs[0]
        for layer in model.layers
        for i, node in enumerate(layer._inbound_nodes)
        if not isinstance(layer, L.InputLayer)
    }
    assert set(got) == set(tensors)
    hand = keras.Model(model.inputs, [tensors[n] for n in got]).predict(x, verbose=0, batch_size=2)
    for (layer, value), wanted in zip(got.items(), hand, strict=True):
        scale = np.abs(wanted).max() + 1e-6
        np.testing.assert_allclose(value / scale, wanted / scale, atol=2e-5, err_msg=layer)


KERACT = """
import keras, keract, numpy as np, tf_keras, graph
for name in ("MobileNetV2", "ResNet50", "VGG16", "DenseNet121"):
    options = dict(input_shape=(32, 32, 3), weights=None, include_top=False)
    old = getattr(tf_keras.applications, name)(**options)
    new = getattr(keras.applications, name)(**options)
    new.set_weights(old.get_weights())
    old.compile("sgd", "mse")
    x = np.random.default_rng(1).normal(size=(2, 32, 32, 3)).astype("float32")
    theirs = list(keract.get_activations(old, x).items())
    ours = graph.activations(new, x)
    theirs = [v for k, v in theirs if not k.startswith("input")]
    assert len(theirs) == len(ours), (len(theirs), len(ours))
    for (layer, value), wanted in zip(ours.items(), theirs):
        scale = np.abs(wanted).max() + 1e-6
        np.testing.assert_allclose(value / scale, wanted / scale, atol=2e-5, err_msg=layer)
    print("equal", name, len(ours))
"""


@pytest.mark.slow
def test_equal_to_keract():
    # keract needs Keras 2, which tf-keras is; neither is a dependency of this project.
    if not all(importlib.util.find_spec(name) for name in ("keract", "tf_keras")):
        pytest.skip("keract and tf-keras are not installed")
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", KERACT],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        env=environment,
    )
    assert done.stdout.count("equal") == 4, done.stderr[-3000:]

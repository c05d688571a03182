"""What every builder does alike."""

import keras
import numpy as np
import pytest

import graph
from graph import Input, nn
from zoo import AlexNet, LeNet5, load_weights
from zoo.building import chain, finish

# Builder, arguments for a small one, and its stages with their sizes.
NETWORKS = {
    "lenet5": (LeNet5, {"input_shape": (28, 24, 1)}, {"pool1": (12, 10, 6), "pool2": (4, 3, 16)}),
    "single": (
        AlexNet,
        {"input_shape": (67, 83, 3)},
        {"pool1": (7, 9, 96), "pool2": (3, 4, 256), "pool5": (1, 1, 256)},
    ),
    "paper": (
        AlexNet,
        {"input_shape": (67, 83, 3), "variant": "paper"},
        {"pool1": (7, 9, 96), "pool2": (3, 4, 256), "pool5": (1, 1, 256)},
    ),
    "torchvision": (
        AlexNet,
        {"input_shape": (63, 95, 3), "variant": "torchvision"},
        {"pool1": (7, 11, 64), "pool2": (3, 5, 192), "pool5": (1, 2, 256)},
    ),
}
EVERY = pytest.mark.parametrize(
    ("builder", "arguments", "stages"), NETWORKS.values(), ids=list(NETWORKS)
)

SOME = pytest.mark.parametrize(
    ("builder", "arguments", "stages"),
    [NETWORKS[name] for name in ("lenet5", "paper")],
    ids=["lenet5", "paper"],
)


def pixels(arguments, batch=2):
    rng = np.random.default_rng(0)
    return rng.normal(size=(batch, *arguments["input_shape"])).astype("float32")


@EVERY
def test_features_only(builder, arguments, stages, tmp_path):
    whole = builder(include_top=False, **arguments)
    whole.save_weights(tmp_path / "w.weights.h5")
    model = builder(features_only=True, weights=tmp_path / "w.weights.h5", name="maps", **arguments)
    assert isinstance(model, keras.Model)
    assert model.name == "maps"
    assert {k: tuple(v.shape[1:]) for k, v in model.output.items()} == stages
    x = pixels(arguments)
    got = model.predict(x, verbose=0)
    expected = graph.activations(whole, x, list(stages))
    assert list(got) == list(stages)
    for name in stages:
        np.testing.assert_allclose(got[name], expected[name], rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "maps.keras")
    again = keras.saving.load_model(tmp_path / "maps.keras").predict(x, verbose=0)
    np.testing.assert_allclose(again["pool1"], got["pool1"], rtol=1e-5, atol=1e-6)


@EVERY
def test_names_of_layers_are_unique_and_the_same_each_time(builder, arguments, stages):
    first, second = ([layer.name for layer in builder(**arguments).layers] for _ in range(2))
    assert first == second and len(set(first)) == len(first)
    assert builder(include_top=False, name="mine", **arguments).name == "mine"


@pytest.mark.parametrize(
    ("network", "policy"),
    [
        ("lenet5", "mixed_float16"),
        ("lenet5", "mixed_bfloat16"),
        ("lenet5", "bfloat16"),
        ("paper", "mixed_float16"),
        ("torchvision", "mixed_bfloat16"),
    ],
)
def test_dtype_policies(network, policy, tmp_path):
    builder, arguments, _ = NETWORKS[network]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = builder(classes=3, **arguments)
        logits = builder(classes=3, classifier_activation=None, **arguments)
    finally:
        keras.config.set_dtype_policy(before)
    low = policy.removeprefix("mixed_")
    for layer in model.layers:
        if layer.weights:
            assert layer.compute_dtype == low
            kept = "float32" if policy.startswith("mixed") else low
            assert {keras.backend.standardize_dtype(w.dtype) for w in layer.weights} == {kept}
    assert keras.backend.standardize_dtype(model.output.dtype) == "float32"
    assert keras.backend.standardize_dtype(logits.output.dtype) == low
    y = model.predict(pixels(arguments), verbose=0)
    np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)
    full = builder(classes=3, **arguments)
    full.save_weights(tmp_path / "w.weights.h5")
    load_weights(model, tmp_path / "w.weights.h5")
    np.testing.assert_allclose(
        model.predict(pixels(arguments), verbose=0),
        full.predict(pixels(arguments), verbose=0),
        atol=0.02,
    )


@EVERY
def test_input_tensor_and_weights(builder, arguments, stages, tmp_path):
    """The user's own layers before the network are neither needed in the file nor touched."""
    builder(include_top=False, **arguments).save_weights(tmp_path / "w.weights.h5")
    image = keras.Input(arguments["input_shape"])
    own = keras.layers.Conv2D(image.shape[-1], 1, name="own")
    rest = {k: v for k, v in arguments.items() if k != "input_shape"}
    model = builder(include_top=False, input_tensor=own(image), **rest)
    before = own.get_weights()
    report = load_weights(model, tmp_path / "w.weights.h5")
    assert len(report.loaded) == len(model.weights) - 2
    for a, b in zip(before, own.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@SOME
@pytest.mark.parametrize("kind", ["a.weights.h5", "a.keras"])
def test_top_and_classes(builder, arguments, stages, kind, tmp_path):
    full = builder(classes=4, **arguments)
    full.save(tmp_path / kind) if kind == "a.keras" else full.save_weights(tmp_path / kind)
    trunk = builder(include_top=False, pooling="avg", **arguments)
    report = load_weights(trunk, tmp_path / kind)
    assert len(report.loaded) == len(trunk.weights) and len(report.skipped) == 6
    for mine, its in zip(trunk.get_weights(), full.get_weights(), strict=False):
        np.testing.assert_array_equal(mine, its)
    with pytest.warns(UserWarning, match="the file has 4 classes, the model 5"):
        other = builder(classes=5, weights=tmp_path / kind, **arguments)
    for mine, its in list(zip(other.get_weights(), full.get_weights(), strict=True))[:-2]:
        np.testing.assert_array_equal(mine, its)


@SOME
def test_fit_save_and_load(builder, arguments, stages, tmp_path):
    model = builder(classes=3, **arguments)
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(pixels(arguments, 4), np.array([0, 1, 2, 0]), batch_size=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    x = pixels(arguments)
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    # The file of a model that was trained holds more; the state of training is left aside.
    report = load_weights(builder(classes=3, **arguments), tmp_path / "m.keras")
    assert all("optimizer" in s.source or "state of training" in s.reason for s in report.skipped)
    assert len(report.loaded) == len(model.weights)


def test_a_builder_gets_the_conventions_from_finish():
    """`chain` and `finish` with nothing but what they must be told."""
    x = Input((8, 8, 2), name="image")
    y = chain(
        x,
        conv1=nn.SpatialConvolution(2, 3, 3, 3),
        pool1=nn.SpatialMaxPooling(2, 2, 2, 2),
        conv2=nn.SpatialConvolution(3, 4, 1, 1),
    )
    given = {"name": "n", "weights": None, "include_top": False, "pooling": None}
    model = finish(x, y, **given, activation="softmax", features_only=True)
    assert list(model.output) == ["pool1", "conv2"]
    x = Input((8, 8, 2), name="image")
    y = chain(x, conv1=nn.SpatialConvolution(2, 3, 3, 3))
    assert finish(x, y, **given, activation="softmax").output_shape == (None, 6, 6, 3)

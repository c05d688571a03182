import keras
import numpy as np
import pytest
import tensorflow as tf
from digit_tuples import pairs, small_embedding
from golden_torch7 import Case
from hypothesis import given, settings
from hypothesis import strategies as st
from torch7_cases import file_of, inputs_of

import graph
from graph import nn, torch7
from zoo import SiameseNet, TwoStreamFusion

L = keras.layers


@keras.saving.register_keras_serializable(package="test_siamese_net")
def contrastive(alike, distances):
    """Hadsell, Chopra & LeCun 2006: pull pairs that are alike, push others to a distance of 1."""
    apart = keras.ops.square(keras.ops.relu(1 - distances))
    return keras.ops.mean(alike * keras.ops.square(distances) + (1 - alike) * apart, axis=-1)


def towers_of(case, folder):
    """The Torch embedding of the first tower, and the model's own answer."""
    root = torch7.load(file_of(case, folder))
    if root.class_name == "nn.gModule":
        modules = graph.load_torch7(root).node_modules()
        tower = next(m for m in modules if m.torch_name == "Sequential")
        x = nn.Identity()()
        return graph.gModule([x], [tower(x)])
    parallel = root.fields["modules"][0]
    return graph.load_torch7(parallel.fields["modules"][0])


@pytest.mark.parametrize("single_pass", [False, True])
@pytest.mark.parametrize("name", ["siamese_pairwise", "siamese_paralleltable"])
def test_gives_what_torchs_siamese_nets_give(name, single_pass, tmp_path):
    case = Case("models", name)
    net = SiameseNet(towers_of(case, tmp_path), distance="l2", single_pass=single_pass)
    x = [np.asarray(a) for a in inputs_of(case)]
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(net.forward(x)[:, 0], case.arrays("output"), **close)
    slopes = net.backward(x, case.arrays("gradOutput")[:, None])
    for ours, golden in zip(slopes, case.arrays("gradInput"), strict=True):
        np.testing.assert_allclose(ours, golden, rtol=1e-4, atol=1e-6)
    for ours, golden in zip(net.parameters()[1], case.arrays("gradParams")[:4], strict=True):
        np.testing.assert_allclose(ours.T, golden, rtol=1e-4, atol=1e-5)


def test_names_and_shapes():
    net = SiameseNet(small_embedding())
    assert net.input_names == ["left", "right"]
    assert net.output_names == ["distances"]
    assert net.output_shape == (None, 1)
    assert net.count_params() == net.embedding.count_params() == 262
    assert SiameseNet(small_embedding(), distance=None).output_shape == (None, 2, 6)
    assert SiameseNet(small_embedding(), collect=["conv"]).output_shape == [
        (None, 1),
        (None, 2, 6, 6, 4),
    ]


@settings(max_examples=6)
@given(batch=st.integers(1, 7), single_pass=st.booleans(), p=st.sampled_from([1, 2, 3]))
def test_distance_of_embeddings(batch, single_pass, p):
    net = SiameseNet(small_embedding(), nn.PairwiseDistance(p), single_pass=single_pass)
    x, _ = pairs(batch)
    a, b = (net.embedding(t).numpy() for t in x)
    expected = (np.abs(a - b) ** p).sum(-1, keepdims=True) ** (1 / p)
    np.testing.assert_allclose(net(list(x)).numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["arrays", "dataset", "dataset of dicts"])
def test_training_on_labelled_pairs_tells_digits_apart(form):
    x, y = pairs(512)
    net = SiameseNet(small_embedding(16), distance="l2")
    net.compile(keras.optimizers.Adam(0.01), contrastive)
    if form == "arrays":
        data = {"x": list(x), "y": y, "batch_size": 64}
    else:
        named = x if form == "dataset" else {"left": x[0], "right": x[1]}
        data = {"x": tf.data.Dataset.from_tensor_slices((named, y)).batch(64)}
    history = net.fit(**data, epochs=6, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]
    x, y = pairs(200, seed=7)
    near = net.predict(list(x), verbose=0)[:, 0] < 0.5
    assert (near == (y == 1)).mean() > 0.8


def test_a_dataset_of_bare_pairs_has_no_labels():
    """`(left, right)` are the inputs; Keras alone would take `right` for labels."""
    net = SiameseNet(small_embedding())
    x, _ = pairs(8)
    net.compile(keras.optimizers.SGD(0.0), lambda _, distances: distances)
    data = tf.data.Dataset.from_tensor_slices(x).batch(4)
    expected = net.predict(list(x), verbose=0)
    np.testing.assert_allclose(net.evaluate(data, verbose=0), expected.mean(), rtol=1e-5)
    np.testing.assert_allclose(net.predict(data, verbose=0), expected, rtol=1e-5)


def test_kochs_learnt_distance(tmp_path):
    alike = nn.Sequential(nn.CSubTable(), nn.Abs(), nn.Linear(6, 1), nn.Sigmoid())
    net = SiameseNet(small_embedding(), distance=alike)
    x, y = pairs(32)
    net.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    net.fit(list(x), y, verbose=0)
    assert net.count_params() == 262 + 7
    a, b = (net.embedding.predict(t, verbose=0) for t in x)
    kernel, bias = net.get_weights()[-2:]
    expected = 1 / (1 + np.exp(-(np.abs(a - b) @ kernel + bias)))
    np.testing.assert_allclose(net.predict(list(x), verbose=0), expected, rtol=1e-4)
    net.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    np.testing.assert_allclose(loaded.predict(list(x), verbose=0), expected, rtol=1e-4)
    loaded.fit(list(x), y, verbose=0)


def test_two_streams_are_an_embedding(tmp_path):
    """As a tracker compares a patch and its flow with the target's."""

    def stream(channels, name):
        layers = [L.Conv2D(3, 3, activation="relu", name="conv"), L.GlobalAveragePooling2D()]
        return keras.Sequential([keras.Input((8, 8, channels)), *layers], name=name)

    embedding = TwoStreamFusion(stream(1, "a"), stream(4, "b"), "concat")
    rng = np.random.default_rng(2)
    (left, right), y = pairs(16)
    flows = rng.normal(size=(2, 16, 8, 8, 4)).astype("float32")
    x = ((left, flows[0]), (right, flows[1]))
    for single_pass in (False, True):
        net = SiameseNet(embedding, single_pass=single_pass, collect=["temporal/conv"])
        assert net.input_names == ["left_frame", "left_flow", "right_frame", "right_flow"]
        assert len(net.weights) == 4
        net.compile("adam", contrastive)
        net.fit(tf.data.Dataset.from_tensor_slices((x, y)).batch(8), verbose=0)
        net.compile("adam", lambda _, distances: distances)
        net.fit(tf.data.Dataset.from_tensor_slices(x).batch(8), verbose=0)
        net.save(tmp_path / "net.keras")
        loaded = keras.saving.load_model(tmp_path / "net.keras", compile=False)
        a, b = (loaded.embedding.predict(list(tower), verbose=0) for tower in x)
        distances, features = loaded.predict([list(tower) for tower in x], verbose=0)
        np.testing.assert_allclose(distances[:, 0], np.abs(a - b).sum(1), rtol=1e-4)
        assert features.shape == (16, 2, 6, 6, 3)
        names = dict(zip(net.input_names, [left, flows[0], right, flows[1]], strict=True))
        np.testing.assert_allclose(net.predict(names, verbose=0)[0], distances, rtol=1e-5)


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"one of .*'l1'.*, got 'l7'"):
        SiameseNet(small_embedding(), distance="l7")
    with pytest.raises(TypeError, match="must be a Keras model, got 3"):
        SiameseNet(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no layer matches 'cnv'"):
        SiameseNet(small_embedding(), collect="cnv")  # type: ignore[arg-type]

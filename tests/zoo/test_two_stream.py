from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf
from digit_tuples import digits

import graph
from zoo import CNNM2048, LeNet5, TwoStreamFusion

L = keras.layers
SIDES = {"conv1": 109, "pool1": 54, "conv2": 26, "pool2": 13, "conv5": 13, "pool5": 6}


def maps(channels):
    return keras.Sequential([keras.Input((8, 8, channels)), L.Conv2D(5, 3, name="conv")])


def vectors(channels):
    return keras.Sequential([keras.Input((8, 8, channels)), L.Flatten(), L.Dense(5, name="fc")])


def clips(count, frames=2):
    """Real digits, and as their flow how the image differs from copies of it that were moved."""
    images, target = digits()
    images = images[:count]
    moved = [images - np.roll(images, k, axis) for k in range(1, frames + 1) for axis in (2, 1)]
    return [images, np.concatenate(moved, -1)], target[:count]


def test_cnn_m_2048_is_the_papers():
    model = CNNM2048()
    assert {name: model.get_layer(name).output.shape[1] for name in SIDES} == SIDES
    convolutions = 49 * 3 * 96 + 96 + 25 * 96 * 256 + 256 + 9 * 256 * 512 + 512
    convolutions += 2 * (9 * 512 * 512 + 512)
    linear = 36 * 512 * 4096 + 4096 + 4096 * 2048 + 2048 + 2048 * 1000 + 1000
    assert model.count_params() == convolutions + linear == 92_469_864
    assert [layer.name for layer in model.layers if "norm" in layer.name] == ["norm1", "norm2"]
    assert CNNM2048(False, input_shape=(59, 59, 3)).output_shape == (None, 1, 1, 512)
    with pytest.raises(ValueError, match="sides of at least 59"):
        CNNM2048(input_shape=(58, 59, 3))


def test_default_is_simonyan_and_zissermans():
    model = TwoStreamFusion(flow_frames=10)
    assert model.input_names == ["frame", "flow"]
    assert model.input_shape == [(None, 224, 224, 3), (None, 224, 224, 20)]
    assert model.output_shape == (None, 101)
    one = 92_469_864 - 2049 * (1000 - 101)
    assert model.count_params() == 2 * one + 49 * 17 * 96
    temporal = model.get_layer("temporal")
    assert [layer.name for layer in temporal.layers if "norm" in layer.name] == ["norm1"]


def test_default_streams_with_a_head():
    model = TwoStreamFusion(classes=7, fusion="concat", input_shape=(64, 64, 3), flow_frames=1)
    assert model.input_shape == [(None, 64, 64, 3), (None, 64, 64, 2)]
    assert model.output_shape == (None, 7)
    assert model.get_layer("fc").kernel.shape == (1024, 7)


@pytest.mark.parametrize(
    ("fusion", "formula"),
    [
        ("average", lambda a, b: (a + b) / 2),
        ("sum", lambda a, b: a + b),
        ("max", np.maximum),
        ("product", lambda a, b: a * b),
        ("concat", lambda a, b: np.concatenate([a, b], -1)),
        ("conv", None),
    ],
)
@pytest.mark.parametrize("stream", [maps, vectors])
def test_fusions(fusion, formula, stream):
    spatial, temporal = stream(1), stream(4)
    model = TwoStreamFusion(spatial, temporal, fusion)
    x, _ = clips(6)
    a, b = spatial.predict(x[0], verbose=0), temporal.predict(x[1], verbose=0)
    if formula is None:
        kernel, bias = (np.asarray(w) for w in model.get_layer("fused").weights)
        expected = np.concatenate([a, b], -1) @ kernel.reshape(10, 5) + bias
    else:
        expected = formula(a, b)
    got = model.predict(x, verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    head = TwoStreamFusion(spatial, temporal, fusion, classes=3, dropout=0.5)
    pooled = got.mean((1, 2)) if stream is maps else got
    fused = 2 if fusion == "conv" else 0
    weights = head.get_layer("fc").get_weights()
    if fused:
        head.get_layer("fused").set_weights(model.get_layer("fused").get_weights())
    scores = np.exp(pooled @ weights[0] + weights[1])
    expected = scores / scores.sum(1, keepdims=True)
    np.testing.assert_allclose(head.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-5)
    assert ("pool" in [layer.name for layer in head.layers]) == (stream is maps)
    assert [layer.name for layer in head.layers if layer.name == "dropout"] == ["dropout"]


def test_training_saving_exporting_and_activations(tmp_path):
    x, y = clips(256)
    builder = partial(LeNet5, include_top=False, pooling="avg")
    shape = {"input_shape": (16, 16, 1), "flow_frames": 2}
    x = [np.repeat(np.repeat(part, 2, 1), 2, 2) for part in x]
    model = TwoStreamFusion(builder, builder, "concat", classes=10, **shape)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    data = tf.data.Dataset.from_tensor_slices((tuple(x), y)).batch(32)
    history = model.fit(data, epochs=8, verbose=0).history["loss"]
    assert history[-1] < 0.6 * history[0]

    expected = model.predict([part[:4] for part in x], verbose=0)
    model.save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    few = [part[:4] for part in x]
    np.testing.assert_allclose(loaded.predict(few, verbose=0), expected, rtol=1e-5, atol=1e-6)
    place = graph.export(loaded, tmp_path / "saved", activations=["*/conv1"])
    signatures = tf.saved_model.load(str(place)).signatures
    served = signatures["serving_default"](frame=few[0], flow=few[1].astype("float32"))
    np.testing.assert_allclose(served["predictions"], expected, rtol=1e-4, atol=1e-6)
    seen = graph.activations(loaded, few, ["spatial/conv1", "temporal/conv1"])
    assert {k: v.shape for k, v in seen.items()} == {
        "spatial/conv1": (4, 12, 12, 6),
        "temporal/conv1": (4, 12, 12, 6),
    }
    assert np.abs(seen["spatial/conv1"] - seen["temporal/conv1"]).max() > 0


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"fusion must be one of .*'concat'.*, got 'svm'"):
        TwoStreamFusion(maps(1), maps(4), "svm")
    with pytest.raises(ValueError, match="flow_frames must be a positive whole number, got 0"):
        TwoStreamFusion(flow_frames=0)
    with pytest.raises(ValueError, match=r"classes must be a positive whole number, got 1\.5"):
        TwoStreamFusion(classes=1.5)
    with pytest.raises(TypeError, match="spatial must be a Keras model or a builder of one, got 3"):
        TwoStreamFusion(3)
    with pytest.raises(TypeError, match="temporal must build a Keras model, its builder gave None"):
        TwoStreamFusion(maps(1), lambda input_shape, name: None)
    one = maps(1)
    with pytest.raises(ValueError, match="must be two models"):
        TwoStreamFusion(one, one)
    with pytest.raises(ValueError, match="spatial, .*, has no known shapes"):
        TwoStreamFusion(keras.Sequential([L.Dense(2)]), one)
    p, q = keras.Input((2,)), keras.Input((2,))
    two = keras.Model([p, q], L.Add()([p, q]), name="two")
    with pytest.raises(ValueError, match="one input and one output, two has 2 and 1"):
        TwoStreamFusion(two, one)
    with pytest.raises(graph.GraphError, match="'fused'.* needs equal shapes"):
        TwoStreamFusion(maps(1), keras.Sequential([keras.Input((8, 8, 4)), L.Conv2D(3, 3)]), "sum")

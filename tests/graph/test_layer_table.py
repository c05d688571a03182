import keras
import numpy as np
import pytest

from graph import activation_gradients, features, layer_output_shapes, layer_table

L = keras.layers


def net():
    x = keras.Input((40, 36, 3), name="image")
    y = L.Conv2D(8, (5, 3), strides=2, padding="same", name="conv1")(x)
    y = L.BatchNormalization(name="bn")(y)
    y = L.MaxPooling2D(3, 2, name="pool")(y)
    left = L.DepthwiseConv2D(3, dilation_rate=2, padding="same", name="depth")(y)
    right = L.SeparableConv2D(8, 3, padding="same", name="sep")(y)
    y = L.Add(name="add")([left, right])
    y = L.Conv2D(6, 3, groups=2, name="grouped")(L.ZeroPadding2D(1)(y))
    y = L.Conv2DTranspose(4, 3, strides=2, name="up")(y)
    y = L.UpSampling2D(2, name="double")(y)
    return keras.Model(x, L.Dense(5, name="fc")(L.Flatten(name="flat")(y)), name="net")


def test_classic_figures():
    x = keras.Input((227, 227, 3))
    y = L.Conv2D(96, 11, strides=4, name="conv1")(x)
    y = L.MaxPooling2D(3, 2, name="pool1")(y)
    y = L.Conv2D(256, 5, padding="same", groups=2, name="conv2")(y)
    table = layer_table(keras.Model(x, y))
    assert table["conv1"].output_shape == ((227 - 11) // 4 + 1, (227 - 11) // 4 + 1, 96)
    assert table["conv1"].parameters == 11 * 11 * 3 * 96 + 96
    assert table["conv1"].multiply_adds == 55 * 55 * 96 * 11 * 11 * 3
    assert table["conv2"].multiply_adds == 27 * 27 * 256 * 5 * 5 * 48
    assert [table[n].receptive_field for n in ("conv1", "pool1", "conv2")] == [
        (11, 11),
        (19, 19),
        (51, 51),
    ]
    assert table[1].jump == (8, 8) and len(table) == 3
    with pytest.raises(KeyError):
        table["none"]


@pytest.mark.parametrize("name", ["conv1", "pool", "add", "sep", "depth", "grouped"])
def test_receptive_fields_are_where_gradients_are(name):
    model = net()
    row = layer_table(model)[name]
    shape = row.output_shape
    middle = (shape[0] // 2, shape[1] // 2)
    tap = keras.Model(model.input, model.get_layer(name).output)
    for layer in tap.layers:  # positive weights, so that nothing cancels
        layer.set_weights([np.abs(w) + 0.1 for w in layer.get_weights()])
    model_input = tap.input
    soft = keras.models.clone_model(
        tap,
        clone_function=lambda layer: (
            L.AveragePooling2D(3, 2, name="pool")
            if layer.name == "pool"
            else layer.__class__.from_config(layer.get_config())
        ),
    )
    soft.set_weights(tap.get_weights())
    x = np.ones((1, *model_input.shape[1:]), "float32")
    slope = activation_gradients(soft, x, 0, output=lambda y: y[:, middle[0], middle[1], 0])[
        "image"
    ][0]
    touched = np.argwhere(np.abs(slope).sum(-1) > 0)
    extent = touched.max(0) - touched.min(0) + 1
    assert tuple(extent) == row.receptive_field


def test_jumps_shapes_and_parameters():
    model = net()
    table = layer_table(model)
    assert table["up"].jump == (2, 2) and table["double"].jump == (1, 1)
    assert table["fc"].receptive_field is None and table["fc"].kernel is None
    assert table.parameters == model.count_params() == sum(row.parameters for row in table)
    assert layer_output_shapes(model, ["conv1", "fc"]) == {
        "conv1": (None, 20, 18, 8),
        "fc": (None, 5),
    }
    text = str(table)
    assert "multiply-adds" in text and f"{table.multiply_adds:,}" in text
    assert "dil 2 x 2" in text and len(text.splitlines()) == len(table) + 2


def test_multiply_adds_of_resnet50_and_mobilenet():
    # He et al., table 1, count 3.8e9 for ResNet-50, with its strides in the 1x1 convolutions, as
    # in Keras; Sandler et al., table 4, 300 million for MobileNetV2.
    resnet = layer_table(keras.applications.ResNet50(weights=None))
    assert 3.8e9 < resnet.multiply_adds < 3.9e9
    assert resnet["conv5_block3_out"].receptive_field == (483, 483)  # Araujo et al., table 1
    mobile = layer_table(keras.applications.MobileNetV2(weights=None))
    assert mobile.multiply_adds == pytest.approx(300e6, rel=0.01)


def test_sequences_and_attention():
    x = keras.Input((7, 4))
    y = L.LSTM(5, return_sequences=True, name="lstm")(x)
    y = L.MultiHeadAttention(2, 3, name="att")(y, y)
    y = L.EinsumDense("abc,cd->abd", output_shape=(7, 6), name="einsum")(y)
    y = L.Bidirectional(L.SimpleRNN(2), name="both")(y)
    table = layer_table(keras.Model(x, y))
    assert table["lstm"].multiply_adds == 7 * (4 * 20 + 5 * 20)
    projections = 3 * 7 * 5 * 6 + 7 * 6 * 5
    assert table["att"].multiply_adds == projections + 2 * (2 * 7 * 7 * 3)
    assert table["einsum"].multiply_adds == 7 * 5 * 6
    assert table["both"].multiply_adds == 2 * 7 * (6 * 2 + 2 * 2)


def test_nested_and_open_shapes():
    inner_x = keras.Input((None, None, 3))
    inner = keras.Model(inner_x, L.Conv2D(4, 3, strides=2, name="c")(inner_x), name="inner")
    x = keras.Input((9, 9, 3))
    model = keras.Model(x, L.Conv2D(2, 3, name="d")(inner(x)))
    table = layer_table(model, ["inner", "inner/c", "d"])
    assert table["inner/c"].multiply_adds is None and "?" in str(table)
    assert table["d"].receptive_field == (7, 7) and table["inner/c"].jump == (2, 2)


def test_features():
    model, x = net(), np.random.default_rng(0).normal(size=(5, 40, 36, 3)).astype("float32")
    conv = keras.Model(model.input, model.get_layer("conv1").output).predict(x, verbose=0)
    flat = features(model, x, "conv1", batch_size=2)
    np.testing.assert_allclose(flat, conv.reshape(5, -1), rtol=1e-4, atol=1e-5)
    pooled = features(model, x, "conv1", pooling="avg")
    np.testing.assert_allclose(pooled, conv.mean((1, 2)), rtol=1e-4, atol=1e-5)
    largest = features(model, x, "conv1", pooling="max")
    np.testing.assert_allclose(largest, conv.max((1, 2)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="features are of one layer.*matches conv1, grouped"):
        features(model, x, ["conv1", "grouped"])
    with pytest.raises(ValueError, match="pooling is 'avg', 'max' or None; received 'mean'"):
        features(model, x, "conv1", pooling="mean")
    seq = keras.Input((4, 3))
    states = keras.Model(seq, L.LSTM(2, return_state=True, name="lstm")(seq))
    with pytest.raises(ValueError, match="layer 'lstm' has several"):
        features(states, np.ones((2, 4, 3)), "lstm")

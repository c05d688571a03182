import keras
import numpy as np
import pytest

import graph

X = np.random.default_rng(2).normal(size=(40, 6)).astype("float32")


def net():
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(5, activation="relu", name="fc1"),
            keras.layers.Dense(4, activation="sigmoid", name="gate"),
            keras.layers.Dense(3, name="fc2"),
        ]
    )
    layer = model.get_layer("fc1")
    kernel, bias = layer.get_weights()
    bias[[1, 3]] = -1e4  # planted: these two never fire
    layer.set_weights([kernel, bias])
    return model


def test_statistics_against_numpy():
    model = net()
    table = graph.layer_statistics(model, X, batch_size=7)
    k, b = model.get_layer("fc1").get_weights()
    want = np.maximum(X @ k + b, 0)
    row = table.rows[0]
    assert (row.name, row.kind, row.dead, row.units) == ("fc1", "Dense", 2, 5)
    assert [row.mean, row.std] == pytest.approx([want.mean(), want.std()], rel=1e-5)
    assert row.sparsity == np.mean(want == 0)
    assert table.rows[1].dead is None and table.rows[2].saturated is None
    assert table.nan_source is None
    assert "fc1: 2 of 5 units never fire" in str(table)


def test_saturated_sigmoid():
    model = net()
    gate = model.get_layer("gate")
    gate.set_weights([gate.get_weights()[0] * 0, np.array([0, 9, -9, 4.0])])
    row = graph.layer_statistics(model, X).rows[1]
    assert row.saturated == 0.5  # sigmoid(4) = 0.982 is not
    assert not any("gate" in w for w in graph.layer_statistics(model, X).warnings())
    gate.set_weights([gate.get_weights()[0], np.array([9, 9, -9, 4.0])])
    assert any("gate: 75%" in w for w in graph.layer_statistics(model, X).warnings())


def test_the_source_of_nan_is_found():
    model = net()
    kernel, bias = model.get_layer("gate").get_weights()
    bias[2] = np.nan
    model.get_layer("gate").set_weights([kernel, bias])
    table = graph.layer_statistics(model, X)
    assert table.nan_source == "gate"
    assert [row.not_finite for row in table.rows] == [0, 40, 120]
    assert np.isfinite(table.rows[1].mean) and np.isnan(table.rows[2].mean)


def test_gradient_norms_of_a_linear_layer():
    """d mean((x W - y)^2) / dW = 2 x' (x W - y) / (n m)."""
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, name="fc", use_bias=False)])
    w, y = model.get_weights()[0], X[:, 1:3]
    norm = np.linalg.norm(2 * X.T @ (X @ w - y) / y.size)
    table = graph.layer_statistics(model, X, targets=y, loss="mse")
    assert table.rows[0].gradient_norm == pytest.approx(norm, rel=1e-4)
    far = graph.layer_statistics(model, X, targets=y * 1e6, loss="mse").warnings()
    assert "fc: the gradient explodes" in far[0]
    near = graph.layer_statistics(model, X, targets=model(X), loss="mse").warnings()
    assert "fc: the gradient vanishes" in near[0]
    with pytest.raises(ValueError, match="both targets and loss"):
        graph.layer_statistics(model, X, targets=y)


def test_tensorboard_reads_what_the_callback_writes(tmp_path):
    import tensorflow as tf

    model = net()
    model.compile("sgd", "mse")
    callback = graph.LayerStatistics(X, log_dir=tmp_path)
    model.fit(X, X[:, :3], epochs=3, verbose=0, callbacks=[callback])
    (file,) = tmp_path.iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found[event.step, value.tag] = float(tf.make_ndarray(value.tensor))
    assert {step for step, _ in found} == {0, 1, 2}
    rows = graph.layer_statistics(model, X).rows
    assert found[2, "fc1/dead"] == 2
    assert found[2, "fc2/mean"] == pytest.approx(rows[2].mean, rel=1e-5)

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
    callback = graph.LayerStatistics(X, log_dir=tmp_path, targets=X[:, :3])
    model.fit(X, X[:, :3], epochs=3, verbose=0, callbacks=[callback])
    (file,) = tmp_path.iterdir()
    found = {}
    for record in tf.data.TFRecordDataset(str(file)):
        event = tf.compat.v1.Event.FromString(record.numpy())
        for value in event.summary.value:
            found[event.step, value.tag] = float(tf.make_ndarray(value.tensor))
    assert {step for step, _ in found} == {0, 1, 2}
    rows = graph.layer_statistics(model, X, targets=X[:, :3], loss="mse").rows
    assert found[2, "fc1/dead"] == 2
    norm = found[2, "fc2/gradient_norm"]
    assert norm == pytest.approx(rows[2].gradient_norm, rel=1e-5) and norm > 0
    assert found[2, "fc2/mean"] == pytest.approx(rows[2].mean, rel=1e-5)


def test_norms_come_from_the_one_pass_that_reads_the_data():
    """A generator can be gone through once; its batches differ in size."""
    model = net()
    model.compile("sgd", "mse")
    y = X[:, :3] * 2
    parts = (X[a:b] for a, b in ((0, 7), (7, 20), (20, 40)))
    got = graph.layer_statistics(model, parts, targets=y, loss="mse").rows
    import tensorflow as tf

    with tf.GradientTape() as tape:
        score = tf.reduce_mean(tf.square(model(X) - y))
    slopes = tape.gradient(score, [v.value for v in model.trainable_variables])
    want = [np.sqrt(sum(np.square(g).sum() for g in slopes[i : i + 2])) for i in (0, 2, 4)]
    assert [row.gradient_norm for row in got] == pytest.approx(want, rel=1e-4)
    plain = graph.layer_statistics(model, X)
    for one, other in zip(got, plain.rows, strict=True):
        assert (one.mean, one.std) == pytest.approx((other.mean, other.std), rel=1e-5, abs=1e-7)
        assert (one.dead, one.saturated) == (other.dead, other.saturated)


@pytest.mark.parametrize(("count", "message"), [(39, "39 rows, fewer"), (41, "41 rows for 40")])
def test_targets_of_another_number(count, message):
    with pytest.raises(ValueError, match=message):
        graph.layer_statistics(net(), X, targets=np.ones((count, 3)), loss="mse")


def test_norms_on_jax_are_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="TensorFlow or PyTorch, and the backend is 'jax'"):
        graph.layer_statistics(net(), X, targets=X[:, :3], loss="mse")
    callback = graph.LayerStatistics(X, log_dir="nowhere")
    with pytest.raises(RuntimeError, match="Keras runs on jax"):
        callback.on_train_begin()


def test_an_embeddings_gradient_is_sparse():
    words = np.array([[1, 2, 2], [0, 2, 1]])
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), keras.layers.Embedding(4, 2, name="table")]
    )
    y = np.ones((2, 3, 2), "float32")
    weights = model.get_weights()[0]
    slope = np.zeros((4, 2))
    np.add.at(slope, words, 2 * (weights[words] - y) / y.size)
    row = graph.layer_statistics(model, words, targets=y, loss="mse", batch_size=1).rows[0]
    assert row.gradient_norm == pytest.approx(np.linalg.norm(slope), rel=1e-5)


def test_the_source_of_nan_inside_a_nested_model():
    inner = net()
    x = keras.Input((6,))
    model = keras.Model(x, keras.layers.Dense(2, name="after")(inner(x)))
    kernel, bias = inner.get_layer("gate").get_weights()
    inner.get_layer("gate").set_weights([kernel, bias * np.inf])
    table = graph.layer_statistics(model, X)
    assert table.nan_source == f"{inner.name}/gate"
    assert [row.name for row in table.rows][:2] == [inner.name, f"{inner.name}/fc1"]
    assert graph.layer_statistics(model, X, [inner.name, "after"]).nan_source == inner.name


def test_spread_far_from_zero_and_over_many_batches():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Rescaling(1, 3e4, name="far")])
    want = (X + np.float32(3e4)).astype("float64")
    row = graph.layer_statistics(model, X, batch_size=3).rows[0]
    assert (row.mean, row.std) == pytest.approx((want.mean(), want.std()), rel=1e-9)


def test_which_layers_can_be_dead_or_saturated():
    x = keras.Input((6,))
    layers = [
        keras.layers.ReLU(name="relu"),
        keras.layers.ReLU(6.0, name="relu6"),
        keras.layers.Activation("relu6", name="named"),
        keras.layers.ReLU(negative_slope=0.1, name="leaky"),
        keras.layers.Activation("hard_sigmoid", name="hard"),
        keras.layers.LSTM(2, name="lstm"),
    ]
    outputs = [layer(x) if "lstm" not in layer.name else layer(x[:, None]) for layer in layers]
    given = np.full((3, 6), -9.0)
    given[2, 4] = 9.0
    rows = {r.name: r for r in graph.layer_statistics(keras.Model(x, outputs), given).rows}
    assert [rows[n].dead for n in ("relu", "relu6", "named", "leaky")] == [5, 5, 5, None]
    assert rows["hard"].saturated == 1.0 and rows["lstm"].saturated is None


def test_a_subclassed_model():
    class Own(keras.Model):
        def __init__(self):
            super().__init__(name="own")
            self.a = keras.layers.Dense(3, "relu", name="a")
            self.b = keras.layers.Dense(2, name="b")

        def call(self, x):
            return self.b(self.a(x))

    model = Own()
    model(X)
    rows = graph.layer_statistics(model, X, targets=X[:, :2], loss="mse", batch_size=16).rows
    k, b = model.a.get_weights()
    assert rows[0].mean == pytest.approx(np.maximum(X @ k + b, 0).mean(), rel=1e-4)
    assert [r.name for r in rows] == ["a", "b"] and all(r.gradient_norm > 0 for r in rows)

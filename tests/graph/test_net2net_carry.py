"""What goes from a model to its successor: compilation, optimizer state, iterations."""

import keras
import numpy as np
import pytest
from random_cnns import unsettle

import graph
from graph import gModule, net2net, nn

L = keras.layers
O = keras.optimizers  # noqa: E741


def network():
    keras.utils.set_random_seed(3)
    x = keras.Input((6, 6, 2), name="x")
    y = L.Conv2D(4, 3, groups=2, activation="tanh", name="a")(x)
    y = L.BatchNormalization(name="bn")(y)
    y = L.Add()([y, L.Conv2D(4, 3, name="b")(x)])
    y = L.SeparableConv2D(3, 2, depth_multiplier=2, name="c")(y)
    y = L.LSTM(4, name="d")(L.Reshape((3, 9))(y))
    model = keras.Model(x, L.Dense(2, name="out")(y))
    unsettle(model, 3)
    return model


BATCHES = [
    (
        np.random.default_rng(i).normal(size=(5, 6, 6, 2)).astype("float32"),
        np.random.default_rng(9 + i).normal(size=(5, 2)).astype("float32"),
    )
    for i in range(3)
]
# With a learning rate of 0 the weights stay, and with them the function; the slots do not.
STILL = {
    "adam": lambda: O.Adam(0.0, amsgrad=True),
    "adamw": lambda: O.AdamW(0.0),
    "nadam": lambda: O.Nadam(0.0),
    "adamax": lambda: O.Adamax(0.0),
    "lamb": lambda: O.Lamb(0.0),
    "lion": lambda: O.Lion(0.0),
    "rmsprop": lambda: O.RMSprop(0.0, centered=True),
    "adagrad": lambda: O.Adagrad(0.0, initial_accumulator_value=0.0),
    "adadelta": lambda: O.Adadelta(0.0, epsilon=1e-15),
    "accumulating": lambda: O.Adam(0.0, gradient_accumulation_steps=2),
    "averaging": lambda: O.Adam(0.0, use_ema=True),
}


def trained(model, steps):
    for x, y in BATCHES[:steps]:
        model.train_on_batch(x, y)
    return model


def assert_same_slots(one, other, tolerance=1e-4):
    ours, its = one.optimizer.variables, other.optimizer.variables
    assert [v.shape for v in ours] == [v.shape for v in its]
    for a, b in zip(ours, its, strict=True):
        a, b = (keras.ops.convert_to_numpy(v) for v in (a, b))
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance * np.abs(a).max())


@pytest.mark.parametrize("optimizer", STILL)
def test_slots_are_those_of_a_model_that_was_wide_from_the_start(optimizer):
    narrow, wide = network(), net2net.double_width(network(), seed=4)
    for model in (narrow, wide):
        model.compile(STILL[optimizer](), "mse")
        trained(model, 3)
    assert_same_slots(wide, net2net.double_width(narrow, seed=4), 1e-3)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_of_sgd(nesterov):
    narrow, wide = network(), net2net.double_width(network(), seed=4)
    for model in (narrow, wide):
        model.compile(O.SGD(0.01, momentum=0.9, nesterov=nesterov), "mse")
        trained(model, 1)
    assert_same_slots(wide, net2net.double_width(narrow, seed=4))


def test_the_compilation_is_kept():
    model = network()
    schedule = O.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.compile(
        O.SGD(schedule),
        keras.losses.Huber(0.3),
        metrics=["mae", keras.metrics.MeanSquaredError("m")],
    )
    trained(model, 2)
    wide = net2net.wider(model, "d", 6)
    assert int(wide.optimizer.iterations) == 2
    assert wide.optimizer is not model.optimizer
    assert float(wide.optimizer.learning_rate) == pytest.approx(0.1 * 0.5**0.2)
    assert wide.loss is model.loss
    x, y = BATCHES[2]
    ours, its = (m.evaluate(x, y, verbose=0, return_dict=True) for m in (model, wide))
    assert sorted(its) == ["loss", "m", "mae"] == sorted(ours)
    for name, value in ours.items():
        assert its[name] == pytest.approx(value, rel=1e-4)
    # The metrics are their own: a pass of one model leaves those of the other.
    wide.fit(x, y, verbose=0)
    assert int(model.optimizer.iterations) == 2 and int(wide.optimizer.iterations) == 3


def test_a_changed_learning_rate_is_kept():
    model = network()
    model.compile(O.Adam(0.1), "mse")
    trained(model, 1)
    model.optimizer.learning_rate = 0.025
    assert float(net2net.wider(model, "d", 5).optimizer.learning_rate) == pytest.approx(0.025)


def test_training_goes_on_as_it_would_have():
    model = network()
    model.compile(O.Adam(1e-3), "mse")
    trained(model, 3)
    x, y = BATCHES[0]
    wide = net2net.wider(model, "c", 5)
    before = wide.evaluate(x, y, verbose=0)
    wide.fit(x, y, epochs=20, verbose=0)
    assert wide.evaluate(x, y, verbose=0) < before


def test_deeper_keeps_the_slots_and_starts_new_ones_at_0():
    model = network()
    model.compile(O.Adam(1e-3), "mse")
    trained(model, 3)
    deep = net2net.deeper(model, "b")
    assert int(deep.optimizer.iterations) == 3
    old = dict(
        zip([v.path for v in model.trainable_variables], model.optimizer._velocities, strict=True)
    )
    seen = 0
    for variable, slot in zip(deep.trainable_variables, deep.optimizer._velocities, strict=True):
        slot = keras.ops.convert_to_numpy(slot)
        if variable.path in old:
            seen += 1
            np.testing.assert_array_equal(slot, keras.ops.convert_to_numpy(old[variable.path]))
        else:
            assert "b_deeper" in variable.path and not slot.any()
    assert seen == len(old)


def test_a_gmodule_is_compiled_again():
    x = nn.Linear(3, 4)().annotate(name="hidden")
    model = gModule([x], [x - nn.Tanh() - nn.Linear(4, 2)])
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    data = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    model.fit(data, data[:, :2], verbose=0, batch_size=2)
    wide = net2net.wider(model, "hidden", 9)
    assert int(wide.optimizer.iterations) == 4
    assert wide.evaluate(data, data[:, :2], verbose=0) == pytest.approx(
        model._evaluate(data, data[:, :2], verbose=0), rel=1e-4
    )
    wide.fit(data, data[:, :2], verbose=0)


def test_a_frozen_layer_has_no_slot_and_stays_frozen():
    model = network()
    model.get_layer("b").trainable = False
    model.compile(O.Adam(0.0), "mse")
    trained(model, 2)
    wide = net2net.double_width(model)
    assert not wide.get_layer("b").trainable
    assert len(wide.optimizer._momentums) == len(model.optimizer._momentums)


def test_scaled_losses():
    model = network()
    model.compile(O.LossScaleOptimizer(O.Adam(0.0), initial_scale=64.0), "mse")
    trained(model, 2)
    wide = net2net.wider(model, "d", 7)
    assert float(wide.optimizer.dynamic_scale) == 64.0
    assert int(wide.optimizer.inner_optimizer.iterations) == 2
    assert (
        np.abs(keras.ops.convert_to_numpy(wide.optimizer.inner_optimizer._momentums[0])).max() > 0
    )


def test_an_unknown_optimizer_starts_anew_and_says_so():
    model = network()
    model.compile(O.Adafactor(0.01), "mse")
    trained(model, 2)
    with pytest.warns(UserWarning, match="the state of Adafactor starts anew.*Adam"):
        wide = net2net.wider(model, "d", 7)
    assert int(wide.optimizer.iterations) == 2
    trained(wide, 1)


def test_a_model_that_was_not_compiled_is_not():
    assert getattr(net2net.wider(network(), "d", 5), "optimizer", None) is None


def test_saved_while_training_and_loaded(tmp_path):
    model = network()
    model.compile(O.Adam(1e-3), "mse")
    wide = net2net.double_width(trained(model, 2))
    wide.save(tmp_path / "wide.keras")
    again = keras.models.load_model(tmp_path / "wide.keras")
    assert int(again.optimizer.iterations) == 2
    x, y = BATCHES[0]
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-5)
    again.fit(x, y, verbose=0)


def test_slots_of_gradients_match_tensorflow():
    import tensorflow as tf

    model = network()
    wide = net2net.double_width(model, seed=1)
    x, y = map(tf.constant, BATCHES[0])
    slopes = []
    for net in (model, wide):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((net(x, training=False) - y) ** 2)
        slopes.append(tape.gradient(loss, [v.value for v in net.trainable_variables]))
    # Along the copies the gradients add up to the old one where a weight is repeated.
    bias, wide_bias = (
        next(g for g, v in zip(s, n.trainable_variables, strict=True) if v.path == "c/bias")
        for s, n in zip(slopes, (model, wide), strict=True)
    )
    assert wide_bias.shape[0] == 2 * bias.shape[0]
    np.testing.assert_allclose(np.sum(wide_bias), np.sum(bias), rtol=1e-4)
    assert isinstance(wide, keras.Model) and not isinstance(wide, graph.GModule)

"""Keras layers and models where a module may stand."""

import gc

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn


def ramp(*shape):
    return (np.arange(np.prod(shape)) * 0.1 - 0.7).reshape(shape).astype("float32")


def test_a_layer_is_a_module_wherever_it_stands():
    x = graph.Input((3,))
    dense = keras.layers.Dense(4, activation="tanh", name="mine")
    y = x - dense - keras.layers.BatchNormalization()
    z = graph.node(keras.layers.Add())([y, graph.node(dense)(x)])
    model = gModule([x], [z])
    model.evaluate()
    data = ramp(5, 3)
    h = np.tanh(data @ np.asarray(dense.kernel))
    np.testing.assert_allclose(model.forward(data), h / np.sqrt(1.001) + h, rtol=1e-5, atol=1e-6)
    assert model.get_layer("mine") is dense
    assert len(model.parameters()[0]) == 4  # The layer that stands twice counts once.


def test_a_start_node():
    x = graph.node(keras.layers.Dense(2))()
    model = gModule([x], [x - nn.Tanh()])
    assert not model.is_lowered
    assert model.forward(ramp(4, 3)).shape == (4, 2)


def test_the_node_names_the_layer():
    x = graph.Input((3,))
    dense = keras.layers.Dense(2)
    model = gModule([x], [graph.node(dense)(x).annotate(name="fc")])
    assert model.layers[-1] is dense and dense.name == "fc"


def test_names_stay_unique():
    x = graph.Input((3,))
    y = x - keras.layers.Dense(3, name="fc") - keras.layers.Dense(3, name="fc")
    z = graph.node(keras.layers.Dense(3, name="out"))(y).annotate(name="last")
    w = (z - keras.layers.Dense(3, name="last")) - nn.Tanh()
    names = [layer.name for layer in gModule([x], [w]).layers]
    assert len(set(names)) == 6
    assert names[1] == "fc" and names[3] == "last"


def test_every_parameter_of_a_model_within_is_there():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    x = graph.Input((3,))
    model = gModule([x], [x - inner])
    variables, gradients = model.parameters()
    assert [v.shape for v in variables] == [(3, 4), (4,), (4, 2), (2,)]
    g = ramp(5, 2)
    model.forward(ramp(5, 3))
    model.backward(ramp(5, 3), g)
    np.testing.assert_allclose(gradients[3], g.sum(0), rtol=1e-5)


def test_training_reaches_the_layer(run):
    ones = np.ones((50, 100), "float32")
    dropped = run(graph.node(keras.layers.Dropout(0.5)), ones, training=True).output
    assert 0.4 < (dropped == 0).mean() < 0.6
    norm = keras.layers.BatchNormalization(momentum=0.5)
    run(graph.node(norm), 4 * ones, training=True)
    np.testing.assert_allclose(norm.moving_mean, np.full(100, 2.0))


def test_a_frozen_layer_has_no_parameters_and_stays_frozen():
    dense = keras.layers.Dense(2)
    dense.trainable = False
    x = graph.node(dense)()
    model = gModule([x], [x - nn.Linear(2, 2)])
    model.build((None, 3))
    assert not dense.trainable
    assert [v.shape for v in model.parameters()[0]] == [(2, 2), (2,)]


def test_a_layer_that_keras_refuses_is_told_with_its_node(refused):
    text = refused(graph.node(keras.layers.Conv2D(2, 3)), (4,))
    assert text.startswith("Conv2D, declared conftest.py:")
    assert "got      (None, 4) from 'given'" in text


def test_graph_node_takes_layers_and_modules_only():
    module = nn.Tanh()
    assert graph.node(module) is module
    for thing in (None, "Dense", keras.layers.Dense):
        with pytest.raises(graph.GraphError, match="stands where a module belongs"):
            graph.node(thing)


def test_another_layer_at_the_same_address_is_another_module():
    for units in range(1, 30):
        x = graph.Input((3,))
        model = gModule([x], [x - keras.layers.Dense(units)])
        assert model.output_shape == (None, units)
        del x, model
        gc.collect()

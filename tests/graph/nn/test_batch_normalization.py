"""Batch normalisation: running statistics as Torch7 keeps them, and Keras's own layer."""

import keras
import numpy as np
import pytest
from golden_torch7 import Case, check
from image_examples import ramp

import graph
from graph import GraphError, gModule, nn
from graph.nn.torch_fields import UnsupportedTorch
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject


@pytest.mark.parametrize("name", ["BatchNormalization_train", "SpatialBatchNormalization_train"])
def test_running_statistics_after_one_forward(name, tmp_path):
    case = Case("layers", name)
    layer = check(case, tmp_path).statistics_layer()
    for variable, key in (
        (layer.moving_mean, "running_mean_after"),
        (layer.moving_variance, "running_var_after"),
    ):
        np.testing.assert_allclose(variable, case.arrays(key), rtol=1e-5, atol=1e-6)


def expected(x, module, mean, variance):
    weight, bias = map(np.asarray, module.named_parameters().values())
    return (x - mean) / np.sqrt(np.asarray(variance) + module.eps) * weight + bias


def test_training(run):
    module, x = nn.SpatialBatchNormalization(3, 0.1, 0.25), ramp(4, 5, 6, 3) + 10
    model = run(module, x, training=True).model
    axes = (0, 1, 2)
    mean, variance = x.mean(axes), x.var(axes)
    layer = module.statistics_layer()
    np.testing.assert_allclose(layer.moving_mean, 0.25 * mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, 0.75 + 0.25 * x.var(axes, ddof=1), rtol=1e-5)
    y = model.training().forward(x)
    np.testing.assert_allclose(y, expected(x, module, mean, variance), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3), (1, 4, 5, 3)])
def test_a_batch_of_one_leaves_the_statistics_alone(run, shape):
    kind = nn.BatchNormalization if len(shape) == 2 else nn.SpatialBatchNormalization
    module, x = kind(3), ramp(*shape)
    layer = module.statistics_layer()
    layer.moving_mean.assign([0.1, 0.2, 0.3])
    layer.moving_variance.assign([1.0, 2.0, 3.0])
    ran = run(module, x, np.ones(shape), training=True)
    np.testing.assert_allclose(
        ran.output, expected(x, module, [0.1, 0.2, 0.3], [1, 2, 3]), rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(layer.moving_mean, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(layer.moving_variance, [1, 2, 3])
    assert np.isfinite(ran.gradInput).all() and np.isfinite(ran.gradients[0]).all()


def test_it_trains_like_torch_in_fit_too():
    features = graph.Input((3,))
    module = nn.BatchNormalization(3)
    model = gModule([features], [module(features)])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mse")
    x = ramp(8, 3)
    model.fit(x, x, batch_size=8, epochs=1, verbose=0)
    layer = module.statistics_layer()
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * x.var(0, ddof=1), rtol=1e-5)


def test_frozen_layers_do_not_learn():
    features = graph.Input((3,))
    module = nn.BatchNormalization(3)
    model = gModule([features], [module(features)])
    module.statistics_layer().trainable = False
    x = ramp(8, 3)
    np.testing.assert_allclose(model(x, training=True), model(x, training=False))
    np.testing.assert_allclose(module.statistics_layer().moving_mean, np.zeros(3))


def test_the_plain_model_has_keras_own_layer(run):
    module, x = nn.VolumetricBatchNormalization(2, 1e-3, 0.3), ramp(2, 3, 4, 5, 2)
    model = run(module, x, training=True).model
    model.evaluate()
    plain = model.to_keras()
    assert type(plain.layers[-1]) is keras.layers.BatchNormalization
    assert plain.layers[-1].momentum == pytest.approx(0.7) and plain.layers[-1].epsilon == 1e-3
    np.testing.assert_allclose(plain(x), model.forward(x), rtol=1e-5, atol=1e-6)
    assert plain.layers[-1].name == model.layers[-1].name


def test_how_it_starts():
    module = nn.BatchNormalization(1000)
    weight, bias = map(np.asarray, module.named_parameters().values())
    assert 0 <= weight.min() < 0.02 and 0.98 < weight.max() <= 1 and not bias.any()
    assert nn.BatchNormalization(3, affine=False).named_parameters() == {}


def fields(**changed):
    held = {"eps": 1e-5, "momentum": 0.1, "running_mean": ramp(3), "affine": True}
    return {**held, "weight": np.ones(3), "bias": np.zeros(3), **changed}


def test_old_files_hold_the_inverse_deviation():
    std = np.array([1.0, 0.5, 2.0])
    module = to_module(TorchObject("nn.BatchNormalization", fields(running_std=std)))
    variance = module.statistics_layer().moving_variance
    np.testing.assert_allclose(variance, std**-2.0 - 1e-5, rtol=1e-6)


def test_mistakes(refused):
    assert "takes samples of 3 features" in refused(nn.BatchNormalization(3), (4,))
    assert "takes images of 3 planes" in refused(nn.SpatialBatchNormalization(3), (4, 5, 2))
    assert "takes volumes" in refused(nn.VolumetricBatchNormalization(3), (4, 5, 3))
    with pytest.raises(GraphError, match="BatchNormalization: eps must be a number of at least 0"):
        nn.BatchNormalization(3, -1)
    with pytest.raises(UnsupportedTorch, match="'running_var' of nn.Batch.* has shape"):
        to_module(TorchObject("nn.BatchNormalization", fields(running_var=np.ones(4))))

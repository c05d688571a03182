"""WeightNorm and LinearWeightNorm: the weight that they make, its gradients, and their files."""

import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject, TorchStorage


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


def rows_of(module):
    """`v` and `g` with new values, and the rows that they make."""
    named = module.named_parameters()
    v = ramp(*named["v"].shape) + 0.2
    g = ramp(*named["g"].shape) + 2
    named["v"].assign(v)
    named["g"].assign(g)
    return g * v / np.sqrt((v**2).sum(1, keepdims=True) + 1e-4)


X = ramp(4, 6)


def test_rows_of_a_linear(run):
    child = nn.Linear(6, 3)
    module = nn.WeightNorm(child)
    weight = rows_of(module)
    child.named_parameters()["bias"].assign([1, 2, 3])
    g = ramp(4, 3)
    ran = run(module, X, g)
    np.testing.assert_allclose(ran.output, X @ weight.T + [1, 2, 3], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ran.gradInput, g @ weight, rtol=1e-5, atol=1e-6)
    assert list(module.named_parameters()) == ["v", "g", "bias"]
    assert [p.shape for p in ran.model.parameters()[0]] == [(3, 6), (3, 1), (3,)]
    # The slope of g is that along the direction of each row.
    direction = weight / (ramp(3, 1) + 2)
    expected = ((g.T @ X) * direction).sum(1, keepdims=True)
    np.testing.assert_allclose(ran.gradients[1], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ran.gradients[2], g.sum(0), rtol=1e-5, atol=1e-6)


def test_columns_of_a_linear(run):
    module = nn.WeightNorm(nn.Linear(6, 3, False), 2)
    columns = rows_of(module)
    assert columns.shape == (6, 3)
    np.testing.assert_allclose(run(module, X).output, X @ columns, rtol=1e-5, atol=1e-6)


def test_planes_of_a_convolution(run):
    child = nn.SpatialConvolution(2, 3, 3, 2, 1, 1, 1)
    module = nn.WeightNorm(child)
    weight = rows_of(module).reshape(3, 2, 2, 3)
    x = ramp(2, 4, 5, 2)
    output = run(module, x).output
    plain = nn.SpatialConvolution(2, 3, 3, 2, 1, 1, 1)
    named = plain.named_parameters()
    named["weight"].assign(plain.parameter_from_torch("weight", weight))
    named["bias"].assign(np.zeros(3))
    np.testing.assert_allclose(output, run(plain, x).output, rtol=1e-5, atol=1e-6)


def test_the_childs_own_weight_is_no_parameter():
    x = graph.Input((6,))
    model = gModule([x], [nn.WeightNorm(nn.Linear(6, 3))(x)])
    assert sorted(w.name for w in model.trainable_weights) == ["bias", "g", "v"]
    model.compile("sgd", "mse")
    before = [v.numpy() for v in model.parameters()[0]]
    model.fit(X, ramp(4, 3), verbose=0)
    after = model.parameters()[0]
    assert all((a != np.asarray(b)).any() for a, b in zip(before, after, strict=True))
    copy = model.clone()
    np.testing.assert_allclose(copy.predict(X, verbose=0), model.predict(X, verbose=0))
    plain = model.to_keras()
    np.testing.assert_allclose(plain(X), model(X), rtol=1e-5, atol=1e-6)
    assert sorted(w.name for w in plain.trainable_weights) == ["bias", "kernel"]


def test_one_module_in_two_places():
    a, b = graph.Input((3, 4, 2)), graph.Input((5, 6, 2))
    module = nn.WeightNorm(nn.SpatialConvolution(2, 3, 2, 2))
    model = gModule([a, b], [module(a), module(b)])
    assert len(model.parameters()[0]) == 3
    y, z = model.forward(
        [ramp(1, 3, 4, 2), np.pad(ramp(1, 3, 4, 2), ((0,) * 2, (0, 2), (0, 2), (0,) * 2))]
    )
    np.testing.assert_allclose(z[:, :2, :3], y, rtol=1e-5, atol=1e-6)


def test_start_as_in_torch():
    named = nn.WeightNorm(nn.Linear(200, 300)).named_parameters()
    v = np.asarray(named["v"])
    assert abs(v.std() - 0.1) < 0.002 and abs(v.mean()) < 0.002
    norms = np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(named["g"], norms, rtol=1e-5)
    np.testing.assert_array_equal(named["bias"], 0)
    other = nn.WeightNorm(nn.Linear(200, 300)).named_parameters()["v"]
    assert (np.asarray(other) != v).all()

    named = nn.LinearWeightNorm(25, 400).named_parameters()
    v = np.asarray(named["v"])
    assert 0.19 < np.abs(v).max() <= 0.2
    norms = np.linalg.norm(v, axis=1, keepdims=True)
    np.testing.assert_allclose(named["g"], norms, rtol=1e-5)
    assert (v[:, 0] != np.asarray(named["bias"])).all()


@pytest.mark.parametrize("outputDim", [1, 2, 3])
def test_a_file_has_no_weight(outputDim, run):
    size = [3, 2, 2, 3]  # Torch's weight of SpatialConvolution(2, 3, 3, 2).
    order = [outputDim - 1, *(i for i in range(4) if i != outputDim - 1)]
    view = [size[i] for i in order]
    v = ramp(view[0], int(np.prod(view[1:])))
    fields = {"nInputPlane": 2, "nOutputPlane": 3, "kW": 3, "kH": 2}
    child = TorchObject("nn.SpatialConvolution", {**fields, "dW": 1, "dH": 1, "bias": ramp(3)})
    norm = {
        "v": v,
        "g": ramp(view[0], 1) + 2,
        "bias": child["bias"],
        "outputDim": outputDim,
        "viewOut": TorchStorage(np.array(view)),
        "modules": [child],
    }
    module = to_module(TorchObject("nn.WeightNorm", norm))
    assert child.get("weight") is None
    rows = (ramp(view[0], 1) + 2) * v / np.sqrt((v**2).sum(1, keepdims=True) + 1e-4)
    weight = rows.reshape(view).transpose(np.argsort(order))
    x = ramp(2, 4, 5, 2)
    patches = np.stack([x[:, i : i + 3, j : j + 3] for i in range(2) for j in range(3)], -1)
    kernel = weight.transpose(1, 2, 3, 0).reshape(2, 6, 3)
    expected = np.einsum("bhwck,cko->bhwo", patches, kernel) + ramp(3)
    np.testing.assert_allclose(run(module, x).output, expected, rtol=1e-5, atol=1e-6)
    assert module.parameter_to_torch("v", v).shape == tuple(view)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_weight_norm(run, bias):
    module = nn.LinearWeightNorm(6, 3, bias, 1.5)
    v, g, *rest = module.named_parameters().values()
    v.assign(ramp(3, 6) * [[0.5], [4], [0]])
    g.assign([[2], [-3], [4]])
    norm = np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1.5)
    assert (norm[:, 0] == 1.5).tolist() == [True, False, True]
    weight = np.asarray(g) * np.asarray(v) / norm
    d = ramp(4, 3)
    ran = run(module, X, d)
    expected = X @ weight.T + (np.asarray(rest[0]) if bias else 0)
    np.testing.assert_allclose(ran.output, expected, rtol=1e-5, atol=1e-6)
    # As Torch: the norm has a slope even where it is held at eps.
    direct = d.T @ X
    gradG = (direct * np.asarray(v) / norm).sum(1, keepdims=True)
    gradV = direct * np.asarray(g) / norm - np.asarray(v) * np.asarray(g) / norm**2 * gradG
    np.testing.assert_allclose(ran.gradients[1], gradG, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ran.gradients[0], gradV, rtol=1e-4, atol=1e-6)
    assert len(ran.gradients) == 2 + bias


def test_mistakes(refused):
    assert "child 1 (Linear)" in refused(nn.WeightNorm(nn.Linear(6, 3)), (5,))
    assert "takes samples of 6 features" in refused(nn.LinearWeightNorm(6, 3), (5,))
    with pytest.raises(
        graph.GraphError, match="nn.WeightNorm needs a module with a weight, got nn."
    ):
        nn.WeightNorm(nn.Tanh())
    with pytest.raises(graph.GraphError, match="has 2 dimensions, got outputDim 3"):
        nn.WeightNorm(nn.Linear(6, 3), 3)
    with pytest.raises(ValueError, match="has no parameters 'v' and 'g'"):
        to_module(TorchObject("nn.WeightNorm", {"modules": [TorchObject("nn.Linear", {})]}))

"""What every image network of the zoo takes: maps by stage, weights from a file."""

import numpy as np
import pytest

import zoo

BUILDERS = {
    "tiny_darknet": (zoo.TinyDarknet, (32, 32, 3), ["pool1", "pool2", "pool3", "pool4", "leaky15"]),
    "selfie": (
        lambda **k: zoo.TinyDarknet(variant="selfie", **k),
        (32, 32, 3),
        ["pool1", "pool2", "pool3", "pool4", "elu16"],
    ),
    "darknet_reference": (zoo.DarknetReference, (64, 64, 3), None),
    "cnn_m": (zoo.CNNM2048, (59, 59, 3), ["pool1", "pool2", "pool5"]),
}


@pytest.mark.parametrize("name", BUILDERS)
def test_maps_by_stage_are_those_of_the_network(name, tmp_path):
    build, shape, stages = BUILDERS[name]
    trunk = build(include_top=False, input_shape=shape)
    trunk.save_weights(tmp_path / "trunk.weights.h5")
    maps = build(features_only=True, input_shape=shape, weights=tmp_path / "trunk.weights.h5")
    x = np.random.default_rng(0).random((2, *shape), "float32")
    found = maps.predict(x, verbose=0)
    if stages is not None:
        assert list(found) == stages
    sides = [values.shape[1] for values in found.values()]
    assert sides == sorted(sides, reverse=True) and len(sides) > 2
    last = list(found.values())[-1]
    np.testing.assert_allclose(last, trunk.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_weights_of_several_branches(tmp_path):
    model = zoo.MDNet(2, input_shape=(75, 75, 3))
    model.save_weights(tmp_path / "net.weights.h5")
    same = zoo.MDNet(2, input_shape=(75, 75, 3), weights=tmp_path / "net.weights.h5")
    for a, b in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    (tmp_path / "bad.weights.h5").write_bytes(b"no weights")
    with pytest.raises(zoo.weights.WeightsError, match="bad"):
        zoo.MDNet(2, input_shape=(75, 75, 3), weights=tmp_path / "bad.weights.h5")

"""What every image network of the zoo takes: maps by stage, weights from a file."""

from functools import partial

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


BRANCHED = {
    "mdnet": partial(zoo.MDNet, input_shape=(75, 75, 3)),
    "two_streams": partial(zoo.TwoStreamFusion, input_shape=(59, 59, 3), flow_frames=1),
    "language_model": partial(zoo.LSTMLanguageModel, hidden=8, layers=2),
    "cell": partial(zoo.LSTM, hidden=4, layers=2),
}
SIZE = {
    "mdnet": "domains",
    "two_streams": "classes",
    "language_model": "vocabulary",
    "cell": "input_size",
}


@pytest.mark.parametrize("suffix", [".weights.h5", ".keras"])
@pytest.mark.parametrize("name", BRANCHED)
def test_weights_of_several_branches(name, suffix, tmp_path):
    """Also of models in models, and of layers that hold others, whose own group is empty."""
    build, file = BRANCHED[name], str(tmp_path / f"net{suffix}")
    model = build(**{SIZE[name]: 5})
    (model.save_weights if "weights" in suffix else model.save)(file)
    same = build(**{SIZE[name]: 5}, weights=file)
    for a, b in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    other = zoo.LeNet5()
    before = other.get_weights()
    with pytest.raises(zoo.weights.WeightsError, match="does not fit lenet5"):
        zoo.load_weights(other, file)
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    (tmp_path / "bad.weights.h5").write_bytes(b"no weights")
    with pytest.raises(zoo.weights.WeightsError, match="bad"):
        build(**{SIZE[name]: 5}, weights=tmp_path / "bad.weights.h5")

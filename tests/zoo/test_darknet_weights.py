"""Damaged and unusual `.weights` files, and which variable each number goes to."""

import pickle
import struct

import keras
import numpy as np
import pytest
from darknet_cases import Case, assert_close, expectations, oracle
from darknet_naive import write_weights

import graph
from graph import gModule, nn
from zoo import LeNet5, TinyDarknet, from_darknet
from zoo.weights import load_weights
from zoo.weights.darknet import DarknetWeightsError, plan, read_header, recognises

MALFORMED = oracle() / "malformed"
TINY = [p.name for p in sorted((MALFORMED / "tiny").iterdir())]


@pytest.fixture(scope="module")
def models():
    made = {name: from_darknet(Case(name).cfg) for name in ("slim_mix", "lenet_28", "layers")}
    return {**made, "tiny": TinyDarknet(input_shape=(32, 32, 3))}


def refused(model, path):
    """The error of a file, after which the model is as it was, bit for bit."""
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(DarknetWeightsError) as caught:
        load_weights(model, path)
    for a, b in zip(before, model.get_weights(), strict=True):
        assert a.tobytes() == b.tobytes()
    error = caught.value
    assert error.path == str(path)
    assert str(error).startswith(f"{path}: byte {error.offset}: ")
    assert 0 <= error.offset <= path.stat().st_size
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # As between processes.
    return error


@pytest.mark.parametrize(
    ("folder", "name", "loads"),
    [(f, name, loads) for f in ("slim_mix", "lenet_28") for name, loads in expectations(f)],
)
def test_unusual_files(models, folder, name, loads):
    path = MALFORMED / folder / name
    model = models[folder]
    if not loads:
        refused(model, path)
        return
    load_weights(model, path)
    case = Case(folder)
    last = case.layers[-1]
    assert_close(model.predict(case.input, verbose=0), case.expected(last), name)


@pytest.mark.parametrize("name", TINY)
def test_files_that_are_not_tiny_darknets(models, name):
    refused(models["tiny"], MALFORMED / "tiny" / name)


@pytest.mark.parametrize("cut", [*range(25), 59, 60, 61, 1000, 45559])
def test_cut_anywhere(models, cut, tmp_path):
    path = tmp_path / "cut.weights"
    path.write_bytes(Case("slim_mix").weights.read_bytes()[:cut])
    assert refused(models["slim_mix"], path).offset == cut


def changed(tmp_path, offset, new):
    content = bytearray(Case("slim_mix").weights.read_bytes())
    content[offset : offset + len(new)] = new
    path = tmp_path / "changed.weights"
    path.write_bytes(bytes(content))
    return path


# conv1 of slim_mix: 12 biases, scales, means and variances from byte 20 on, then the kernels.
@pytest.mark.parametrize(
    ("offset", "number", "words"),
    [
        (20 + 4 * 3, float("nan"), "number 4 of 12 of conv1 biases is nan"),
        (20 + 4 * 12, float("inf"), "number 1 of 12 of conv1 scales is inf"),
        (20 + 4 * 47, -0.5, "number 12 of 12 of conv1 rolling_variance is -0.5, below 0"),
        (20 + 4 * 48, float("-inf"), "number 1 of 324 of conv1 weights"),
    ],
)
def test_numbers_that_cannot_be(models, tmp_path, offset, number, words):
    error = refused(models["slim_mix"], changed(tmp_path, offset, struct.pack("<f", number)))
    assert error.offset == offset and words in str(error)


@pytest.mark.parametrize(
    ("folder", "name", "words"),
    [
        ("slim_mix", "bad_empty.weights", "byte 0: the file is empty"),
        ("slim_mix", "bad_header_10bytes.weights", "byte 10: the file ends within the version"),
        ("slim_mix", "bad_header_14bytes.weights", "ends within the header of 20 bytes"),
        ("slim_mix", "bad_header_only_20.weights", "byte 20: the file ends before conv1 biases"),
        ("slim_mix", "bad_html_error_page.weights", "this is text, no weights; it begins"),
        ("slim_mix", "bad_trailing_1byte.weights", "1 bytes follow fc2 weights"),
        ("slim_mix", "bad_negative_version.weights", "version -3.-7.0 never was"),
        ("slim_mix", "bad_big_endian.weights", "version 0.33554432.0 never was"),
        ("slim_mix", "bad_header_v0.1_says_but_20bytes.weights", "with 20 the size would fit"),
        ("slim_mix", "bad_header_v0.2_says_but_16bytes.weights", "with 16 the size would fit"),
        ("tiny", "other_network.weights", "bytes into conv"),
        ("tiny", "cut_between_layers.weights", "byte 2004: the file ends"),
    ],
)
def test_what_errors_say(models, folder, name, words):
    assert words in str(refused(models[folder], MALFORMED / folder / name))


def test_a_missing_file(models, tmp_path):
    with pytest.raises(FileNotFoundError):
        load_weights(models["slim_mix"], tmp_path / "none.weights")


def test_headers(tmp_path):
    path = tmp_path / "a.weights"
    for version, seen, size, transposed in (
        ((0, 1, 0), 2**31 - 1, 16, False),
        ((0, 2, 5), 2**40, 20, False),
        ((1, 0, 0), 2**33, 20, False),
        ((1000, 0, 0), 5, 16, False),
        ((0, 1001, 0), 5, 16, True),
        ((1001, 2, 0), 5, 16, True),
    ):
        write_weights(path, [], version=version, seen=seen)
        header = read_header(path)
        assert (header.major, header.minor, header.revision) == version
        assert (header.seen, header.size, header.transposed) == (seen, size, transposed)
        assert path.stat().st_size == size


def test_the_plan_is_in_keras_layout_and_assigns_nothing(models):
    model, case = models["layers"], Case("layers")
    before = model.get_weights()
    planned = plan(model, case.weights)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert {id(v) for v, _, _ in planned} == {id(v) for v in model.weights}
    assert all(tuple(v.shape) == a.shape and a.dtype == "float32" for v, a, _ in planned)
    arrays = {name: array for _, array, name in planned}
    numbers = np.fromfile(case.weights, "<f4", offset=20)
    np.testing.assert_array_equal(arrays["conv1 biases"], numbers[:6])
    np.testing.assert_array_equal(arrays["conv1 rolling_variance"], numbers[18:24])
    kernel = numbers[24 : 24 + 6 * 27].reshape(6, 3, 3, 3)
    np.testing.assert_array_equal(arrays["conv1 weights"][2, 1, 0, 4], kernel[4, 0, 2, 1])
    last = numbers[-7 * 12 - 21 : -21].reshape(7, 12)  # Scales, means, variances follow.
    np.testing.assert_array_equal(arrays["fc2 weights"], last.T)


def by_hand(norm, *, top=True):
    """`layers` of a convolution and a linear layer, made without `from_darknet`."""
    x = graph.Input((4, 5, 2))
    y = x - nn.SpatialConvolution(2, 3, 3, 3, 1, 1, 1, 1, bias=norm is None)
    y = y - norm if norm is not None else y
    y = y - nn.LeakyReLU(0.1)
    return gModule([x], [y - nn.View(60) - nn.Linear(60, 4) if top else y])


def weights_by_hand(tmp_path, norm=True):
    rng = np.random.default_rng(0)
    arrays = {"biases": rng.normal(size=3)}
    if norm:
        arrays |= {"scales": rng.uniform(0.5, 1, 3), "rolling_mean": rng.normal(size=3)}
        arrays |= {"rolling_variance": np.array([0.5, 0.0, 1e-9])}
        arrays["scales"][1:] *= 1e-4
    arrays["weights"] = rng.normal(size=(3, 2, 3, 3))
    top = {"biases": rng.normal(size=4), "weights": rng.normal(size=(4, 60))}
    every = [{n: a.astype("float32") for n, a in part.items()} for part in (arrays, top)]
    write_weights(tmp_path / "hand.weights", every)
    return tmp_path / "hand.weights", every


@pytest.mark.parametrize(
    "norm",
    [nn.SpatialBatchNormalization(3), keras.layers.BatchNormalization(epsilon=1e-3)],
    ids=["torch", "keras"],
)
def test_stock_batch_normalisation_is_equal_in_inference(norm, tmp_path):
    path, every = weights_by_hand(tmp_path)
    model = by_hand(norm)
    load_weights(model, path)
    x = np.random.default_rng(1).normal(size=(2, 4, 5, 2)).astype("float32")
    conv = keras.Model(model.inputs, model.layers[1].output).predict(x, verbose=0)
    bn = keras.Model(model.inputs, model.layers[2].output).predict(x, verbose=0)
    w = every[0]
    spread = np.sqrt(w["rolling_variance"].astype("float64")) + 1e-6
    expected = (conv - w["rolling_mean"]) / spread * w["scales"] + w["biases"]
    np.testing.assert_allclose(bn, expected, rtol=1e-4, atol=1e-4)


def test_models_that_no_file_fits(tmp_path):
    path, _ = weights_by_hand(tmp_path)
    x = graph.Input((4, 5, 2))
    y = x - nn.SpatialConvolution(2, 3, 1, 1, bias=False) - nn.PReLU()
    with pytest.raises(ValueError) as caught:
        plan(gModule([x], [y]), path)
    assert "(ModuleLayer) is of another kind" in str(caught.value)
    assert "'spatial_convolution' has no bias" in str(caught.value)
    biased = graph.Input((4, 5, 2))
    z = biased - nn.SpatialConvolution(2, 3, 1, 1) - nn.SpatialBatchNormalization(3)
    with pytest.raises(ValueError, match="'spatial_convolution', which has a bias already"):
        plan(gModule([biased], [z]), path)
    alone = graph.Input((4, 5, 2))
    with pytest.raises(ValueError, match="of its own, but reads no convolution"):
        plan(gModule([alone], [alone - nn.SpatialBatchNormalization(2)]), path)
    for norm, words in (
        (keras.layers.BatchNormalization(scale=False), "has no scale"),
        (keras.layers.BatchNormalization(center=False), "has no bias"),
    ):
        with pytest.raises(ValueError, match=words):
            plan(by_hand(norm), path)
    with pytest.raises(ValueError, match=r"graph\.GModule whose shapes are known"):
        plan(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), path)


def test_any_model_of_such_layers(tmp_path):
    case = Case("lenet_28")
    model = LeNet5(input_shape=(28, 28, 1), weights=None)
    with pytest.raises(DarknetWeightsError):
        load_weights(model, case.weights)  # Its first convolution is padded, so that fc3 is larger.
    path, every = weights_by_hand(tmp_path, norm=False)
    model = by_hand(None)
    assert load_weights(model, path).loaded[-1].source == "linear biases"
    np.testing.assert_array_equal(model.layers[-1].kernel, every[1]["weights"].T)


def test_what_looks_like_darknets(tmp_path):
    for name, loads in expectations("slim_mix"):
        path = MALFORMED / "slim_mix" / name
        if loads:
            assert recognises(path.read_bytes()[:64], path.stat().st_size)
    for name in ("bad_empty", "bad_html_error_page", "bad_big_endian", "bad_header_10bytes"):
        path = MALFORMED / "slim_mix" / f"{name}.weights"
        assert not recognises(path.read_bytes()[:64], path.stat().st_size)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    for file in ("a.keras", "a.weights.h5"):
        model.save(tmp_path / file) if file == "a.keras" else model.save_weights(tmp_path / file)
    np.save(tmp_path / "a.npy", np.ones(9))
    np.savez(tmp_path / "a.npz", a=np.ones(9))
    from graph.torch7 import TorchObject, save

    save(tmp_path / "a.t7", TorchObject("nn.Tanh"))
    for file in ("a.keras", "a.weights.h5", "a.npy", "a.npz", "a.t7"):
        content = (tmp_path / file).read_bytes()
        assert not recognises(content[:64], len(content)), file

"""`TinyDarknet` and `DarknetReference`: the same networks as Darknet's own cfg files."""

import keras
import numpy as np
import pytest
from darknet_cases import oracle

from zoo import DarknetReference, DarknetWeightsError, TinyDarknet, from_darknet

NETWORKS = [(TinyDarknet, "tiny.cfg"), (DarknetReference, "darknet.cfg")]


def kernels(chain):
    """Weights and maps of convolutions (side, in, out)."""
    return sum(k * k * c * n for k, c, n in chain), sum(n for *_, n in chain)


def pairs(planes, *steps):
    chain = []
    for few, many in steps:
        chain += [(1, planes, few), (3, few, many), (1, many, few), (3, few, many)]
        planes = many
    return chain


TINY = [(3, 3, 16), (3, 16, 32), *pairs(32, (16, 128), (32, 256), (64, 512)), (1, 512, 128)]
REFERENCE = [(3, c, n) for c, n in zip([3, 16, 32, 64, 128, 256, 512],
                                       [16, 32, 64, 128, 256, 512, 1024], strict=True)]  # fmt: skip


def test_parameters():
    weights, maps = kernels(TINY)
    assert (weights, maps) == (908_720, 2_192)
    tiny = TinyDarknet()
    assert tiny.count_params() == weights + 4 * maps + 129 * 1000 == 1_046_488
    assert TinyDarknet(classes=7).count_params() == weights + 4 * maps + 129 * 7
    selfie = TinyDarknet(variant="selfie")
    more, all_maps = kernels([*TINY, (3, 128, 1024)])
    assert selfie.count_params() == more + all_maps + 1024 + 1 == 2_092_609
    weights, maps = kernels(REFERENCE)
    assert DarknetReference().count_params() == weights + 4 * maps + 1025 * 1000 == 7_323_480


def layer_names(model):
    return [layer.name for layer in model.layers if "_pad" not in layer.name]


def test_layers_are_named_in_order():
    names = layer_names(TinyDarknet())
    assert names[:9] == "image conv1 bn1 leaky1 pool1 conv2 bn2 leaky2 pool2".split()
    assert names[-6:] == "conv15 bn15 leaky15 conv16 avgpool predictions".split()
    assert [n for n in names if "pool" in n] == ["pool1", "pool2", "pool3", "pool4", "avgpool"]
    names = layer_names(TinyDarknet(variant="selfie"))
    assert names[-5:] == "conv16 elu16 avgpool dropout fc".split() and "bn1" not in names
    names = layer_names(DarknetReference())
    assert names[-7:] == "conv7 bn7 leaky7 avgpool conv8 flatten predictions".split()


@pytest.mark.parametrize(("make", "cfg"), NETWORKS)
def test_is_the_network_of_the_cfg_file(make, cfg, tmp_path):
    shape = (40, 57, 3)  # Odd: each pooling keeps the last row or column.
    ours, theirs = make(input_shape=shape), from_darknet(oracle() / cfg, input_shape=shape)
    path = tmp_path / "net.weights"
    numbers = np.random.default_rng(0).uniform(0.01, 0.1, ours.count_params())
    with path.open("wb") as stream:
        np.array([0, 1, 0, 7], "<i4").tofile(stream)
        numbers.astype("<f4").tofile(stream)
    ours, theirs = make(weights=path, input_shape=shape), from_darknet(
        oracle() / cfg, path, input_shape=shape
    )  # fmt: skip
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    shrunk = [w * 1e-3 if w.ndim == 4 else w for w in ours.get_weights()]
    ours.set_weights(shrunk)
    theirs.set_weights(shrunk)
    x = np.random.default_rng(1).uniform(0, 1, (2, *shape)).astype("float32")
    y = ours.predict(x, verbose=0)
    np.testing.assert_allclose(y.sum(1), 1, rtol=1e-5)
    assert y.std() > 0
    np.testing.assert_array_equal(y, theirs.predict(x, verbose=0))


@pytest.mark.parametrize("make", [TinyDarknet, DarknetReference])
def test_weights_without_the_top(make, tmp_path):
    trunk = make(include_top=False, input_shape=(20, 20, 3))
    count, top = trunk.count_params(), trunk.output_shape[-1] + 1
    numbers = np.random.default_rng(0).uniform(0.01, 0.1, count + 5 * top).astype("<f4")
    path = tmp_path / "net.weights"

    def write(length):
        header = np.array([0, 1, 0, 7], "<i4").tobytes()
        path.write_bytes(header + numbers[:length].tobytes())

    write(count + 5 * top)  # With a classifier for 5 classes, or none.
    whole = make(include_top=False, input_shape=(20, 20, 3), weights=path).get_weights()
    write(count)
    alone = make(include_top=False, input_shape=(20, 20, 3), weights=path).get_weights()
    for a, b in zip(whole, alone, strict=True):
        np.testing.assert_array_equal(a, b)
    for length in (count + 1, count - 1, count + top - 1):
        write(length)
        with pytest.raises(DarknetWeightsError, match="net.weights: byte"):
            make(include_top=False, input_shape=(20, 20, 3), weights=path)
    write(count + 5 * top)
    with pytest.raises(DarknetWeightsError, match="bytes into conv"):
        make(classes=6, input_shape=(20, 20, 3), weights=path)
    make(classes=5, input_shape=(20, 20, 3), weights=path)


@pytest.mark.parametrize(
    ("make", "arguments", "shape"),
    [
        (TinyDarknet, {}, (None, 2, 3, 128)),
        (TinyDarknet, {"pooling": "avg"}, (None, 128)),
        (TinyDarknet, {"pooling": "max", "variant": "selfie"}, (None, 1024)),
        (DarknetReference, {}, (None, 1, 1, 1024)),
        (DarknetReference, {"pooling": "max"}, (None, 1024)),
    ],
)
def test_without_top(make, arguments, shape):
    model = make(include_top=False, input_shape=(32, 40, 3), **arguments)
    assert model.output_shape == shape


def test_defaults_and_logits():
    assert TinyDarknet().input_shape == (None, 224, 224, 3)
    assert DarknetReference().input_shape == (None, 256, 256, 3)
    arguments = {"input_shape": (16, 16, 1), "classes": 3}
    for make in (TinyDarknet, DarknetReference):
        logits = make(classifier_activation=None, **arguments)
        assert "predictions" not in layer_names(logits) and logits.output_shape == (None, 3)
    score = TinyDarknet(variant="selfie", classifier_activation="sigmoid", name="selfie")
    assert score.name == "selfie" and score.layers[-1].name == "predictions"


def test_the_users_own_input():
    image = keras.Input((33, 33, 3))
    base = TinyDarknet(input_tensor=keras.layers.Rescaling(1 / 255)(image), classes=2)
    assert base.layers[1].__class__.__name__ == "Rescaling" and base.output_shape == (None, 2)


def test_selfie_trains(tmp_path):
    model = TinyDarknet(variant="selfie", input_shape=(24, 24, 3))
    model.compile("adam", keras.losses.Huber())
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1, (8, 24, 24, 3)).astype("float32"), rng.normal(size=(8, 1))
    before = model.get_weights()
    history = model.fit(x, y, epochs=2, batch_size=4, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert not np.array_equal(before[0], model.get_weights()[0])
    model.save(tmp_path / "selfie.keras")
    again = keras.saving.load_model(tmp_path / "selfie.keras")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_darknet_trains():
    model = TinyDarknet(input_shape=(16, 24, 3), classes=3)
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0, 1, (8, 16, 24, 3)).astype("float32"), rng.integers(0, 3, 8)
    before = model.get_layer("bn15").get_weights()
    losses = model.fit(x, y, epochs=4, batch_size=8, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[-1] < losses[0]
    for a, b in zip(before, model.get_layer("bn15").get_weights(), strict=True):
        assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (TinyDarknet, {"variant": "large"}, "'darknet' or 'selfie', got 'large'"),
        (TinyDarknet, {"batch_norm_epsilon": "beside"}, "'outside' or 'inside'"),
        (DarknetReference, {"batch_norm_epsilon": 1e-3}, "'outside' or 'inside'"),
        (TinyDarknet, {"input_shape": (8, 8)}, "height, width, channels"),
        (DarknetReference, {"input_shape": (0, 8, 3)}, "at least 1 pixels"),
        (DarknetReference, {"pooling": "sum", "include_top": False}, "got 'sum'"),
        (TinyDarknet, {"classifier_activation": "best"}, "best"),
        (TinyDarknet, {"weights": "none.weights"}, "no weights file 'none.weights'"),
    ],
)
def test_bad_arguments(make, arguments, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        make(**arguments)

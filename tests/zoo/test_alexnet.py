import pickle

import keras
import numpy as np
import pytest
from zoo_weights import (
    CAFFE,
    TORCHVISION,
    ZOO,
    alexnet_arrays,
    image,
    python2_pickle,
    write_npy,
    write_safetensors,
)  # fmt: skip

from zoo import AlexNet, alexnet, load_weights

FEATURES = {"include_top": False, "input_shape": (67, 67, 3)}


@pytest.fixture(scope="module")
def full():
    return AlexNet()


def test_parameters(full):
    assert full.count_params() == 62_378_344


@pytest.mark.parametrize(("variant", "count"), [("paper", 60_965_224), ("torchvision", 61_100_840)])
def test_parameters_of_variants(variant, count):
    assert AlexNet(variant=variant).count_params() == count


@pytest.mark.parametrize(
    ("name", "side", "planes"),
    [
        ("conv1", 55, 96),
        ("pool1", 27, 96),
        ("conv2", 27, 256),
        ("pool2", 13, 256),
        ("conv3", 13, 384),
        ("conv4", 13, 384),
        ("conv5", 13, 256),
        ("pool5", 6, 256),
    ],
)
def test_output_size_layer_by_layer(full, name, side, planes):
    assert full.get_layer(name).output.shape == (None, side, side, planes)


def test_linear_layers(full):
    assert [full.get_layer(n).units for n in ("fc6", "fc7", "fc8")] == [4096, 4096, 1000]


def test_output_is_a_distribution(full):
    x = np.random.default_rng(0).normal(size=(1, 227, 227, 3)).astype("float32")
    y = full.predict(x, verbose=0)
    assert y.shape == (1, 1000)
    np.testing.assert_allclose(y.sum(), 1, rtol=1e-5)
    assert y.std() > 0


def test_input_tensor_keeps_the_users_layers():
    image = keras.Input((67, 67, 3))
    base = AlexNet(
        include_top=False, pooling="avg", input_tensor=keras.layers.Rescaling(2.0)(image)
    )
    model = keras.Model(image, keras.layers.Dense(3)(base.output))
    assert [type(layer).__name__ for layer in base.layers[:2]] == ["InputLayer", "Rescaling"]
    assert model.output_shape == (None, 3)


def test_weights_from_files(tmp_path):
    arguments = FEATURES
    one = AlexNet(**arguments)
    for file in ("a.weights.h5", "a.keras"):
        path = tmp_path / file
        one.save(path) if file.endswith(".keras") else one.save_weights(path)
        other = AlexNet(weights=path, **arguments)
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_weights_of_another_network_are_refused(tmp_path):
    from zoo import LeNet5

    LeNet5().save(tmp_path / "lenet.keras")
    LeNet5().save_weights(tmp_path / "lenet.weights.h5")
    for file in ("lenet.keras", "lenet.weights.h5"):
        with pytest.raises(ValueError, match=file):
            AlexNet(**FEATURES, weights=tmp_path / file)
    (tmp_path / "notes.txt").write_text("no weights")
    with pytest.raises(ValueError, match="notes.txt"):
        AlexNet(**FEATURES, weights=tmp_path / "notes.txt")


def test_preprocess_input_is_kerass_caffe_mode():
    x = np.zeros((1, 1, 1, 3), "float32")
    x[..., 0] = 255  # red comes last in BGR
    np.testing.assert_allclose(
        alexnet.preprocess_input(x.copy()).ravel(), [-103.939, -116.779, 255 - 123.68], rtol=1e-5
    )


def test_preprocess_input_of_torchvision_is_kerass_torch_mode():
    x = np.array([255, 0, 51], "float32").reshape(1, 1, 1, 3)
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    got = alexnet.preprocess_input(x.copy(), variant="torchvision").ravel()
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def state_dict(layers=8, seed=7):
    arrays = alexnet_arrays("torchvision", layers, seed)
    named = zip(TORCHVISION, arrays, strict=False)
    return {f"{n}.{k}": a for n, p in named for k, a in zip(("weight", "bias"), p, strict=True)}


@pytest.fixture(scope="module")
def torchvision_file(tmp_path_factory):
    return write_safetensors(tmp_path_factory.mktemp("alexnet") / "t.safetensors", state_dict())


def check(model, case, x):
    """Logits and a sample of the last maps, as PyTorch computed them."""
    golden = np.load(ZOO / "alexnet.npz")
    maps = keras.Model(model.inputs, model.get_layer("pool5").output).predict(x, verbose=0)
    expected = golden[f"{case}/maps"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(maps[..., ::37], expected, rtol=1e-4, atol=1e-5 * expected.max())
    logits, expected = model.predict(x, verbose=0), golden[f"{case}/logits"]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5 * abs(expected).max())


@pytest.mark.parametrize(
    ("case", "size"), [("torchvision", (224, 224)), ("torchvision_other_size", (150, 260))]
)
def test_equals_torchvision(case, size, torchvision_file):
    model = AlexNet(
        variant="torchvision",
        weights=torchvision_file,
        input_shape=(*size, 3),
        classifier_activation=None,
    )
    check(model, case, image(size))


def test_equals_caffe(tmp_path):
    """`bvlc_alexnet.npy`'s layout: kernels HWIO, fc6's rows in the order H, W, C."""
    layers = {}
    for name, (weight, bias) in zip(CAFFE, alexnet_arrays("caffe"), strict=True):
        if name == "fc6":
            weight = weight.reshape(-1, 256, 6, 6).transpose(2, 3, 1, 0).reshape(9216, -1)
        else:
            weight = weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else weight.T
        layers[name] = [weight, bias]
    path = write_npy(tmp_path / "bvlc_alexnet.npy", python2_pickle(layers))
    model = AlexNet(variant="paper", classifier_activation=None)
    report = load_weights(model, path)
    assert report.loaded[2] == ("conv2/kernel", "conv2[0]")
    check(model, "caffe", image((227, 227), 100))


def test_python_3s_files_are_read_too(tmp_path):
    rng = np.random.default_rng(4)
    model = AlexNet(variant="paper", **FEATURES)
    layers = {}
    for name in CAFFE[:5]:
        kernel, bias = (rng.normal(size=w.shape) for w in model.get_layer(name).weights)
        layers[name] = [np.asfortranarray(kernel), bias.astype("float32")]
    layers["fc6"] = [np.zeros((4, 2)), np.zeros(2)]
    np.save(tmp_path / "a.npy", np.array(layers, dtype=object), allow_pickle=True)
    array = np.array(layers, dtype=object)
    write_npy(tmp_path / "b.npy", pickle.dumps(array, protocol=2))
    write_npy(tmp_path / "c.npy", pickle.dumps(array, protocol=5))
    byname = {k: {"weights": w, "biases": b} for k, (w, b) in layers.items()}
    np.save(tmp_path / "d.npy", np.array(byname, dtype=object), allow_pickle=True)
    for file in "abcd":
        report = load_weights(model, tmp_path / f"{file}.npy")
        assert len(report.loaded) == 10
        assert report.skipped[0].source.startswith("fc6")
        for name in CAFFE[:5]:
            for got, expected in zip(model.get_layer(name).weights, layers[name], strict=True):
                np.testing.assert_array_equal(np.asarray(got), expected.astype("float32"))
            for w in model.get_layer(name).weights:
                w.assign(np.zeros(w.shape))


def test_other_classes_keep_the_classifier(torchvision_file):
    with pytest.warns(UserWarning, match="fc8/kernel, fc8/bias not loaded.* 1000 classes.* 7"):
        model = AlexNet(variant="torchvision", classes=7, weights=torchvision_file)
    for name, pair in zip(("conv1", "fc7"), (0, 6), strict=True):
        weight = alexnet_arrays("torchvision", 7)[pair][0]
        got = np.asarray(model.get_layer(name).kernel)
        np.testing.assert_array_equal(got, np.moveaxis(weight, (0, 1), (-1, -2)))


def test_without_top_the_top_is_skipped(torchvision_file):
    model = AlexNet(include_top=False, variant="torchvision", input_shape=(63, 70, 3))
    report = load_weights(model, torchvision_file)
    assert len(report.loaded) == 10 and len(report.skipped) == 6
    assert "include_top=False" in str(report) and "classifier.1.weight" in str(report)


@pytest.mark.parametrize("variant", ["single", "paper"])
def test_weights_of_another_variant_are_refused(variant, torchvision_file):
    with pytest.raises(ValueError, match="conv1/kernel is .*\n(.*\n)*.*variant='torchvision'"):
        AlexNet(variant=variant, weights=torchvision_file)


def test_a_model_that_was_saved_takes_weights(tmp_path):
    AlexNet(variant="torchvision", input_shape=(63, 63, 3), include_top=False).save(
        tmp_path / "m.keras"
    )
    model = keras.saving.load_model(tmp_path / "m.keras")
    path = write_safetensors(tmp_path / "w.safetensors", state_dict())
    assert len(load_weights(model, path).skipped) == 6
    np.testing.assert_array_equal(
        np.asarray(model.get_layer("conv2").kernel),
        alexnet_arrays("torchvision", 2)[1][0].transpose(2, 3, 1, 0),
    )


@pytest.mark.parametrize("size", [(63, 63), (99, 131)])
def test_equals_pytorch_through_its_own_file(size, tmp_path):
    torch = pytest.importorskip("torch")
    from torch import nn

    features = nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(), nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = nn.Sequential(
        nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(),
        nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 11),
    )  # fmt: skip
    net = nn.ModuleDict({"features": features, "classifier": classifier}).eval()
    torch.save(net.state_dict(), tmp_path / "alexnet.pth")
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = classifier(nn.AdaptiveAvgPool2d(6)(features(x)).flatten(1)).softmax(1).numpy()
    model = AlexNet(
        variant="torchvision", classes=11, input_shape=(*size, 3), weights=tmp_path / "alexnet.pth"
    )
    got = model.predict(x.numpy().transpose(0, 2, 3, 1), verbose=0)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)


def test_normalisations_differ_as_their_formulas():
    caffe, paper = (
        AlexNet(variant="paper", normalisation=n, **FEATURES) for n in ("caffe", "paper")
    )
    paper.set_weights(caffe.get_weights())
    x = image((67, 67), 150)
    for model, (alpha, k) in ((caffe, (1e-4 / 5, 1)), (paper, (1e-4, 2))):
        names = ("relu1", "norm1")
        taps = keras.Model(model.inputs, [model.get_layer(n).output for n in names])
        before, after = taps.predict(x, verbose=0)
        sums = np.zeros_like(before)
        for c in range(96):
            sums[..., c] = (before[..., max(c - 2, 0) : c + 3] ** 2).sum(-1)
        np.testing.assert_allclose(after, before / (k + alpha * sums) ** 0.75, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"variant": "vgg"}, "variant must be one of single, paper, torchvision, got 'vgg'"),
        ({"normalisation": "l2"}, "normalisation must be one of caffe, paper, got 'l2'"),
        ({"variant": "torchvision", "input_shape": (62, 80, 3)}, "at least 63"),
        ({"features_only": True, "pooling": "avg"}, "pooling must be None, got 'avg'"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        AlexNet(**arguments)


def test_an_unknown_variant_of_preprocess_input():
    with pytest.raises(ValueError, match="variant must be one of"):
        alexnet.preprocess_input(np.zeros((1, 2, 2, 3)), variant="vgg")

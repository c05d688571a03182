import builtins
import itertools

import keras
import numpy as np
import pytest
from sklearn.datasets import load_digits

from graph import pictures

RNG = np.random.default_rng(3)
DIGITS = (load_digits().images[:60, ..., None] / 16).astype("float32")


@pytest.fixture(scope="module")
def net():
    keras.utils.set_random_seed(4)
    x = keras.Input((8, 8, 1))
    y = keras.layers.Conv2D(5, (3, 2), activation="relu", padding="same", name="conv1")(x)
    y = keras.layers.Conv2D(3, 3, strides=2, activation="tanh", name="conv2")(y)
    y = keras.layers.GlobalAveragePooling2D(name="pool")(y)
    return keras.Model(x, keras.layers.Dense(4, name="fc")(y))


def lua(images, kind, padding, nrow, each, symm, saturate, low, high):
    """The documented steps, pixel by pixel, channels first and indices from 1 as in Torch."""

    def minmax(values):
        cut = saturate and (low is not None or high is not None)
        least, most, fmin = low, high, 0
        flat = values.ravel()
        if least is None:
            fmin = max(abs(min(flat)), abs(max(flat))) if symm else 0
            least = -fmin if symm else min(flat)
        values = values - least
        most = (fmin * 2 if symm else max(values.ravel())) if most is None else most - least
        values = values / most if most != 0 else values
        return np.array([min(max(v, 0), 1) if cut else v for v in values.ravel()]).reshape(
            values.shape
        )

    stack = [minmax(i) for i in images] if each else list(images)
    across = min(nrow, len(stack))
    down = int(np.ceil(len(stack) / across))
    c, h, w = stack[0].shape
    h, w = h + padding, w + padding
    grid = np.full((c, h * down, w * across), max(i.max() for i in stack))
    k = 0
    for y, x in itertools.product(range(1, down + 1), range(1, across + 1)):
        if k < len(stack):
            for p, i, j in np.ndindex(*stack[k].shape):
                row = int((y - 1) * h + 1 + padding / 2) - 1 + i
                grid[p, row, int((x - 1) * w + 1 + padding / 2) - 1 + j] = stack[k][p, i, j]
            k += 1
    grid = grid if each else minmax(grid)
    return grid[0] if kind == "maps" else np.moveaxis(grid, 0, -1)


@pytest.mark.parametrize("kind", ["maps", "grey", "colour", "list"])
@pytest.mark.parametrize(
    ("each", "symm", "saturate", "low", "high"),
    [
        *((e, s, True, None, None) for e in (False, True) for s in (False, True)),
        (False, False, True, -0.5, 0.5),
        (True, False, False, -0.5, 0.5),
        (False, True, True, -0.4, None),
        (True, True, True, None, 0.6),
        (False, False, True, 0.7, 0.7),
    ],
)
@pytest.mark.parametrize(("padding", "nrow"), [(0, 6), (1, 2), (3, 4)])
def test_display_tensor_against_the_documented_steps(
    kind, each, symm, saturate, low, high, padding, nrow
):
    shape = {"maps": (7, 1, 3, 2), "grey": (5, 1, 2, 4), "colour": (7, 3, 3, 2)}
    images = RNG.normal(size=shape.get(kind, (5, 1, 4, 3)))
    given = {
        "maps": lambda: np.moveaxis(images[:, 0], 0, -1),
        "list": lambda: [image[0] for image in images],
    }.get(kind, lambda: np.moveaxis(images, 1, -1))()
    kept = np.array(given)
    got = pictures.to_display_tensor(
        given,
        padding=padding,
        nrow=nrow,
        scale_each=each,
        symmetric=symm,
        saturate=saturate,
        min=low,
        max=high,
    )
    want = lua(images, kind, padding, nrow, each, symm, saturate, low, high)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(given, kept)


def test_one_image_is_scaled_alone():
    image = np.array([[1, 3], [2, 5]], "uint8")
    np.testing.assert_array_equal(pictures.to_display_tensor(image), (image - 1.0) / 4)
    assert pictures.to_display_tensor(np.ones((2, 2, 3))).shape == (2, 2, 3)


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (np.ones((2, 3, 3, 2)), {}, r"\(2, 3, 3, 2\)"),
        (np.ones(3), {}, r"\(3,\)"),
        ([], {}, "list is empty"),
        ([np.ones((2, 2)), np.ones((2, 3))], {}, "differ in shape"),
        ([np.ones(2)], {}, "images of a list"),
        (np.ones((0, 2)), {}, "nothing to display"),
        (np.ones((2, 2)), {"padding": -1}, "padding"),
        (np.ones((2, 2)), {"nrow": 0}, "nrow"),
    ],
)
def test_display_tensor_refuses(given, options, message):
    with pytest.raises(ValueError, match=message):
        pictures.to_display_tensor(given, **options)


def test_grad_cam_by_hand(net):
    """The layers behind conv2 are linear: d fc_k / d A[y, x, c] = W[c, k] / pixels."""
    image = DIGITS[7]
    maps = keras.Model(net.inputs, net.get_layer("conv2").output)(image[None]).numpy()[0]
    weights = net.get_layer("fc").kernel.numpy() / 9
    want = np.maximum(sum(maps[..., c] * weights[c, 2] / 1 for c in range(3)), 0)
    got = pictures.grad_cam(net, image, "conv2", output=2, resize=False)
    np.testing.assert_allclose(got, want, atol=1e-6)
    assert pictures.grad_cam(net, image, "conv2").shape == (8, 8)


def test_saliency_against_differences(net):
    # No blank pixels: at a zero the ReLUs have no derivative.
    image, step = RNG.uniform(0.2, 1, (8, 8, 1)).astype("float32"), 1e-3
    got = pictures.saliency(net, image, output=1)
    for y, x in [(0, 0), (3, 4), (5, 2), (7, 7)]:
        up, down = image.copy(), image.copy()
        up[y, x] += step
        down[y, x] -= step
        a, b = net(np.stack([up, down])).numpy()[:, 1]
        assert got[y, x] == pytest.approx(abs(a - b) / (2 * step), abs=2e-3)


def test_occlusion_against_a_loop(net):
    image = DIGITS[5]
    total, times = np.zeros((8, 8)), np.zeros((8, 8))
    base = net(image[None]).numpy()[0, 3]
    for y, x in itertools.product(range(0, 8, 2), repeat=2):
        hidden = image.copy()
        for i, j in itertools.product(range(y, min(y + 3, 8)), range(x, min(x + 3, 8))):
            hidden[i, j] = 0.25
        fall = base - net(hidden[None]).numpy()[0, 3]
        for i, j in itertools.product(range(y, min(y + 3, 8)), range(x, min(x + 3, 8))):
            total[i, j] += fall
            times[i, j] += 1
    got = pictures.occlusion_map(net, image, output=3, size=3, stride=2, value=0.25, batch_size=5)
    np.testing.assert_allclose(got, total / times, atol=1e-6)


def test_lstm_gates_end_in_what_the_layer_answers(tmp_path):
    x = keras.Input((6, 3))
    y = keras.layers.LSTM(4, return_sequences=True, name="lstm")(keras.layers.Dense(5)(x))
    model = keras.Model(x, y)
    sequence = RNG.normal(size=(6, 3)).astype("float32")
    found = pictures.lstm_gates(model, sequence, "lstm", path=tmp_path / "gates.png")
    np.testing.assert_allclose(found["hidden"], model(sequence[None]).numpy()[0], atol=1e-6)
    assert list(found) == ["input", "forget", "candidate", "output", "cell", "hidden"]
    assert (tmp_path / "gates.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="is a Dense"):
        pictures.lstm_gates(model, sequence, keras.layers.Dense)


def test_principal_components_against_the_covariance():
    x = RNG.normal(size=(40, 5)) * [3, 1, 2, 0.1, 0.5]
    got, share = pictures.principal_components(x)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    want = (x - x.mean(0)) @ vectors[:, ::-1][:, :2]
    np.testing.assert_allclose(np.abs(got), np.abs(want), atol=1e-9)
    np.testing.assert_allclose(share, values[::-1][:2] / values.sum())
    with pytest.raises(ValueError, match="finite"):
        pictures.principal_components(x * np.nan)


def test_every_picture_is_written(net, tmp_path):
    image = DIGITS[2]
    draw = {
        "filters.png": lambda p: pictures.filters(net, "conv1", path=p),
        "planes.svg": lambda p: pictures.filters(net, "conv2", count=2, path=p),
        "maps.png": lambda p: pictures.feature_maps(net, image, "conv1", path=p),
        "histograms.svg": lambda p: pictures.activation_histograms(net, DIGITS, path=p),
        "occlusion.png": lambda p: pictures.occlusion_map(net, image, size=2, stride=2, path=p),
        "cam.png": lambda p: pictures.grad_cam(net, image, "conv2", path=p),
        "saliency.png": lambda p: pictures.saliency(net, image, path=p),
        "scatter.png": lambda p: pictures.embedding_scatter(
            net(DIGITS), labels=load_digits().target[:60], images=DIGITS, path=p
        ),
    }
    for name, function in draw.items():
        assert function(tmp_path / name) is not None
        start = (tmp_path / name).read_bytes()[:5]
        assert start in (b"\x89PNG\r", b"<?xml"), name
    assert len(list(tmp_path.iterdir())) == len(draw)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: pictures.filters(net, "fc"), r"'fc' \(Dense\) has a kernel"),
        (lambda net: pictures.filters(net, "pool"), "no kernel"),
        (lambda net: pictures.filters(net, "conv*"), "one layer is drawn at a time"),
        (lambda net: pictures.filters(net, "conv1", path="a.bmp"), "a.bmp"),
        (lambda net: pictures.feature_maps(net, DIGITS[0], "fc"), "maps are"),
        (lambda net: pictures.feature_maps(net, DIGITS, "conv1"), "without a batch axis"),
        (lambda net: pictures.saliency(net, DIGITS[0], output=4), r"outputs 0\.\.3, not 4"),
        (lambda net: pictures.occlusion_map(net, DIGITS[0], size=2, stride=3), "stride"),
        (lambda net: pictures.grad_cam(net, DIGITS[0], "pool"), "Grad-CAM needs"),
        (
            lambda net: pictures.saliency(keras.Model(net.inputs, net.layers[1].output), DIGITS[0]),
            "one output",
        ),
        (
            lambda net: pictures.embedding_scatter(np.eye(3), labels=[1]),
            "3 embeddings but 1 labels",
        ),
    ],
)
def test_errors(net, call, message):
    with pytest.raises(ValueError, match=message):
        call(net)


def test_without_matplotlib(net, monkeypatch, tmp_path):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ImportError, match=r"nngraph-keras\[viz\]"):
        pictures.filters(net, "conv1")
    assert pictures.saliency(net, DIGITS[0]).shape == (8, 8)

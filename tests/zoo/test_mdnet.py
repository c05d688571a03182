import keras
import numpy as np
import pytest
from digit_tuples import digits

import graph
from zoo import MDNet, mdnet
from zoo.mdnet import MultiDomainNet

# conv1, conv2, conv3, fc4, fc5, each weights and biases.
SHARED = (
    (7 * 7 * 3 + 0) * 96 + 96
    + 5 * 5 * 96 * 256 + 256
    + 3 * 3 * 256 * 512 + 512
    + 3 * 3 * 512 * 512 + 512
    + 512 * 512 + 512
)  # fmt: skip
BRANCH = 512 * 2 + 2
SMALL = SHARED - 8 * 512 * 512  # on 75x75, where the last map has a side of 1 instead of 3


def images(count, side=75, seed=0):
    return np.random.default_rng(seed).normal(size=(count, side, side, 3)).astype("float32") * 40


@pytest.fixture(scope="module")
def three():
    return MDNet(3, input_shape=(75, 75, 3))


def test_parameters_and_sizes_are_the_papers():
    assert SHARED == 4_431_488
    net = MDNet(domains=4)
    assert net.count_params() == SHARED + 4 * BRANCH
    sides = {
        n: net.get_layer(n).output.shape[1:]
        for n in ("conv1", "pool1", "conv2", "pool2", "conv3", "fc4", "fc5")
    }
    assert sides == {
        "conv1": (51, 51, 96),
        "pool1": (25, 25, 96),
        "conv2": (11, 11, 256),
        "pool2": (5, 5, 256),
        "conv3": (3, 3, 512),
        "fc4": (512,),
        "fc5": (512,),
    }
    assert net.output_shape == [(None, 2)] * 4
    assert net.output_names == [f"predictions_{k}" for k in (1, 2, 3, 4)]


def test_equals_the_same_network_written_in_numpy_and_keras(three):
    layers = keras.layers

    def normalise(x):
        squares = np.pad(np.square(x), ((0, 0), (0, 0), (0, 0), (2, 2)))
        sums = sum(squares[..., i : i + x.shape[-1]] for i in range(5))
        return x / (2 + 1e-4 * sums) ** 0.75  # as MatConvNet writes it

    def conv(x, name, step):
        layer = layers.Conv2D(*LAYERS[name], step, activation="relu")
        layer.build(x.shape)
        layer.set_weights(three.get_layer(name).get_weights())
        return layer(x).numpy()

    x = images(2)
    y = layers.MaxPooling2D(3, 2)(normalise(conv(x, "conv1", 2))).numpy()
    y = layers.MaxPooling2D(3, 2)(normalise(conv(y, "conv2", 2))).numpy()
    y = conv(y, "conv3", 1).transpose(0, 3, 1, 2).reshape(2, -1)
    for name in ("fc4", "fc5"):
        kernel, bias = three.get_layer(name).get_weights()
        y = np.maximum(y @ kernel + bias, 0)
    for k, got in enumerate(three.predict(x, verbose=0), 1):
        kernel, bias = three.get_layer(f"fc6_{k}").get_weights()
        scores = np.exp(y @ kernel + bias)
        np.testing.assert_allclose(got, scores / scores.sum(1, keepdims=True), rtol=1e-3)


LAYERS = {"conv1": (96, 7), "conv2": (256, 5), "conv3": (512, 3)}


def changed(net, before):
    now = {w.path: w.numpy() for w in net.weights}
    return {p.partition("/")[0] for p, value in now.items() if not np.array_equal(value, before[p])}


@pytest.mark.parametrize("way", ["domain", "by_domain"])
def test_training_one_domain_leaves_the_other_branches_alone(way):
    net = MDNet(3, input_shape=(75, 75, 3))
    before = {w.path: w.numpy() for w in net.weights}
    x, y = images(4), np.array([0, 1, 1, 0])
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9)
    if way == "domain":
        one = net.domain(2)
        assert one.count_params() == SMALL + BRANCH
        inputs = x
    else:
        one = net.by_domain()
        assert one.input_names == ["image", "domain"]
        inputs = [x, np.full(4, 2)]
    one.compile(optimizer, "sparse_categorical_crossentropy")
    for _ in range(2):
        one.train_on_batch(inputs, y)
    shared = {"conv1", "conv2", "conv3", "fc4", "fc5"}
    assert changed(net, before) == shared | {"fc6_2"}
    np.testing.assert_allclose(
        net.domain(2).predict(x, verbose=0), net.predict(x, verbose=0)[1], rtol=1e-5
    )


def test_by_domain_chooses_each_rows_branch(three):
    x, which = images(5), np.array([3, 1, 2, 2, 3])
    every = np.stack(three.predict(x, verbose=0))
    one = three.by_domain()
    np.testing.assert_allclose(
        one.predict([x, which], verbose=0), every[which - 1, np.arange(5)], rtol=1e-5
    )
    wrong = one.predict([x, np.array([1, 2, 3, 4, 0])], verbose=0)
    assert np.isnan(wrong[3:]).all() and np.isfinite(wrong[:3]).all()


def test_domains_of_digits_are_learnt_together():
    """What is target in one domain is background in the other: one branch could not learn both."""
    small, target = digits()
    chosen = np.flatnonzero(target < 2)[:32]
    x = np.kron(small[chosen], np.ones((1, 10, 10, 1), "float32"))[:, 2:77, 2:77] * 4 - 2
    which = np.arange(32) // 2 % 2 + 1
    y = (target[chosen] == which - 1).astype("int32")
    net = MDNet(2, input_shape=(75, 75, 1))
    one = net.by_domain()
    one.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    history = one.fit([x, which], y, epochs=8, batch_size=8, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]
    first, second = net.predict(x, verbose=0)
    right = np.where(which == 1, first.argmax(1), second.argmax(1)) == y
    assert right.mean() > 0.9


def test_a_new_branch_for_a_new_sequence(three):
    grown = three.clone().with_new_branch()
    assert type(grown) is MultiDomainNet
    assert grown.domains == [1, 2, 3, 4]
    assert three.domains == [1, 2, 3]
    assert grown.count_params() == SMALL + 4 * BRANCH
    x = images(3)
    before = three.predict(x, verbose=0)
    for a, b in zip(grown.predict(x, verbose=0)[:3], before, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
    tracker = grown.domain(4)
    for name in ("conv1", "conv2", "conv3"):
        tracker.get_layer(name).trainable = False
    weights = {w.path: w.numpy() for w in grown.weights}
    tracker.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    tracker.fit(x, np.array([0, 1, 0]), verbose=0)
    assert changed(grown, weights) == {"fc4", "fc5", "fc6_4"}
    for a, b in zip(three.predict(x, verbose=0), before, strict=True):
        np.testing.assert_array_equal(a, b)
    # Not cloned, the shared layers are the very same.
    assert three.with_new_branch().get_layer("fc5") is three.get_layer("fc5")
    assert three.with_new_branch().with_new_branch().domains == [1, 2, 3, 4, 5]
    assert three.domain(2).with_new_branch().domains == [2, 3]


def test_saving_exporting_and_activations(three, tmp_path):
    x = images(2)
    expected = three.predict(x, verbose=0)
    three.with_new_branch().save(tmp_path / "net.keras")
    loaded = keras.saving.load_model(tmp_path / "net.keras")
    assert loaded.domains == [1, 2, 3, 4]
    for k in (1, 2, 3):
        got = loaded.domain(k).predict(x, verbose=0)
        np.testing.assert_allclose(got, expected[k - 1], rtol=1e-5)
    seen = graph.activations(loaded, x, ["norm1", "fc6_*"])
    assert {k: v.shape for k, v in seen.items()} == {
        "norm1": (2, 35, 35, 96),
        **{f"fc6_{k}": (2, 2) for k in (1, 2, 3, 4)},
    }
    import tensorflow as tf

    place = graph.export(loaded.domain(3), tmp_path / "saved")
    served = tf.saved_model.load(str(place)).signatures["serving_default"](image=tf.constant(x))
    np.testing.assert_allclose(served["predictions_3"].numpy(), expected[2], rtol=1e-5)
    np.testing.assert_allclose(
        three.to_keras().predict(x, verbose=0)[0], expected[0], rtol=1e-4, atol=1e-6
    )


def test_logits_one_domain_and_other_inputs():
    net = MDNet(classifier_activation=None, input_shape=(75, 107, 1))
    assert net.output_names == ["fc6_1"]
    assert net.output_shape == (None, 2)
    assert net.get_layer("flatten").output.shape == (None, 512 * 1 * 3)
    assert net.with_new_branch().output_names == ["fc6_1", "fc6_2"]
    image = keras.Input((80, 80, 3))
    top = MDNet(input_tensor=keras.layers.Rescaling(2.0)(image))
    assert [type(layer).__name__ for layer in top.layers[:2]] == ["InputLayer", "Rescaling"]


def test_preprocess_input():
    np.testing.assert_allclose(mdnet.preprocess_input(np.array([0.0, 128, 255])), [-128, 0, 127])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"domains": 0}, "positive whole number, got 0"),
        ({"domains": 2.0}, r"positive whole number, got 2\.0"),
        ({"input_shape": (74, 75, 3)}, "sides of at least 75"),
        ({"classifier_activation": "softmx"}, "softmx"),
    ],
)
def test_bad_arguments(arguments, text):
    with pytest.raises(ValueError, match=text):
        MDNet(**arguments)


@pytest.mark.parametrize("k", [0, 4, "2", True])
def test_no_such_domain(three, k):
    with pytest.raises(ValueError, match=f"has no domain {k!r}: it has \\[1, 2, 3\\]"):
        three.domain(k)

"""Each rule of `graph.optimize`: where it applies, and where it must not."""

import keras
import numpy as np
import pytest
from random_layers import batch_for, fill_layers

import graph
from graph import nn
from graph.nn.module_layer import ModuleLayer

L = keras.layers


def model_of(function, *shapes):
    inputs = [keras.Input(shape) for shape in shapes]
    outputs = function(*inputs)
    model = keras.Model(inputs[0] if len(inputs) == 1 else inputs, outputs)
    fill_layers(model, 0)
    return model


def optimized(function, *shapes, for_="inference", tolerance=1e-5):
    """The kinds of the optimised model's layers, after a check that its outputs are equal."""
    model = model_of(function, *shapes)
    result = graph.optimize(model, for_=for_)
    x = batch_for(model)
    x = x[0] if len(x) == 1 else x
    pairs = zip(keras.tree.flatten(result(x)), keras.tree.flatten(model(x)), strict=True)
    for a, b in pairs:
        scale = max(1, np.abs(b).max())
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=tolerance)
    # What has no other part than to bear the name of an output is left out.
    operations = [o for o in result.operations if not isinstance(o, (L.InputLayer, L.Identity))]
    return [type(o).__name__ for o in operations]


NORM = L.BatchNormalization
# An nn.CMul of one number for each of four planes of an image.
PLANES = (1, 4, 1, 1)

AFTER = {
    "dense": (lambda x: NORM()(L.Dense(5)(x)), (4,), "Dense"),
    "dense_of_sequences": (lambda x: NORM()(L.Dense(5, use_bias=False)(x)), (3, 4), "Dense"),
    "conv1d_causal": (lambda x: NORM()(L.Conv1D(3, 2, padding="causal")(x)), (6, 4), "Conv1D"),
    "conv2d": (lambda x: NORM()(L.Conv2D(3, 2, padding="same")(x)), (5, 6, 4), "Conv2D"),
    "conv3d": (lambda x: NORM()(L.Conv3D(3, 2, strides=2)(x)), (4, 5, 6, 2), "Conv3D"),
    "grouped": (lambda x: NORM()(L.Conv2D(6, 2, groups=2)(x)), (5, 6, 4), "Conv2D"),
    "depthwise": (
        lambda x: NORM()(L.DepthwiseConv2D(2, depth_multiplier=3)(x)),
        (5, 6, 4),
        "DepthwiseConv2D",
    ),
    "depthwise1d": (
        lambda x: NORM()(L.DepthwiseConv1D(2, depth_multiplier=2, use_bias=False)(x)),
        (6, 3),
        "DepthwiseConv1D",
    ),
    "separable": (
        lambda x: NORM()(L.SeparableConv2D(3, 2, depth_multiplier=2)(x)),
        (5, 6, 4),
        "SeparableConv2D",
    ),
    "transposed": (
        lambda x: NORM()(L.Conv2DTranspose(3, 3, strides=2, padding="same")(x)),
        (3, 4, 5),
        "Conv2DTranspose",
    ),
    "transposed1d": (lambda x: NORM()(L.Conv1DTranspose(3, 2)(x)), (4, 5), "Conv1DTranspose"),
    "rescaling": (lambda x: L.Rescaling([2.0, -1, 3], 0.5)(L.Dense(3)(x)), (4,), "Dense"),
    "operations": (lambda x: 2 * L.Dense(3)(x) / 3 + np.array([1.0, 2, 3], "f") - 1, (4,), "Dense"),
    "from_a_constant": (lambda x: 3 - L.Dense(3)(x), (4,), "Dense"),
    "mul": (lambda x: ModuleLayer(nn.Mul())(L.Dense(3)(x)), (4,), "Dense"),
    "c_mul": (lambda x: ModuleLayer(nn.CMul(*PLANES))(L.Conv2D(4, 2)(x)), (5, 6, 3), "Conv2D"),
    "c_add": (lambda x: ModuleLayer(nn.CAdd(*PLANES))(L.Conv2D(4, 2)(x)), (5, 6, 3), "Conv2D"),
    "add": (lambda x: ModuleLayer(nn.Add(3))(L.Dense(3)(x)), (4,), "Dense"),
}
BEFORE = {
    "dense": (lambda x: L.Dense(5)(NORM()(x)), (4,), "Dense"),
    "valid": (lambda x: L.Conv2D(3, 2, use_bias=False)(NORM()(x)), (5, 6, 4), "Conv2D"),
    "grouped": (lambda x: L.Conv2D(6, 2, groups=2)(NORM()(x)), (5, 6, 4), "Conv2D"),
    "depthwise": (
        lambda x: L.DepthwiseConv2D(2, depth_multiplier=3)(NORM()(x)),
        (5, 6, 4),
        "DepthwiseConv2D",
    ),
    "separable": (
        lambda x: L.SeparableConv2D(3, 2, depth_multiplier=2)(NORM()(x)),
        (5, 6, 4),
        "SeparableConv2D",
    ),
    "scale_of_padded": (
        lambda x: L.Conv2D(3, 3, padding="same")(ModuleLayer(nn.CMul(*PLANES))(x)),
        (5, 6, 4),
        "Conv2D",
    ),
    "scale_of_transposed": (
        lambda x: L.Conv2DTranspose(3, 3, strides=2)(ModuleLayer(nn.CMul(*PLANES))(x)),
        (3, 4, 4),
        "Conv2DTranspose",
    ),
    "normalization": (
        lambda x: L.Dense(2)(L.Normalization(mean=[1.0, 2], variance=[4.0, 0.5])(x)),
        (2,),
        "Dense",
    ),
}


@pytest.mark.parametrize("name", AFTER)
def test_folds_into_the_layer_before(name):
    function, shape, kind = AFTER[name]
    assert optimized(function, shape) == [kind]


@pytest.mark.parametrize("name", BEFORE)
def test_folds_into_the_layer_after(name):
    function, shape, kind = BEFORE[name]
    assert optimized(function, shape) == [kind]


def shared_conv(x):
    conv = L.Conv2D(4, 1)
    return [NORM()(conv(x)), conv(NORM()(x))]


def read_twice(x):
    y = L.Dense(3)(x)
    return [NORM()(y), L.ReLU()(y)]


def an_output_itself(x):
    y = L.Dense(3)(x)
    return [y, NORM()(y)]


NOT_FOLDED = {
    "shift_before_a_border": (lambda x: L.Conv2D(3, 3, padding="same")(NORM()(x)), (5, 6, 4)),
    "shift_before_a_causal_border": (lambda x: L.Conv1D(3, 3, padding="causal")(NORM()(x)), (6, 4)),
    "shift_before_a_transposed_one": (lambda x: L.Conv2DTranspose(3, 2)(NORM()(x)), (3, 4, 5)),
    "activation_between": (lambda x: NORM()(L.Dense(3, activation="relu")(x)), (4,)),
    "shared": (shared_conv, (4, 4, 4)),
    "read_twice": (read_twice, (4,)),
    "an_output": (an_output_itself, (4,)),
    "over_places": (lambda x: NORM(axis=1)(L.Conv1D(3, 2)(x)), (6, 4)),
    "one_number_a_place": (lambda x: ModuleLayer(nn.CMul(5, 4))(L.Dense(4)(x)), (5, 3)),
    "activity_regularised": (
        lambda x: NORM()(L.Dense(3, activity_regularizer="l2")(x)),
        (4,),
    ),
}


@pytest.mark.parametrize("name", NOT_FOLDED)
def test_does_not_fold(name):
    function, shape = NOT_FOLDED[name]
    kept = [k for k in optimized(function, shape) if k in ("BatchNormalization", "ModuleLayer")]
    before = [type(layer).__name__ for layer in model_of(function, shape).layers]
    assert kept == [k for k in before if k in kept] and kept


def test_does_not_fold_for_training_or_what_rounds_too_much():
    function = AFTER["conv2d"][0]
    assert optimized(function, (5, 6, 4), for_="training") == ["Conv2D", "BatchNormalization"]
    model = model_of(AFTER["dense"][0], (4,))
    model.layers[-1].moving_mean.assign([1.0, 1e5, 2, 3, 4])
    assert [type(x).__name__ for x in graph.optimize(model).layers][-1] == "BatchNormalization"


def test_mixed_precision_keeps_its_arithmetic_and_merges():
    policy = "mixed_float16"

    def function(x):
        a, b = (L.Dense(3, dtype=policy)(x) for _ in range(2))
        return [
            NORM(dtype=policy)(L.ReLU(dtype=policy)(a)),
            L.Activation("tanh", dtype="float32")(b),
        ]

    kinds = optimized(function, (4,), tolerance=2e-3)
    assert sorted(kinds) == sorted(["Dense", "Split", "ReLU", "BatchNormalization", "Activation"])


def test_one_product_for_layers_side_by_side():
    def dense(x):
        return [L.Dense(2)(x), L.Dense(3, use_bias=False)(x), L.Dense(4, activation="tanh")(x)]

    assert sorted(optimized(dense, (5,))) == ["Dense", "Dense", "Split"]
    kinds = optimized(dense, (5,), for_="training")
    assert kinds == ["Dense"] * 3  # One of two has no bias, which it would get and train.

    def convolutions(x):
        return [L.Conv2D(2, 3, padding="same")(x), L.Conv2D(3, 3, padding="same")(x)]

    for for_ in ("inference", "training"):
        assert optimized(convolutions, (5, 6, 4), for_=for_) == ["Conv2D", "Split"]
    other = [{"strides": 2}, {"dilation_rate": 2}, {"padding": "same"}, {"groups": 2}]
    for difference in other:
        kinds = optimized(
            lambda x, d=difference: [L.Conv2D(2, 3)(x), L.Conv2D(2, 3, **d)(x)], (9, 9, 4)
        )
        assert kinds == ["Conv2D"] * 2, difference


@pytest.mark.parametrize(
    ("options", "merged"),
    [
        ([{"kernel_regularizer": "l2"}] * 2, True),
        ([{"kernel_regularizer": "l2"}, {}], False),
        ([{"kernel_regularizer": "orthogonal_regularizer"}] * 2, False),
        ([{"kernel_constraint": "max_norm"}] * 2, False),
        ([{"trainable": False}, {}], False),
        ([{"trainable": False}] * 2, True),
        ([{"dtype": "float64"}, {}], False),
        ([{"activation": "softmax"}] * 2, False),
        ([{"activation": "relu"}] * 2, True),
    ],
)
def test_what_training_allows_to_merge(options, merged):
    def function(x):
        return [L.Dense(2 + i, **o)(x) for i, o in enumerate(options)]

    kinds = optimized(function, (5,), for_="training")
    assert kinds == (["Dense", "Split"] if merged else ["Dense", "Dense"])


def test_merged_layers_train_on_as_they_would_apart():
    def function(x):
        parts = [L.Dense(2 + i, kernel_regularizer="l2")(x) for i in range(2)]
        return L.Concatenate()([L.Activation("tanh")(p) for p in parts])

    model = model_of(function, (5,))
    model.compile(keras.optimizers.Adam(0.05), "mse")
    result = graph.optimize(model, for_="training")
    x, y = np.random.default_rng(0).normal(size=(2, 16, 5)).astype("float32")
    for net in (model, result):
        for _ in range(5):
            net.train_on_batch(x, y)
    np.testing.assert_allclose(result(x), model(x), atol=1e-5)
    assert float(sum(result.losses)) == pytest.approx(float(sum(model.losses)), rel=1e-5)


def gates(bias):
    def function(x, h):
        sums = [L.Add()([L.Dense(3)(x), L.Dense(3, use_bias=bias)(h)]) for _ in range(4)]
        i, f, o = (L.Activation("sigmoid")(s) for s in sums[:3])
        g = L.Activation("tanh")(sums[3])
        return L.Add()([L.Multiply()([i, g]), L.Multiply()([f, o])])

    return function


def test_the_eight_products_of_a_cell_become_one_or_two():
    assert optimized(gates(True), (4,), (5,)).count("Dense") == 1
    kinds = optimized(gates(True), (4,), (5,), for_="training")
    assert kinds.count("Dense") == 2 and kinds.count("Add") == 2 and kinds.count("Split") == 1
    # One bias alone may stand under a joined product, which trains as both did.
    assert optimized(gates(False), (4,), (5,), for_="training").count("Dense") == 1


def test_sums_keep_their_other_terms_and_sum_products_of_one_input():
    def function(x, h):
        return L.Add()([L.Dense(4)(x), x, L.Dense(4)(x), L.Dense(4)(h)])

    assert optimized(function, (4,), (5,)) == ["Concatenate", "Dense", "Add"]


def test_torch_flattening_goes_into_the_rows():
    def function(x):
        y = L.Permute((3, 1, 2))(x)
        return L.Dense(2)(L.Dropout(0.3)(L.ReLU()(L.Reshape((60,))(y))))

    assert optimized(function, (4, 5, 3)) == ["Reshape", "ReLU", "Dense"]
    assert optimized(function, (4, 5, 3), for_="training") == [
        "Reshape",
        "ReLU",
        "Dropout",
        "Dense",
    ]

    def read_elsewhere(x):
        y = L.Reshape((60,))(L.Permute((3, 1, 2))(x))
        return [y, L.Dense(2)(y)]

    assert optimized(read_elsewhere, (4, 5, 3)) == ["Permute", "Reshape", "Dense"]


def test_transpositions_and_reshapings_join():
    def cancelling(x):
        return L.Permute((2, 3, 1))(L.Permute((3, 1, 2))(x)) * 1.5

    assert optimized(cancelling, (4, 5, 3)) == ["Multiply"]
    assert optimized(lambda x: L.Permute((2, 1, 3))(L.Permute((3, 1, 2))(x)), (4, 5, 3)) == [
        "Permute"
    ]
    assert optimized(lambda x: L.Flatten()(L.Reshape((5, 12))(x)), (4, 5, 3)) == ["Reshape"]


def test_pooling_before_what_is_dear():
    def function(x):
        return L.MaxPooling2D(2, padding="same")(L.Activation("tanh")(L.Conv2D(3, 2)(x)))

    assert optimized(function, (6, 8, 2), for_="training") == [
        "Conv2D",
        "MaxPooling2D",
        "Activation",
    ]
    kept = {
        "not_monotone": lambda x: L.MaxPooling2D()(L.Activation("gelu")(L.Conv2D(3, 2)(x))),
        "no_steps": lambda x: L.MaxPooling2D(2, strides=1)(L.Activation("tanh")(x)),
        "average": lambda x: L.AveragePooling2D(2)(L.Activation("tanh")(x)),
        "falling": lambda x: L.MaxPooling2D()(ModuleLayer(nn.LeakyReLU(-0.5))(x)),
    }
    for name, kept_function in kept.items():
        assert "Pooling" in optimized(kept_function, (6, 8, 2))[-1], name
    # TensorFlow computes it together with the convolution.
    rectified = optimized(
        lambda x: L.MaxPooling2D()(L.LeakyReLU(0.1)(L.Conv2D(3, 2)(x))), (6, 8, 2)
    )
    assert rectified == ["Conv2D", "LeakyReLU", "MaxPooling2D"]


def test_the_mean_before_a_convolution_of_one_place():
    def function(x):
        return L.Softmax()(L.GlobalAveragePooling2D()(L.Conv2D(5, 1)(x)))

    assert optimized(function, (6, 8, 2)) == ["GlobalAveragePooling2D", "Dense"]
    result = graph.optimize(model_of(function, (6, 8, 2)))
    record = result.optimizations
    assert record.before.multiply_adds == 48 * record.after.multiply_adds == 480
    wide = optimized(lambda x: L.GlobalAveragePooling2D()(L.Conv2D(5, 2)(x)), (6, 8, 2))
    assert wide == ["Conv2D", "GlobalAveragePooling2D"]


FUSED = ["relu", "tanh", "sigmoid", "softmax", "elu", "gelu", "leaky_relu"]


@pytest.mark.parametrize("for_", ["inference", "training"])
def test_activations_are_fused(for_):
    for name in FUSED:
        model = model_of(lambda x, n=name: L.Activation(n)(L.Dense(3)(x)), (4,))
        result = graph.optimize(model, for_=for_)
        assert result.layers[-1].activation is keras.activations.get(name)
    layers = [L.ReLU(), L.ReLU(6), L.ELU(), L.LeakyReLU(0.2), L.Softmax()]
    for layer in layers:
        assert optimized(lambda x, y=layer: y(L.Conv1D(3, 2)(x)), (6, 4), for_=for_) == ["Conv1D"]
    for layer in [L.ReLU(3), L.ELU(0.5), L.LeakyReLU(0.1), L.Softmax(axis=1), L.PReLU()]:
        kinds = optimized(lambda x, y=layer: y(L.Conv1D(3, 2)(x)), (6, 4), for_=for_)
        assert kinds == ["Conv1D", type(layer).__name__]
    kinds = optimized(
        lambda x: L.Activation("relu", dtype="float64")(L.Dense(3)(x)), (4,), for_=for_
    )
    assert kinds == ["Dense", "Activation"]


def test_dropout_noise_and_identities_are_removed():
    def function(x):
        for layer in (L.Dropout(0.5), L.GaussianNoise(1.0), L.AlphaDropout(0.1), L.Identity()):
            x = layer(x)
        x = L.Rescaling(1.0)(L.Reshape((4,))(L.Activation("linear")(L.GaussianDropout(0.2)(x))))
        return L.Dense(2)(x)

    assert optimized(function, (4,)) == ["Dense"]
    kinds = optimized(function, (4,), for_="training")
    assert kinds == ["Dropout", "GaussianNoise", "AlphaDropout", "GaussianDropout", "Dense"]


def test_a_dropout_that_is_asked_to_drop_stays():
    x = keras.Input((4,))
    model = keras.Model(x, L.Dense(2)(L.Dropout(0.5)(x, training=True)))
    assert "Dropout" in [type(layer).__name__ for layer in graph.optimize(model).layers]


def test_equal_calls_are_computed_once():
    layer = L.Dense(3)

    def function(x):
        a, b = (L.Activation("tanh")(layer(x)) for _ in range(2))
        return L.Multiply()([a, b])

    for for_ in ("inference", "training"):
        assert optimized(function, (4,), for_=for_) == ["Dense", "Multiply"]

    def random(x):
        dropout = L.Dropout(0.5)
        return L.Add()([dropout(x), dropout(x), L.Dropout(0.5)(x)])

    dropouts = graph.optimize(model_of(random, (4,)), for_="training").layers[1:3]
    # Two layers, of which one is called twice.
    assert sorted(len(layer._inbound_nodes) for layer in dropouts) == [1, 2]

    def normalised(x):
        norm = NORM()
        return L.Add()([norm(x), norm(x)])

    result = graph.optimize(model_of(normalised, (4,)), for_="training")
    assert len(result.layers[1]._inbound_nodes) == 2  # Each call moves the statistics.
    assert len(graph.optimize(model_of(normalised, (4,))).layers[1]._inbound_nodes) == 1


def test_masks_are_left_alone():
    x = keras.Input((5,), dtype="int32")
    y = L.Embedding(7, 4, mask_zero=True)(x)
    a, b = L.Dense(3)(y), L.Dense(3)(y)
    model = keras.Model(x, L.LSTM(2)(L.Add()([a, L.Dropout(0.5)(b)])))
    fill_layers(model, 0)
    result = graph.optimize(model)
    fed = np.array([[1, 2, 0, 0, 0], [3, 4, 5, 6, 0]])
    np.testing.assert_allclose(result(fed), model(fed), atol=1e-6)


def test_layers_with_a_state_of_their_own_are_copied():
    normalization = L.Normalization()
    normalization.adapt(np.arange(12.0).reshape(6, 2))
    x = keras.Input((2,))
    words = keras.Model(x, L.UnitNormalization()(normalization(x)))
    fed = np.ones((3, 2), "float32")
    np.testing.assert_allclose(graph.optimize(words)(fed), words(fed), atol=1e-6)

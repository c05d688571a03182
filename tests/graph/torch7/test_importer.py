"""`load_torch7`: golden files of Torch7 in their own layout, and what it refuses."""

import json
import subprocess
import sys
import warnings

import keras
import numpy as np
import pytest
from golden_torch7 import TOLERANCE, Case
from torch7_cases import (
    ALL,
    NO_OUTPUT,
    assert_close,
    fed,
    file_of,
    found_out,
    given,
    inputs_of,
    loaded,
    precision,
)

import graph
from graph import GModule, GraphError, UnsupportedTorch, nn
from graph.layout import from_torch_axes, to_torch_axes
from graph.table import flatten, map_table
from graph.torch7 import TorchObject

# Images, volumes, tables in and out, shared parameters, single samples, several outputs.
SAMPLE = [
    *(("models", n) for n in ("lenet", "tiny_darknet_bn", "triplet_net", "siamese_paralleltable")),
    *(("models", n) for n in ("nested_table_input", "shared_linear", "containers", "lstm_cell")),
    *(("layers", n) for n in ("SpatialConvolution_stride_pad", "Concat_conv", "JoinTable_4d")),
    *(("layers", n) for n in ("UpSampling_trilinear", "SpatialConvolution_unbatched", "View")),
    *(("layers", n) for n in ("SpatialFullConvolution_stride_adj", "VolumetricMaxPooling_ceil")),
    ("rnn", "seqlstm_batchfirst"),
]
OVER_TIME = [("rnn", n) for n in ("charlm_fastlstm", "gru", "seq_select_last")]
sampled = pytest.mark.parametrize(("archive", "name"), SAMPLE)


def check(y, case):
    if case.name not in NO_OUTPUT:
        assert_close(y, case.arrays("output"), TOLERANCE[case.dtype], "output")


@pytest.mark.parametrize(("archive", "name"), ALL)
def test_torchs_own_arrays_give_torchs_own_outputs(archive, name, tmp_path):
    case = Case(archive, name)
    with precision(case.dtype):
        model, batched = loaded(case, tmp_path)
        assert isinstance(model, GModule)
        assert model.train_mode == (case.spec["mode"] == "train")
        y = model.forward(fed(inputs_of(case), batched))
    check(given(y, batched), case)


# Torch gives (1,) for two single vectors and (n,) for batches of n, which nothing here tells apart.
@pytest.mark.parametrize(
    ("archive", "name"), [a for a in ALL if a[1] != "PairwiseDistance_2_unbatched"]
)
def test_a_stated_shape_tells_how_it_was_fed(archive, name, tmp_path):
    case = Case(archive, name)
    with precision(case.dtype):
        batched = loaded(case, tmp_path)[1]
        x = fed(inputs_of(case), batched)
        model, _ = found_out(case, tmp_path, map_table(case_sample(case), x))
        assert model.is_lowered
        y = model.forward(x)
    check(given(y, batched), case)


def case_sample(case):
    """The shape of a sample, of a tensor of the case."""
    on_second = case.archive == "rnn" and case.name != "seqlstm_batchfirst"
    on_second &= not isinstance(case.arrays("input"), list)
    return lambda x: (x.shape[0], *x.shape[2:]) if on_second else x.shape[1:]


@sampled
def test_channels_last_outside(archive, name, tmp_path):
    case = Case(archive, name)
    with precision(case.dtype):
        model, batched = loaded_keras(case, tmp_path)
        y = model.forward(turned(fed(inputs_of(case), batched), from_torch_axes))
    check(given(turned(y, to_torch_axes), batched), case)


def loaded_keras(case, tmp_path):
    _, batched = loaded(case, tmp_path)
    path = file_of(case, tmp_path)
    x = turned(fed(inputs_of(case), batched), from_torch_axes)
    shapes = map_table(lambda leaf: leaf.shape[1:], x)
    return graph.load_torch7(path, shapes, layout="keras", batched=batched), batched


def turned(x, axes):
    return map_table(lambda leaf: np.transpose(leaf, axes(np.ndim(leaf))), x)


def forms(model, folder):
    model.save(folder / "model.keras")
    yield keras.saving.load_model(folder / "model.keras")
    yield model.clone()
    model.to_keras().save(folder / "plain.keras")
    yield keras.saving.load_model(folder / "plain.keras")


@sampled
def test_the_border_stays_with_copies(archive, name, tmp_path):
    case = Case(archive, name)
    with precision(case.dtype):
        model, batched = loaded(case, tmp_path)
        x = fed(inputs_of(case), batched)
        for other in forms(model, tmp_path):
            y = map_table(np.asarray, other(x, training=False))
            check(given(y, batched), case)
        y = other.predict(x, verbose=0)
        check(given(y, batched), case)


@pytest.mark.parametrize("name", ["SpatialConvolution_nonsquare", "SpatialMaxPooling_pad_ceil"])
def test_gradients_pass_the_border(name, tmp_path):
    case = Case("layers", name)
    model, _ = loaded(case, tmp_path)
    model.forward(inputs_of(case))
    slope = model.backward(inputs_of(case), case.arrays("gradOutput"))
    assert_close(slope, case.arrays("gradInput"), TOLERANCE[case.dtype], "gradInput")


PLAIN = """
import json, sys
import numpy as np
import tensorflow as tf
for case in json.load(open("cases.json")):
    serve = tf.saved_model.load(case["name"]).signatures["serving_default"]
    arrays = np.load(case["name"] + ".npz")
    y = serve(**{k: tf.constant(arrays[k]) for k in case["inputs"]})
    for name in case["outputs"]:
        golden = arrays["out_" + name]
        assert y[name].shape == golden.shape, (case["name"], name, y[name].shape)
        close = case["tolerance"]
        np.testing.assert_allclose(y[name], golden, err_msg=case["name"] + " " + name, **close)
    print(case["name"])
assert "graph" not in sys.modules
"""


def test_saved_models_answer_the_same_without_this_package(tmp_path):
    told = []
    for archive, name in SAMPLE + OVER_TIME:
        case = Case(archive, name)
        with precision(case.dtype):
            model, batched = loaded(case, tmp_path)
            graph.export(model, tmp_path / f"saved_{name}")
        x = flatten(fed(inputs_of(case), batched))
        y = flatten(fed(case.arrays("output"), batched))
        inputs = model.input_names
        outputs = [t._keras_history.operation.name for t in flatten(model.outputs)]
        assert len(set(outputs)) == len(y)
        arrays = dict(zip(inputs, x, strict=True))
        arrays |= {f"out_{n}": a for n, a in zip(outputs, y, strict=True)}
        np.savez(tmp_path / f"saved_{name}.npz", **arrays)
        told.append(
            {
                "name": f"saved_{name}",
                "inputs": inputs,
                "outputs": outputs,
                "tolerance": TOLERANCE[case.dtype],
            }
        )
    (tmp_path / "cases.json").write_text(json.dumps(told))
    run = subprocess.run(
        [sys.executable, "-c", PLAIN], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.split() == [entry["name"] for entry in told]


@pytest.fixture
def sequences(tmp_path):
    """A model of rnn that takes (time, batch, features), and 40 steps for it."""
    case = Case("rnn", "fastlstm_tensor_eval")
    path = file_of(case, tmp_path)
    x = np.random.default_rng(0).normal(size=(40, 3, 6)).astype("float32")
    return path, x


def test_sequences_are_never_cut_up(sequences):
    path, x = sequences
    model = graph.load_torch7(path)
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y, model.forward(x), rtol=1e-5, atol=1e-6)
    model.compile("sgd", "mse")
    history = model.fit(x, y, epochs=2, verbose=0)
    assert history.history["loss"] == pytest.approx([0, 0], abs=1e-9)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(0, abs=1e-9)
    with pytest.raises(GraphError, match=r"expected \(40, None, 6\)"):
        model.forward(x[:32])


def test_the_batch_comes_first_in_keras_layout(sequences):
    path, x = sequences
    y = graph.load_torch7(path, (40, 6), layout="keras").predict(x.swapaxes(0, 1), verbose=0)
    np.testing.assert_allclose(y.swapaxes(0, 1), graph.load_torch7(path).forward(x), atol=1e-6)


def test_the_order_of_steps_can_be_stated(sequences):
    path, x = sequences
    other = graph.load_torch7(path, (40, 6), time_major=False)
    assert other.input_shape == (None, 40, 6)
    y = other.forward(x.swapaxes(0, 1))
    np.testing.assert_allclose(y.swapaxes(0, 1), graph.load_torch7(path).forward(x), atol=1e-6)


@pytest.mark.parametrize(("name", "ours"), [("my net (2)", "my_net__2_"), ("_a", "model_a")])
def test_a_name_that_keras_cannot_run_with(name, ours):
    linear = TorchObject("nn.Linear", {"weight": np.ones((1, 2)), "bias": np.zeros(1)})
    model = graph.load_torch7(TorchObject("nn.Sequential", {"modules": [linear], "name": name}))
    assert model.name == ours
    np.testing.assert_array_equal(model.predict(np.ones((3, 2)), verbose=0), np.full((3, 1), 2.0))


def test_shapes_come_with_the_first_data(tmp_path):
    case = Case("models", "lenet")
    model = graph.load_torch7(file_of(case, tmp_path))
    assert not model.is_lowered
    model.build((None, 1, 32, 32))
    assert model.input_shape == (None, 1, 32, 32)
    check(model.forward(inputs_of(case)), case)


def test_open_sizes_stay_open(tmp_path):
    case = Case("layers", "SpatialConvolution")
    model = graph.load_torch7(file_of(case, tmp_path), [3, None, None])
    assert model.output_shape == (None, 4, None, None)
    check(model.forward(inputs_of(case)), case)
    assert model.forward(np.ones((1, 3, 10, 12), "float32")).shape == (1, 4, 8, 10)


def test_stated_sizes_build_the_model_at_once(tmp_path):
    model = graph.load_torch7(file_of(Case("models", "two_in_two_out"), tmp_path))
    assert [tuple(x.shape) for x in model.inputs] == [(None, 20), (None, 10)]
    local = graph.load_torch7(file_of(Case("layers", "SpatialConvolutionLocal"), tmp_path))
    assert local.input_shape == (None, 2, 5, 6)


@pytest.mark.parametrize("layout", ["torch", "keras"])
def test_a_shape_that_does_not_fit(layout, tmp_path):
    path = file_of(Case("models", "mlp_readme"), tmp_path)
    with pytest.raises(GraphError, match="Linear"):
        graph.load_torch7(path, (30,), layout=layout)


def test_shared_parameters_stay_one(tmp_path):
    model, _ = loaded(Case("models", "siamese_paralleltable"), tmp_path)
    assert len(model.trainable_variables) == 4
    model.save(tmp_path / "siamese.keras")
    assert len(keras.saving.load_model(tmp_path / "siamese.keras").trainable_variables) == 4


def test_single_samples_are_found_out_with_a_warning(tmp_path):
    case = Case("models", "containers")
    path = file_of(case, tmp_path)
    with pytest.warns(UserWarning, match=r"loaded as fed single samples .*forward\(x\[None\]\)"):
        model = graph.load_torch7(path, (2, 10))
    check(model.forward(inputs_of(case)[None])[0], case)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        graph.load_torch7(path, (2, 10), batched=False)
    with pytest.raises(
        UnsupportedTorch, match=r"(?s)modules\[1\] \(nn.SplitTable\).*batched=False"
    ):
        graph.load_torch7(path, (2, 10), batched=True)


def test_an_annotated_image_input_keeps_its_name():
    x = nn.Identity()().annotate(name="image")
    y = nn.SpatialMaxPooling(2, 2)(x).annotate(name="pool")
    from graph.torch7.border import bordered

    model = bordered([x], [y], None, [(3, 4, 6)], "torch")
    assert model.input_names == ["image"]
    assert [layer.name for layer in model.layers] == [
        "image",
        "image_channels_last",
        "pool",
        "pool_channels_first",
    ]
    assert model.output_shape == (None, 3, 2, 3)

"""`save_torch7`: models made in Python, written and read again, and what it refuses."""

import os

import element_examples
import image_examples
import keras
import numpy as np
import pytest
from golden_torch7 import Case
from hypothesis import HealthCheck, given, settings
from random_graphs import build, specs
from torch7_cases import file_of, precision
from torch7_structure import inconsistencies

import graph
import zoo
from graph import GraphError, gModule, nn, save_torch7
from graph.nn.tying import tie
from graph.table import flatten
from graph.torch7 import TorchObject, load

RAMP = element_examples.ramp
FLAT, SEQUENCE, IMAGE = RAMP(4, 6), RAMP(3, 4, 6), RAMP(2, 5, 4, 3)


def outputs(model, x):
    model.evaluate().ensure_built(x)
    return [np.asarray(y) for y in flatten(model(x, training=False))]


def assert_survives(model, x, path, **options):
    """Written and loaded again, the model gives the same; returns the Torch object."""
    before = outputs(model, x)
    save_torch7(model, path, **options)
    after = outputs(graph.load_torch7(path, layout="keras", **_read(options)), x)
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
    return load(path)


def _read(options):
    return {k: v for k, v in options.items() if k != "format"}


def around(module):
    node = nn.Identity()()
    return gModule([node], [module(node)])


def weight_of(module, name="weight"):
    variable = module.named_parameters()[name]
    return module.parameter_to_torch(name, keras.ops.convert_to_numpy(variable))


# -- every module -------------------------------------------------------------------------

# Torch feeds these no batches, or a table of its own making; see the tests of refusals.
NO_BATCHES = (nn.SpatialFullConvolutionMap, nn.TemporalSubSampling, nn.JustElement)


def over_time():
    def cell():
        return nn.Sequential(
            nn.ParallelTable(nn.Linear(6, 5), nn.Linear(5, 5)), nn.CAddTable(), nn.Tanh()
        )

    simple = nn.Add(5), nn.Linear(6, 5), nn.Linear(5, 5), nn.Sigmoid()
    return [
        nn.FastLSTM(6, 5),
        nn.LSTM(6, 5, 7),
        nn.LSTM(6, 5, cell2gate=False),
        nn.GRU(6, 5),
        nn.SeqLSTM(6, 5),
        nn.SeqGRU(6, 5),
        nn.Sequencer(nn.FastLSTM(6, 5)),
        nn.Sequencer(nn.Sequential(nn.Linear(6, 3), nn.GRU(3, 2), nn.Tanh())),
        nn.Sequencer(nn.Linear(6, 2)),
        nn.BiSequencer(nn.FastLSTM(6, 5), nn.GRU(6, 5)),
        nn.BiSequencer(nn.FastLSTM(6, 5), nn.FastLSTM(6, 5), nn.CAddTable()),
        nn.Recurrent(*simple),
        nn.Sequencer(nn.Recurrence(cell(), 5)),
        nn.Sequential(nn.Sequencer(nn.LSTM(6, 5)), nn.Select(1, -1), nn.Linear(5, 2)),
        nn.Sequential(nn.SeqLSTM(6, 5), nn.Select(1, 4), nn.Linear(5, 2)),
        nn.Sequencer(nn.Recursor(nn.FastLSTM(6, 5))),
        nn.Recursor(nn.FastLSTM(6, 5)),
    ]


def of_tables():
    four = [nn.Linear(6, 2) for _ in range(4)]
    table = [FLAT, FLAT + 1]
    return [
        (nn.JoinTable(1), table),
        (nn.JoinTable(2, 2), [SEQUENCE, SEQUENCE]),
        (nn.SplitTable(1), SEQUENCE),
        (nn.NarrowTable(2, 1), table),
        (nn.FlattenTable(), [FLAT, [FLAT, FLAT]]),
        (nn.MixtureTable(), [RAMP(4, 2), table]),
        (nn.View(-1), IMAGE),
        (nn.View(2, 3), FLAT),
        (nn.View(-1, 60), IMAGE),
        (nn.Reshape(3, 2), FLAT),
        (nn.Reshape(-1, 2), FLAT),
        (nn.Select(1, 2), SEQUENCE),
        (nn.Narrow(2, 2, 3), SEQUENCE),
        (nn.Transpose((1, 2)), SEQUENCE),
        (nn.Unsqueeze(2), SEQUENCE),
        (nn.Replicate(3, 2), SEQUENCE),
        (nn.Padding(1, -2), SEQUENCE),
        (nn.Sum(2, 2, True), SEQUENCE),
        (nn.Concat(1, nn.Linear(6, 2), nn.Linear(6, 3)), FLAT),
        (nn.Parallel(1, 1, *four), SEQUENCE),
        (nn.Parallel(1, 0, *four), SEQUENCE),
        (nn.MapTable(nn.Linear(6, 2)), table),
        (nn.Bottle(nn.Linear(6, 2)), SEQUENCE),
        (nn.WeightNorm(nn.SpatialConvolution(3, 2, 3, 3), 2), IMAGE),
        (nn.LayerNormalization(6), FLAT),
        (nn.SpatialSubtractiveNormalization(3, [1.0, 3.0, 2.0]), IMAGE),
        (nn.SpatialDivisiveNormalization(3, [1.0, 3.0, 2.0]), IMAGE),
    ]


def test_every_module_with_arguments_of_its_own_survives(tmp_path):
    every = [*element_examples.examples(), *image_examples.examples(), *of_tables()]
    every += [(module, SEQUENCE) for module in over_time()]
    for module, x in every:
        if not isinstance(module, NO_BATCHES):
            assert_survives(around(module), x, tmp_path / "a.t7")


def test_single_samples_are_written_for_single_samples(tmp_path):
    options = {"batched": False}
    for module, x in ((nn.TemporalSubSampling(4, 3, 2), RAMP(2, 9, 4)), (nn.Select(1, 2), FLAT)):
        assert_survives(around(module), x, tmp_path / "a.t7", **options)


# -- graphs -------------------------------------------------------------------------------


def lstm_cell():
    xt, c, h = (nn.Identity()().annotate(name=name) for name in ("xt", "c", "h"))

    def gate(name, activation):
        total = nn.CAddTable()([nn.Linear(12, 8)(xt), nn.Linear(8, 8)(h)])
        return activation(total).annotate(name=name, description=f"the {name}")

    enter, forget, leave = (gate(n, nn.Sigmoid()) for n in ("enter", "forget", "leave"))
    written = nn.CMulTable()([enter, gate("new", nn.Tanh())])
    new = nn.CAddTable()([nn.CMulTable()([forget, c]), written])
    new.annotate(graphAttributes={"color": "red"})
    return gModule([xt, c, h], [new, nn.CMulTable()([leave, nn.Tanh()(new)])], name="cell")


def test_an_lstm_cell_keeps_its_names_and_labels(tmp_path):
    x = [RAMP(3, 12), RAMP(3, 8), RAMP(3, 8) / 2]
    cell = lstm_cell()
    obj = assert_survives(cell, x, tmp_path / "cell.t7")
    assert not inconsistencies(obj)
    assert (obj["name"], obj["nInputs"], obj["output"]) == ("cell", 3, [])
    back = graph.load_torch7(tmp_path / "cell.t7", layout="keras")
    assert back.name == "cell"

    def told(model):
        rows = [
            (node.annotations.get(key), node.origin.line)
            for node in model.forwardnodes
            for key in ("name", "description", "graphAttributes")
        ]
        return sorted(map(repr, rows))

    assert told(back) == told(cell)


def test_lenet5_survives_for_images_planes_first(tmp_path):
    model, x = zoo.LeNet5(), RAMP(2, 32, 32, 1)
    obj = assert_survives(model, x, tmp_path / "lenet.t7", format="ascii")
    assert (tmp_path / "lenet.t7").read_bytes()[:2] == b"4\n"
    assert not inconsistencies(obj)
    planes_first = graph.load_torch7(tmp_path / "lenet.t7")
    (y,) = outputs(planes_first, x.transpose(0, 3, 1, 2))
    np.testing.assert_allclose(y, outputs(model, x)[0], rtol=1e-5, atol=1e-6)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs(12))
def test_random_graphs_survive(tmp_path, spec):
    model, _ = build(spec)
    x = [RAMP(3, 4) + i for i in range(spec["inputs"])]
    obj = assert_survives(model, x if len(x) > 1 else x[0], tmp_path / "a.t7")
    assert not inconsistencies(obj)


def test_a_gmodule_inside_a_container_inside_a_gmodule(tmp_path):
    a = nn.Linear(6, 5)()
    inner = gModule([a], [nn.Tanh()(a)])
    model = around(nn.Sequential(inner, nn.Linear(5, 2)))
    obj = assert_survives(model, FLAT, tmp_path / "a.t7")
    sequential = obj["modules"][1]
    assert [m.class_name for m in sequential["modules"]] == ["nn.gModule", "nn.Linear"]


def test_a_node_read_twice_is_passed_through_an_identity(tmp_path):
    # nngraph refuses it: "Don't pass the same input twice".
    x = graph.Input((6,))
    obj = assert_survives(gModule([x], [nn.CAddTable()([x, x])]), FLAT, tmp_path / "a.t7")
    assert [m.class_name for m in obj["modules"]] == ["nn.Identity"] * 2 + ["nn.CAddTable"]


def test_a_nested_table_of_one_stays_a_table(tmp_path):
    x = graph.Input((6,))
    y = nn.FlattenTable()([[x - nn.Tanh()], x])
    assert_survives(gModule([x], [nn.CSubTable()(y)]), FLAT, tmp_path / "a.t7")


# -- parameters ---------------------------------------------------------------------------


def test_shared_modules_and_parameters_are_shared_in_the_file(tmp_path):
    a, b, x = nn.Linear(3, 3), nn.Linear(3, 3), graph.Input((3,))
    model = gModule([x], [nn.CAddTable()([a(a(x)), b(x)])])
    around(b).share(around(a), "weight")
    save_torch7(model, tmp_path / "a.t7")
    modules = load(tmp_path / "a.t7")["modules"]
    first, second = (m for m in modules if m.class_name == "nn.Linear")
    assert np.shares_memory(first["weight"], second["weight"])
    assert np.shares_memory(first["gradWeight"], second["gradWeight"])
    assert not np.shares_memory(first["bias"], second["bias"])
    np.testing.assert_array_equal(first["weight"], weight_of(a))


def test_weights_gradients_and_means_are_torchs(tmp_path):
    convolution, norm = nn.SpatialConvolution(3, 2, 3, 2), nn.SpatialBatchNormalization(2)
    model = around(nn.Sequential(convolution, norm, nn.View(-1), nn.Linear(16, 5)))
    y = model.training().forward(IMAGE)
    model.backward(IMAGE, np.ones_like(y))
    save_torch7(model, tmp_path / "a.t7")
    first, second, *_ = load(tmp_path / "a.t7")["modules"][1]["modules"]
    kernel = model.parameters()[0][0].numpy()
    assert first["weight"].shape == (2, 3, 2, 3)  # Planes out, planes in, rows, columns.
    np.testing.assert_array_equal(first["weight"], kernel.transpose(3, 2, 0, 1))
    slope = model.parameters()[1][0]
    assert np.any(slope)
    np.testing.assert_array_equal(first["gradWeight"], slope.transpose(3, 2, 0, 1))
    assert np.any(second["running_mean"]) and second["train"] is True
    np.testing.assert_array_equal(second["running_mean"], norm.statistics_layer().moving_mean)


@pytest.mark.parametrize("layout", ["torch", "keras"])
def test_a_loaded_model_saves_what_it_has_learnt_since(layout, tmp_path):
    case = Case("models", "lenet")
    model = graph.load_torch7(file_of(case, tmp_path), layout=layout)
    x = np.asarray(case.arrays("input"))
    fed = x if layout == "torch" else x.transpose(0, 2, 3, 1)
    y = model.training().forward(fed)
    model.zeroGradParameters()
    model.backward(fed, np.ones_like(y))
    model.updateParameters(0.01)
    expected = outputs(model, fed)[0]
    assert not np.allclose(expected, case.arrays("output"), rtol=1e-3)
    model.save(tmp_path / "trained.keras")  # What the loader noted survives Keras's own file.
    save_torch7(keras.saving.load_model(tmp_path / "trained.keras"), tmp_path / "trained.t7")
    obj = load(tmp_path / "trained.t7")
    assert obj.class_name == case.spec["class"]
    again = graph.load_torch7(tmp_path / "trained.t7")
    np.testing.assert_allclose(outputs(again, x)[0], expected, rtol=1e-5, atol=1e-6)


def test_double_models_are_written_in_double(tmp_path):
    linear = nn.Linear(3, 2)
    with precision("float64"):
        linear.named_parameters()
    save_torch7(linear, tmp_path / "a.t7")
    obj = load(tmp_path / "a.t7")
    kinds = {v.dtype.name for v in obj.fields.values() if isinstance(v, np.ndarray)}
    assert kinds == {"float64"} and obj["_type"] == "torch.DoubleTensor"


def test_the_dimension_counts_the_batch_where_torch_feeds_one(tmp_path):
    for batched, dimension in ((True, 3), (False, 2)):
        save_torch7(nn.Narrow(2, 1, 4), tmp_path / "a.t7", batched=batched)
        assert load(tmp_path / "a.t7")["dimension"] == dimension


def test_a_model_fed_single_samples_comes_back_so_without_being_told(tmp_path):
    case = Case("models", "containers")
    model = graph.load_torch7(file_of(case, tmp_path), batched=False)
    save_torch7(model, tmp_path / "a.t7")
    again = graph.load_torch7(tmp_path / "a.t7", batched=False)
    x = [np.asarray(v)[None] for v in flatten(case.arrays("input"))]
    x = x[0] if len(x) == 1 else x
    for a, b in zip(outputs(model, x), outputs(again, x), strict=True):
        np.testing.assert_array_equal(a, b)


def test_sequences_are_batch_first_in_torch_unless_time_is(tmp_path):
    for time_major, first in ((None, False), (True, False), (False, True)):
        save_torch7(nn.SeqLSTM(3, 2), tmp_path / "a.t7", time_major=time_major)
        assert load(tmp_path / "a.t7")["batchfirst"] is first


# -- refusals -----------------------------------------------------------------------------


def refused(model, tmp_path, **options):
    path = tmp_path / "no.t7"
    path.write_bytes(b"as it was")
    with pytest.raises(GraphError) as caught:
        save_torch7(model, path, **options)
    assert path.read_bytes() == b"as it was" and os.listdir(tmp_path) == ["no.t7"]
    return str(caught.value)


def test_all_modules_without_a_twin_are_named_with_their_paths(tmp_path):
    class Own(nn.Tanh):
        pass

    x = nn.Linear(4, 3)()
    y = graph.node(keras.layers.Dense(3))(x)
    text = refused(gModule([x], [nn.Sequential(nn.Tanh(), Own())(y)]), tmp_path)
    assert "model.node 2 (Dense, declared" in text and "keras Dense has no Torch twin" in text
    assert "(Sequential, declared" in text and ".2: nn.Own() has no Torch twin" in text


def test_what_takes_no_batches_is_refused_for_batches(tmp_path):
    text = refused(nn.Sequential(nn.TemporalSubSampling(4, 3, 2)), tmp_path)
    assert "model.1: nn.TemporalSubSampling(4, 3, 2)" in text and "save it as" in text


def test_a_view_that_torch_could_not_place_is_refused_until_it_is_fed(tmp_path):
    text = refused(nn.Sequential(nn.View(-1)), tmp_path)
    assert "model.1: nn.View(-1) cannot be written: it needs the number of dimensions" in text
    assert "leading -1" in refused(nn.Reshape(-1, 3), tmp_path)
    save_torch7(nn.View(-1).setNumInputDims(3), tmp_path / "no.t7")
    assert load(tmp_path / "no.t7")["numInputDims"] == 3


def test_the_transpositions_of_an_inner_model_are_refused(tmp_path):
    case = Case("models", "lenet")
    (tmp_path / "in").mkdir()
    inner = graph.load_torch7(file_of(case, tmp_path / "in"))
    (tmp_path / "out").mkdir()
    text = refused(around(inner), tmp_path / "out")
    assert "turns images inside the model" in text


def test_a_parameter_shared_by_two_layouts_is_refused(tmp_path):
    linear, partial = nn.Linear(4, 4), nn.PartialLinear(4, 4)
    owner, variable = (m.named_parameters()["weight"] for m in (linear, partial))
    for layer in partial.held_layers():
        tie(layer, variable, owner)
    assert "lays it out otherwise" in refused(nn.Sequential(linear, partial), tmp_path)


def test_an_unknown_format_and_what_is_no_model_are_refused(tmp_path):
    with pytest.raises(ValueError, match="format='json'"):
        save_torch7(nn.Tanh(), tmp_path / "a.t7", format="json")
    with pytest.raises(GraphError, match="stands where a module belongs"):
        save_torch7("nn.Tanh", tmp_path / "a.t7")
    with pytest.raises(OSError):
        save_torch7(nn.Tanh(), tmp_path / "missing" / "a.t7")
    assert not os.listdir(tmp_path)


def test_a_bare_module_is_written_as_itself(tmp_path):
    save_torch7(nn.Tanh(), tmp_path / "a.t7")
    obj = load(tmp_path / "a.t7")
    assert isinstance(obj, TorchObject) and obj.class_name == "nn.Tanh"

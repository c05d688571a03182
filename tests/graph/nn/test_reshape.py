"""View, Reshape and Collapse: values in Torch's order."""

import numpy as np
import pytest

import graph
from graph import gModule, nn


def torch_order(x):
    return np.moveaxis(x, -1, 1) if x.ndim >= 4 else x


def keras_order(x):
    return np.moveaxis(x, 1, -1) if x.ndim >= 4 else x


def ramp(*shape):
    return np.arange(np.prod(shape)).reshape(shape).astype("float32")


KINDS = [nn.View, nn.Reshape]
SHAPES = [
    ((2, 3, 4), (24,), (24,)),
    ((2, 3, 4), (-1,), (24,)),
    ((24,), (4, 2, 3), (4, 2, 3)),
    ((2, 3, 4), (2, 12), (2, 12)),
    ((2, 3, 4), (3, 4, 2), (3, 4, 2)),
    ((2, 3, 4), (2, -1, 3), (2, 4, 3)),
    ((6, 4), (2, 3, 4), (2, 3, 4)),
    ((1, 1, 6), (6,), (6,)),
    ((2, 3, 4), (-1, 24), (24,)),
    ((2, 3, 4, 5), (60, 2), (60, 2)),
    ((2, 3), (1, 6), (1, 6)),
    ((2, 3), (6, -1), (6, 1)),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("sample", "sizes", "result"), SHAPES)
def test_as_numpy_reshapes_what_lies_in_torchs_order(run, kind, sample, sizes, result):
    x = ramp(3, *sample)  # In Keras's layout.
    ran = run(kind(*sizes), x, keras_order(ramp(3, *result)))
    np.testing.assert_array_equal(ran.output, keras_order(torch_order(x).reshape(3, *result)))
    back = ramp(3, *result).reshape(torch_order(x).shape)
    np.testing.assert_array_equal(ran.gradInput, keras_order(back))


@pytest.mark.parametrize(
    ("case", "module"),
    [
        ("View", nn.View(24)),
        ("View_numInputDims", nn.View(24).setNumInputDims(2)),
        ("View_2x12_numInputDims", nn.View(2, 12).setNumInputDims(2)),
        ("View_batch1_numInputDims", nn.View(24).setNumInputDims(2)),
        ("View_infer_numInputDims", nn.View(-1).setNumInputDims(2)),
        ("Reshape", nn.Reshape(2, 12)),
        ("Reshape_24", nn.Reshape(24)),
        ("Reshape_batchMode_true", nn.Reshape(4, 6)),
    ],
)
def test_torch7s_own_numbers(like_torch, case, module):
    like_torch(case, module)


def test_a_leading_minus_one_is_the_batch_unless_the_dimensions_are_counted(run):
    x = ramp(3, 2, 3, 4)
    assert run(nn.View(-1, 24), x).output.shape == (3, 24)
    assert run(nn.View(-1, 24).setNumInputDims(3), x).output.shape == (3, 1, 24)
    assert run(nn.View(-1, 12), x).output.shape == (3, 2, 12)


@pytest.mark.parametrize("sample", [(6,), (2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_collapse(run, sample):
    x = ramp(3, *sample)
    output = run(nn.Collapse(len(sample)), x).output
    np.testing.assert_array_equal(output, torch_order(x).reshape(3, -1))


def test_batch_mode_is_kept_and_changes_nothing(run):
    for module in (nn.Reshape(4, 6, True), nn.Reshape(4, 6, False), nn.Reshape(4, 6)):
        assert run(module, ramp(3, 24)).output.shape == (3, 4, 6)
    assert nn.Reshape(4, 6, False).batchMode is False
    assert repr(nn.Reshape(4, 6, True)) == "nn.Reshape(4, 6, batchMode=True)"
    assert repr(nn.View(4, 6)) == "nn.View(4, 6)"


def test_image_sizes_known_only_when_it_runs():
    x = graph.Input((None, None, 2))
    model = gModule([x], [nn.View(-1, 24)(x)])
    assert model.output_shape == (None, 24)
    for size in ((3, 4), (6, 2)):
        image = ramp(5, *size, 2)
        expected = torch_order(image).reshape(5, 24)
        np.testing.assert_array_equal(model.predict(image, verbose=0), expected)


def test_permutations_only_where_they_change_something(run):
    def layers(module, x):
        return [type(layer).__name__ for layer in run(module, x).model.layers[1:]]

    assert layers(nn.View(24), ramp(1, 2, 3, 4)) == ["Permute", "Reshape"]
    assert layers(nn.View(6), ramp(1, 1, 1, 6)) == ["Reshape"]
    assert layers(nn.View(6), ramp(1, 2, 3)) == ["Reshape"]
    assert layers(nn.View(2, 3, 4), ramp(1, 24)) == ["Reshape", "Permute"]


def test_the_node_that_is_named_is_the_last_layer():
    x = graph.Input((2, 3, 4))
    model = gModule([x], [nn.View(4, 3, 2)(x).annotate(name="turned")])
    assert model.get_layer("turned").output.shape == (None, 3, 2, 4)


def test_one_view_may_stand_at_inputs_of_different_shape():
    view = nn.View(-1)
    a, b = graph.Input((2, 3)), graph.Input((2, 2, 2))
    model = gModule([a, b], [view(a), view(b)])
    x, y = ramp(4, 2, 3), ramp(4, 2, 2, 2)
    first, second = model.forward([x, y])
    np.testing.assert_array_equal(first, x.reshape(4, 6))
    np.testing.assert_array_equal(second, torch_order(y).reshape(4, 8))


@pytest.mark.parametrize("kind", KINDS)
def test_mistakes(refused, kind):
    text = refused(kind(5, 5), (2, 3, 4))
    assert "cannot view the 24 values of a sample (Torch order: 4 x 2 x 3) as 5 x 5" in text
    assert "must multiply to 24" in text
    assert "as 5 x -1" in refused(kind(5, -1), (2, 3, 4))
    assert "takes one tensor, not a table" in refused(kind(4), [(2,), (2,)])
    for sizes in ((), (0,), (-1, -1), (-2,), ("4",), (2.5,)):
        with pytest.raises(graph.GraphError, match=rf"nn.{kind.__name__}: size.* must be"):
            kind(*sizes)


def test_sizes_may_come_as_one_list():
    assert nn.View([2, 3]).sizes == nn.View(2, 3).sizes == (2, 3)

"""Dimensions of Torch files, which count whatever Torch was fed: against Torch's rules in numpy."""

import keras
import numpy as np
import pytest
from golden_torch7 import to_keras, to_torch

from graph import GraphError, gModule, nn
from graph.nn.torch_fields import UnsupportedTorch
from graph.torch7.convert import to_module
from graph.torch7.types import TorchObject, TorchStorage


def ramp(*shape):
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


def run(name, fields, x, batched):
    """What a Torch object gives for `x`, both in Torch's layout."""
    module = to_module(TorchObject(f"nn.{name}", fields), batched=batched)
    node = nn.Identity()()
    model = gModule([node], [module(node)])
    return to_torch(model.forward(to_keras(x, batched)), batched)


def same(name, fields, x, expected, batched):
    output = run(name, fields, x, batched)
    if not isinstance(expected, list):
        output, expected = [output], [expected]
    assert len(output) == len(expected)
    for a, b in zip(output, expected, strict=True):
        assert np.shape(a) == np.shape(b)
        np.testing.assert_allclose(a, b, rtol=1e-6)


def both(name, fields, x, expected):
    """Fed single samples any file must give what Torch gives; fed batches where it can."""
    same(name, fields, x, expected, False)
    same(name, fields, x, expected, True)


def size(*sizes):
    return {"size": TorchStorage(np.array(sizes, "int64"))}


def counted(dimension, n, rank):
    """Torch's `_getPositiveDimension`, as a numpy axis."""
    if dimension < 0:
        return rank + dimension
    return dimension - 1 + (n is not None and rank == n + 1)


COUNTED = [(2, None), (3, None), (-1, None), (1, 2), (2, 2), (2, 1), (3, 3), (2, -1)]


@pytest.mark.parametrize(("dimension", "n"), COUNTED)
@pytest.mark.parametrize("name", ["Max", "Min", "Sum", "Mean", "SplitTable", "JoinTable"])
def test_dimension_and_n_input_dims(name, dimension, n):
    x = ramp(4, 3, 5)
    axis = counted(dimension, n, 3)
    fields = {"dimension": dimension, **({} if n is None else {"nInputDims": n})}
    if name == "Mean":
        fields["sizeAverage"] = True
    expected = {
        "Max": lambda: x.max(axis),
        "Min": lambda: x.min(axis),
        "Sum": lambda: x.sum(axis),
        "Mean": lambda: x.mean(axis),
        "SplitTable": lambda: [np.take(x, i, axis) for i in range(x.shape[axis])],
        "JoinTable": lambda: np.concatenate([x, 2 * x], axis),
    }[name]()
    given = [x, 2 * x] if name == "JoinTable" else x
    both(name, fields, given, expected)


@pytest.mark.parametrize("name", ["Max", "Sum", "JoinTable", "SplitTable"])
def test_the_batch_itself_is_refused(name):
    x = [ramp(4, 3), ramp(4, 3)] if name == "JoinTable" else ramp(4, 3)
    with pytest.raises(UnsupportedTorch, match="works along dimension 1"):
        run(name, {"dimension": 1}, x, True)
    for fields in ({"dimension": 1, "nInputDims": 2}, {"dimension": -2}):
        with pytest.raises(GraphError, match="works along dimension 1.*which is the batch"):
            run(name, fields, x, True)


@pytest.mark.parametrize("name", ["Max", "Sum"])
def test_a_single_vector_keeps_a_dimension(name):
    x = ramp(5)
    expected = x.max() if name == "Max" else x.sum()
    same(name, {"dimension": 1}, x, expected.reshape(1), False)


@pytest.mark.parametrize(
    ("average", "squeeze"), [(False, False), (True, False), (True, True), (None, None)]
)
def test_sum(average, squeeze):
    x = ramp(4, 3, 5, 2)
    fields = {"dimension": 3, "sizeAverage": average, "squeeze": squeeze}
    expected = x.sum(2, keepdims=squeeze is False) / (5 if average else 1)
    both("Sum", fields, x, expected)


def test_an_old_mean_averages():
    both("Mean", {"dimension": 2}, ramp(4, 3, 5), ramp(4, 3, 5).mean(1))


@pytest.mark.parametrize(("dim", "n"), [(2, None), (3, None), (2, 3), (1, 2), (2, 2), (2, 4)])
@pytest.mark.parametrize("pad", [-2, 3])
@pytest.mark.parametrize("index", [1, 2, 3])
def test_padding(dim, n, pad, index):
    x = ramp(4, 3, 5)
    axis = dim - 1 + (n is not None and n != 3)
    length = x.shape[axis]
    place = index - 1 if pad < 0 else length - index + 1
    filler = list(x.shape)
    filler[axis] = abs(pad)
    before, after = np.split(x, [place], axis)
    expected = np.concatenate([before, np.full(filler, 7.5, "float32"), after], axis)
    fields = {"dim": dim, "pad": pad, "value": 7.5, "index": index}
    both("Padding", fields | ({} if n is None else {"nInputDim": n}), x, expected)


def test_padding_of_the_batch_is_refused():
    with pytest.raises(GraphError, match="works along dimension 1, which is the batch"):
        run("Padding", {"dim": 1, "pad": 1, "nInputDim": 2}, ramp(4, 3), True)


@pytest.mark.parametrize(("dim", "ndim"), [(2, None), (4, None), (1, 2), (2, 2), (3, 3), (3, 1)])
def test_replicate(dim, ndim):
    x = ramp(4, 3, 5)
    place = dim - 1 + (ndim is not None and 3 > ndim)
    expected = np.repeat(np.expand_dims(x, place), 6, place)
    fields = {"nfeatures": 6, "dim": dim, **({} if ndim is None else {"ndim": ndim})}
    both("Replicate", fields, x, expected)


def test_replicate_without_dim():
    same("Replicate", {"nfeatures": 2}, ramp(4, 3), np.stack([ramp(4, 3)] * 2), False)
    with pytest.raises(UnsupportedTorch, match="works along dimension 1"):
        run("Replicate", {"nfeatures": 2}, ramp(4, 3), True)


@pytest.mark.parametrize(
    ("pos", "n"), [(2, None), (4, None), (1, 2), (3, 2), (2, 3), (4, 3), (1, 1)]
)
def test_unsqueeze(pos, n):
    x = ramp(4, 3, 5)
    place = pos - 1 + (0 if n is None else 3 - n)
    fields = {"pos": pos, **({} if n is None else {"numInputDims": n})}
    both("Unsqueeze", fields, x, np.expand_dims(x, place))


def test_unsqueeze_before_the_batch_is_refused():
    with pytest.raises(GraphError, match="works along dimension 1"):
        run("Unsqueeze", {"pos": 1, "numInputDims": 2}, ramp(4, 3), True)
    same("Unsqueeze", {"pos": 1, "numInputDims": 2}, ramp(4, 3), ramp(1, 4, 3), False)


@pytest.mark.parametrize(
    ("shape", "dim", "n", "result"),
    [
        ((4, 1, 3, 1), None, None, (4, 3)),
        ((4, 1, 3, 1), 2, None, (4, 3, 1)),
        ((4, 1, 3, 1), 3, None, (4, 1, 3, 1)),
        ((4, 1, 3, 1), 3, 3, (4, 1, 3)),
        ((4, 1, 3, 1), 2, 4, (4, 3, 1)),
        ((4, 1, 3, 1, 2), None, 4, (4, 3, 2)),
        ((4, 2, 3, 5, 1), None, 4, (4, 2, 3, 5)),
    ],
)
def test_squeeze(shape, dim, n, result):
    fields = {k: v for k, v in {"dim": dim, "numInputDims": n}.items() if v is not None}
    both("Squeeze", fields, ramp(*shape), ramp(*shape).reshape(result))


@pytest.mark.parametrize(
    ("shape", "dim", "n", "result"),
    [
        ((1, 3, 1), None, None, (3,)),
        ((1, 3, 1), None, 2, (1, 3)),
        ((1, 1), None, None, (1,)),
        ((1,), 1, None, (1,)),
        ((1, 1, 1), None, None, (1,)),
        ((1, 1, 1), None, 2, (1, 1)),  # One is left, and the batch is put before it again.
        ((1, 3), 1, None, (3,)),
        ((3, 1), 1, 1, (3,)),
    ],
)
def test_squeeze_of_single_samples(shape, dim, n, result):
    fields = {k: v for k, v in {"dim": dim, "numInputDims": n}.items() if v is not None}
    same("Squeeze", fields, ramp(*shape), ramp(*shape).reshape(result), False)


@pytest.mark.parametrize(
    ("pairs", "n"),
    [
        ([[2, 3]], None),
        ([[2, 4], [3, 4]], None),
        ([[1, 3]], 3),
        ([[1, 2], [2, 3]], 3),
        ([[1, 2], [1, 2]], None),
        ([[1, 2], [2, 3], [1, 3]], None),
    ],
)
def test_transpose(pairs, n):
    x = ramp(4, 3, 5, 2)
    expected = x
    for a, b in pairs:
        offset = 0 if n is None else 4 - n
        expected = np.swapaxes(expected, a - 1 + offset, b - 1 + offset)
    same("Transpose", {"permutations": pairs, "numInputDims": n}, x, expected, False)
    if expected.shape[0] == 4:
        same("Transpose", {"permutations": pairs, "numInputDims": n}, x, expected, True)
    else:
        with pytest.raises(UnsupportedTorch, match="works along dimension 1"):
            run("Transpose", {"permutations": pairs, "numInputDims": n}, x, True)


@pytest.mark.parametrize(
    ("dimension", "index", "length"),
    [
        (2, 2, 2),
        (2, 2, None),
        (3, 2, -1),
        (3, 1, -3),
        (2, -3, 2),
        (3, -2, 1),
        (-1, 2, 3),
        (3, -5, -8),
    ],
)
def test_narrow(dimension, index, length):
    x = ramp(4, 3, 5)
    axis = dimension - 1 if dimension > 0 else 3 + dimension
    first, count = index, 1 if length is None else length
    if count < 0:
        count = x.shape[axis] - index + count + 2
    if index < 0:
        first, count = 1, x.shape[axis] - count
    expected = np.take(x, range(first - 1, first - 1 + count), axis)
    both("Narrow", {"dimension": dimension, "index": index, "length": length}, x, expected)


@pytest.mark.parametrize(("dimension", "index"), [(2, 3), (3, -1), (-1, 1), (-2, -3), (4, 2)])
def test_select(dimension, index):
    x = ramp(4, 3, 5, 2)
    axis = dimension - 1 if dimension > 0 else 4 + dimension
    expected = np.take(x, index - 1 if index > 0 else index, axis)
    both("Select", {"dimension": dimension, "index": index}, x, expected)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_index_has_one_list_for_everything(dimension):
    x, indices = ramp(4, 3, 5), np.array([3, 1, 3, 2])
    expected = np.take(x, indices - 1, dimension - 1)
    same("Index", {"dimension": dimension}, [x, indices], expected, False)
    with pytest.raises(UnsupportedTorch, match="works along dimension 1 of its indices"):
        run("Index", {"dimension": dimension}, [x, indices], True)


def test_masked_select_keeps_torchs_order():
    x = ramp(2, 3, 4, 5)
    both("MaskedSelect", {}, [x, (x > 0.1).astype("uint8")], x[x > 0.1])


def view(x, sizes, n):
    """Torch's View.lua."""
    elements = int(np.prod([s for s in sizes if s > 0]))
    maxdim = n or x.ndim
    ine = int(np.prod(x.shape[x.ndim - maxdim :]))
    assert ine % elements == 0
    batch = 1 if -1 in sizes else ine // elements
    batch *= int(np.prod(x.shape[: x.ndim - maxdim]))
    if batch == 1 and (not n or x.ndim <= n):
        return x.reshape(sizes)
    return x.reshape(batch, *sizes)


VIEWS = [
    ((3, 4, 6), (24,), None),
    ((3, 4, 6), (2, 12), None),
    ((3, 4, 6), (12,), None),
    ((3, 4, 6), (-1,), None),
    ((3, 4, 6), (-1, 4), None),
    ((3, 4, 6), (-1, 24), None),
    ((3, 4, 6), (-1, 2, 3, 4), None),
    ((3, 4, 6), (6, -1), None),
    ((3, 4, 6), (1, -1), None),
    ((3, 4, 6), (3, 24), None),
    ((3, 4, 6), (3, 4, 3, 2), None),
    ((4, 6), (24,), None),  # A single sample, and alike as a batch of 4.
    ((4, 6), (24,), 2),
    ((4, 6), (2, 12), 2),
    ((24,), (4, 6), None),
    ((3, 4, 6), (24,), 2),
    ((3, 4, 6), (-1,), 2),
    ((3, 4, 6), (12,), 2),
    ((3, 4, 6), (6,), 1),
    ((3, 4, 6), (-1,), 1),
    ((3, 4, 6), (3, -1), 1),
    ((3, 2, 4, 6), (8, -1), 2),
    ((3, 2, 4, 6), (24,), 2),
    ((3, 2, 4, 6), (48,), None),
    ((3, 2, 4, 6), (4, 6), None),
    ((3, 48), (2, 4, 6), None),
    ((3, 48), (2, 4, 6), 1),
    ((3, 1), (-1,), None),
    ((3, 1), (1,), None),
    ((3, 2, 4, 5, 6), (4, 60), None),
    ((3, 2, 4, 5, 6), (5, 6), 2),
]


@pytest.mark.parametrize(("shape", "sizes", "n"), VIEWS)
def test_view(shape, sizes, n):
    x = ramp(*shape)
    fields = size(*sizes) | ({} if n is None else {"numInputDims": n})
    both("View", fields, x, view(x, sizes, n))


@pytest.mark.parametrize(
    ("shape", "sizes", "n"),
    [((1, 4, 6), (24,), None), ((1, 4, 6), (24,), 2), ((4, 4, 6), (48,), None)],
)
def test_view_of_single_samples(shape, sizes, n):
    fields = size(*sizes) | ({} if n is None else {"numInputDims": n})
    same("View", fields, ramp(*shape), view(ramp(*shape), sizes, n), False)


@pytest.mark.parametrize(
    ("sizes", "n"), [((7,), None), ((5, 5), None), ((7, -1), 2), ((48,), 2), ((24,), 4)]
)
def test_views_that_torch_refuses(sizes, n):
    fields = size(*sizes) | ({} if n is None else {"numInputDims": n})
    for batched in (True, False):
        with pytest.raises(GraphError, match="View.*(cannot view|numInputDims)"):
            run("View", fields, ramp(3, 4, 6), batched)


def reshape(x, sizes, mode):
    """Torch's Reshape.lua."""
    elements = int(np.prod(sizes))
    if mode is False or (mode is None and x.size == elements and x.shape[0] != 1):
        return x.reshape(sizes)
    return x.reshape(x.shape[0], *sizes)


RESHAPES = [
    ((3, 4, 6), (2, 12), None),
    ((3, 4, 6), (24,), True),
    ((3, 4, 6), (6, 12), False),
    ((24,), (4, 6), None),
    ((3, 4, 6), (6, 12), None),
    ((3, 4, 6), (72,), False),
    ((3, 4, 6), (-1,), None),
    ((3, 4, 6), (-1,), True),
    ((3, 4, 6), (-1, 8), False),
    ((3, 4, 6), (4, -1, 2), None),
    ((1, 24), (4, 6), None),
    ((1, 24), (4, 6), True),
    ((3, 4, 6), (2, 3, 4, 3), None),
    ((3, 2, 4, 6), (6, 2, 4), None),
]


@pytest.mark.parametrize(("shape", "sizes", "mode"), RESHAPES)
def test_reshape(shape, sizes, mode):
    fields = size(*sizes) | ({} if mode is None else {"batchMode": mode})
    both("Reshape", fields, ramp(*shape), reshape(ramp(*shape), sizes, mode))


def test_reshapes_that_torch_refuses():
    for fields in (size(5), size(8), size(24) | {"batchMode": False}):
        with pytest.raises(GraphError, match="Reshape.*cannot view the"):
            run("Reshape", fields, ramp(3, 4, 6), False)
    for fields in (size(5), size(8), size(7, -1)):
        with pytest.raises(GraphError, match="Reshape.*cannot view the 24 values"):
            run("Reshape", fields, ramp(3, 4, 6), True)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_collapse(n):
    x = ramp(3, 4, 6)
    expected = x.reshape(3, 24) if n < 3 else x.reshape(-1)
    both("Collapse", {"nInputDim": n}, x, expected)


CONVERSIONS = [
    ("bchw", "bf", (3, 2, 4, 5), lambda x: x.reshape(3, -1)),
    ("bchw", "bhwc", (3, 2, 4, 5), lambda x: x.transpose(0, 2, 3, 1)),
    ("bchw", "chwb", (3, 2, 4, 5), lambda x: x.transpose(1, 2, 3, 0)),
    ("chwb", "bchw", (2, 4, 5, 3), lambda x: x.transpose(3, 0, 1, 2)),
    ("chwb", "bf", (2, 4, 5, 3), lambda x: x.swapaxes(0, 3).reshape(3, -1)),
    ("bf", "bf", (3, 4), lambda x: x),
    ("bf", "fb", (3, 4), lambda x: x.T),
    ("b", "bf", (3,), lambda x: x[:, None]),
    ("b", "bt", (3,), lambda x: x[:, None]),
    ("bt", "b", (3, 4), lambda x: x[:, 0]),
    ("tb", "b", (3, 4), lambda x: x[0]),
    ("bf", "b", (3, 1), lambda x: x[:, 0]),
    ("fb", "b", (1, 3), lambda x: x[0]),
    ("b*", "b*", (3, 4), lambda x: x),
    # A single sample.
    ("bchw", "bf", (2, 4, 5), lambda x: x.reshape(-1)),
    ("bchw", "bwhc", (2, 4, 5), lambda x: x.transpose(2, 1, 0)),
    ("chwb", "bf", (2, 4, 5), lambda x: x.transpose(1, 2, 0).reshape(-1)),
    ("chwb", "bchw", (2, 4, 5), lambda x: x),
    ("bt", "bt", (4,), lambda x: x),
]


@pytest.mark.parametrize(("given", "wanted", "shape", "expected"), CONVERSIONS)
def test_convert(given, wanted, shape, expected):
    fields = {"inputShape": given, "outputShape": wanted}
    x = ramp(*shape)
    same("Convert", fields, x, expected(x), False)
    if given[0] == wanted[0] == "b" and (len(shape) == len(given) or given == "b*"):
        same("Convert", fields, x, expected(x), True)
    elif given[0] != "b" or wanted[0] != "b":
        with pytest.raises(UnsupportedTorch, match="works along dimension 1"):
            run("Convert", fields, x, True)
    else:
        with pytest.raises(GraphError, match="takes . dimensions"):
            run("Convert", fields, x, True)


@pytest.mark.parametrize("name", ["DotProduct", "CosineDistance", "PairwiseDistance"])
def test_one_number_for_each_pair(name):
    a, b = ramp(4, 3), 2 * ramp(4, 3) + 0.5

    def of(a, b):
        if name == "DotProduct":
            return (a * b).sum(-1)
        if name == "CosineDistance":
            return (a * b).sum(-1) / np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
        return np.sqrt(((a - b) ** 2).sum(-1))

    both(name, {}, [a, b], of(a, b))
    same(name, {}, [a[0], b[0]], of(a, b)[:1], False)


def test_mixture_table():
    gates, experts = ramp(4, 3), ramp(4, 3, 5)
    expected = np.einsum("bn,bnk->bk", gates, experts)
    same("MixtureTable", {"dim": 2}, [gates, experts], expected, True)
    same("MixtureTable", {}, [gates, experts], expected, True)
    table = [experts[:, i] for i in range(3)]
    same("MixtureTable", {"dim": 3}, [gates, table], expected, True)
    last = np.moveaxis(experts, 1, 2)
    same("MixtureTable", {"dim": 3}, [gates, last], expected, True)
    same("MixtureTable", {"dim": 1}, [gates[0], experts[0]], expected[0], False)
    with pytest.raises(UnsupportedTorch, match="works along dimension 1"):
        run("MixtureTable", {"dim": 1}, [gates[0], experts[0]], True)


def test_narrow_table_gives_what_there_is():
    x = [ramp(2, 3), ramp(2, 4), ramp(2, 5)]
    both("NarrowTable", {"offset": 2, "length": 5}, x, x[1:])
    both("NarrowTable", {"offset": 3}, x, x[2:])


@pytest.mark.parametrize(("inputs", "outputs"), [(2, 1), (2, 2), (3, 2)])
def test_parallel(inputs, outputs):
    x = ramp(4, 3, 2)
    parts = [np.take(x, i, inputs - 1) for i in range(x.shape[inputs - 1])]
    expected = np.concatenate([np.tanh(part) for part in parts], outputs - 1)
    children = [TorchObject("nn.Tanh", {}) for _ in parts]
    fields = {"inputDimension": inputs, "outputDimension": outputs, "modules": children}
    both("Parallel", fields, x, expected)


def test_empty_containers():
    x = ramp(4, 3)
    both("Sequential", {"modules": []}, x, x)
    both("Sequential", {}, x, x)
    for name in ("ConcatTable", "Concat"):
        with pytest.raises(GraphError, match="has no children"):
            run(name, {"modules": [], "dimension": 2}, x, True)


def test_an_unshared_map_table_of_a_file_keeps_its_copies():
    def linear(scale):
        weight = scale * ramp(2, 3)
        return TorchObject("nn.Linear", {"weight": weight, "bias": ramp(2)})

    first, second = linear(1), linear(-2)
    x = [ramp(4, 3), ramp(4, 3)]
    fields = {"module": first, "modules": [first, second], "shared": False}
    expected = [x[0] @ first["weight"].T + ramp(2), x[1] @ second["weight"].T + ramp(2)]
    module = to_module(TorchObject("nn.MapTable", fields))
    node = nn.Identity()()
    for a, b in zip(gModule([node], [module(node)]).forward(x), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert list(module.named_parameters()) == ["1.weight", "1.bias", "2.weight", "2.bias"]


def test_what_is_of_a_file_is_saved_as_such(tmp_path):
    module = to_module(TorchObject("nn.View", size(12)), batched=True)
    node = nn.Identity()()
    model = gModule([node], [module(node)])
    expected = model.forward(ramp(3, 4, 6))
    assert expected.shape == (6, 12)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        keras.saving.load_model(tmp_path / "model.keras").forward(ramp(3, 4, 6)), expected
    )

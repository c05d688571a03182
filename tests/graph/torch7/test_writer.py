"""What the writer promises beyond the golden cases."""

import numpy as np
import pytest

from graph.torch7 import TableKey, TorchObject, TorchStorage, load, save, storage_of


@pytest.fixture(params=["binary", "ascii"])
def again(request, tmp_path):
    """Saves an object and loads it."""

    def save_and_load(obj):
        save(tmp_path / "x.t7", obj, format=request.param)
        return load(tmp_path / "x.t7")

    return save_and_load


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">f4", ">i8", "?"]
)
def test_every_element_type(again, dtype):
    array = np.array([[0, 1, 2], [3, 100, 127]]).astype(dtype)
    read = again(array)
    assert read.dtype == ("u1" if dtype == "?" else np.dtype(dtype).newbyteorder("="))
    np.testing.assert_array_equal(read, array)
    assert read.flags.writeable


def test_extreme_values_survive(again):
    for dtype in ("i2", "i4", "i8"):
        info = np.iinfo(dtype)
        assert again(np.array([info.min, info.max], dtype)).tolist() == [info.min, info.max]
    for dtype in ("f2", "f4", "f8"):
        info = np.finfo(dtype)
        values = [info.max, info.min, info.tiny, info.smallest_subnormal, -0.0, np.inf, 1 / 3]
        array = np.array(values, dtype)
        assert again(array).tobytes() == array.tobytes()
        assert np.isnan(again(np.array([np.nan], dtype))[0])


def test_views_become_tensors_over_one_storage(again):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    views = [base, base.T, base[1:, ::2], base[2], base[:0, 1], np.broadcast_to(base[0, 0], (3,))]
    read = again(views)
    for view, got in zip(views, read, strict=True):
        np.testing.assert_array_equal(got, view.reshape(-1) if view.shape == (0,) else view)
    assert all(storage_of(got) is storage_of(read[0]) for got in read[:5])
    read[0][2, 0] = -1
    assert read[3][0] == -1 and read[1][0, 2] == -1


def test_what_cannot_be_a_view_is_copied(again):
    base = np.arange(12, dtype=np.float64)
    odd = [base[::-1], base.view(np.int64), np.asfortranarray(base.reshape(3, 4))[:, ::-1]]
    odd.append(base.view(np.uint8)[3:43].view(np.float32))
    for view in odd:
        np.testing.assert_array_equal(again(view), view)


def test_fortran_order_is_kept(again):
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    read = again([array, array[:, 1]])
    np.testing.assert_array_equal(read[0], array)
    assert read[0].strides == array.strides and np.shares_memory(read[0], read[1])


def test_empty_and_scalar_arrays(again):
    assert again(np.empty(0, np.float32)).shape == (0,)
    assert again(np.empty((2, 0, 3))).shape == (2, 0, 3)
    assert again(np.float32(2.5)) == 2.5
    assert again(np.array(7)).tolist() == [7]
    assert len(again(TorchStorage(np.empty(0, np.int64)))) == 0


def test_storages(again):
    data = np.array([2, 3, 4])
    read = again({"size": TorchStorage(data), "tensor": data, "part": TorchStorage(data[1:])})
    assert list(read["size"]) == [2, 3, 4] and read["size"][0] == 2 and len(read["size"]) == 3
    assert np.asarray(read["size"]).sum() == 9 and np.array(read["size"], float).dtype == float
    assert storage_of(read["tensor"]) is read["size"].data
    assert list(read["part"]) == [3, 4]


def test_shared_and_cyclic_objects(again):
    shared = [1, 2]
    array = np.ones(2)
    obj = TorchObject("a.B", {"x": shared, "y": shared, "t": array, "u": array}, version=3)
    obj.fields["self"] = obj
    shared.append(shared)
    read = again(obj)
    assert read["self"] is read and read["x"] is read["y"] and read["x"][2] is read["x"]
    assert read["t"] is read["u"] and read.version == 3


def test_keys_of_every_kind(again):
    table, array, thing = [1], np.ones(1), TorchObject("a.B")
    keys = [TableKey(table), TableKey(array), thing, TableKey(True), 1, 2.5, "x", b"\xff", -7]
    read = again([{key: i for i, key in enumerate(keys)}, table, array, thing])
    held, table, array, thing = read
    expected = [TableKey(table), TableKey(array), thing, TableKey(True), 1, 2.5, "x", b"\xff", -7]
    assert held == {key: i for i, key in enumerate(expected)}


def test_entries_that_are_none_are_left_out(again):
    assert again([1, None, 3]) == {1: 1, 3: 3}
    assert again({"a": None, "b": (1, 2)}) == {"b": [1, 2]}


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (object(), TypeError, "object has no counterpart"),
        ({1, 2}, TypeError, "set has no counterpart"),
        (np.zeros(2, complex), TypeError, "complex128"),
        (np.zeros(2, np.uint32), TypeError, "uint32"),
        (TorchStorage(np.zeros(2, np.uint16)), TypeError, "uint16"),
        (2**53 + 1, ValueError, "9007199254740993 is not exact"),
        (10**400, ValueError, "not exact"),
        ("\ud800", ValueError, "surrogates"),
    ],
)
def test_what_torch7_does_not_have(tmp_path, value, error, words):
    path = tmp_path / "x.t7"
    path.write_bytes(b"old")
    obj = {"modules": [1, TorchObject("nn.Linear", {"weight": value})]}
    with pytest.raises(error) as caught:
        save(path, obj)
    assert words in str(caught.value)
    assert "cannot save obj['modules'][1].fields['weight']" in str(caught.value)
    assert path.read_bytes() == b"old"  # and nothing left beside it
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.t7"]


def test_the_path_of_a_deep_mistake_is_shortened(tmp_path):
    obj = [object()]
    for _ in range(5000):
        obj = [obj]
    with pytest.raises(TypeError, match=r"cannot save obj\.\.\.(\[0\]){20}: object has"):
        save(tmp_path / "x.t7", obj)

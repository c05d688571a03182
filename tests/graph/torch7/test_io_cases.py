"""Every case of io.zip, which real Torch7 wrote: read, or refused, as expected.json says."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from graph.torch7 import (
    TableKey,
    Torch7FormatError,
    TorchFunction,
    TorchObject,
    TorchStorage,
    load,
    save,
    storage_of,
    table_items,
)

IO = Path(__file__).parents[2] / "oracle" / "torch7" / "io.zip"
with zipfile.ZipFile(IO) as archive:
    CASES = {
        name.split("/")[0]: json.loads(archive.read(name))
        for name in archive.namelist()
        if name.endswith("/expected.json")
    }
SPECIAL = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}


class Matcher:
    """Compares what was read with an expected tree, identities included."""

    def __init__(self):
        self.objects = {}  # id in expected.json -> object
        self.storages = {}  # storage number -> owning array

    def match(self, expected, actual, path="obj"):
        getattr(self, "match_" + expected["type"])(expected, actual, path)

    def identify(self, expected, actual, path):
        assert not any(known is actual for known in self.objects.values()), f"{path} is shared"
        self.objects[expected["id"]] = actual

    def match_nil(self, expected, actual, path):
        assert actual is None, path

    def match_number(self, expected, actual, path):
        value = SPECIAL.get(expected["value"], expected["value"])
        assert type(actual) in (int, float), path
        assert actual == value or (actual != actual and value != value), path
        if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
            assert type(actual) is int, path

    def match_boolean(self, expected, actual, path):
        assert actual is expected["value"], path

    def match_string(self, expected, actual, path):
        raw = expected["value_latin1"].encode("latin1")
        assert (actual.encode() if isinstance(actual, str) else actual) == raw, path

    def match_function(self, expected, actual, path):
        assert isinstance(actual, TorchFunction), path
        assert isinstance(actual.dump, bytes), path

    def match_ref(self, expected, actual, path):
        assert actual is self.objects[expected["id"]], path

    def match_table(self, expected, actual, path):
        self.identify(expected, actual, path)
        items = expected["items"]
        keys = [key.get("value") for key, _ in items if key["type"] == "number"]
        listlike = sorted(keys) == list(range(1, len(items) + 1))
        assert isinstance(actual, list if listlike else dict), path
        self.match_items(items, list(table_items(actual)), path)

    def match_items(self, expected, pairs, path):
        assert len(pairs) == len(expected), path
        for key, value in expected:
            if key["type"] in ("number", "string", "boolean"):
                found = [pair for pair in pairs if self.same_key(key, pair[0])]
            else:
                kinds = {"table": list | dict, "object": TorchObject}
                kind = kinds.get(key["type"], object)
                found = [pair for pair in pairs if isinstance(pair[0], kind)]
                if key["type"] == "ref":
                    found = [pair for pair in found if pair[0] is self.objects[key["id"]]]
            assert found, f"{path} has no key {key}"
            where = f"{path}[{key.get('value', key.get('value_latin1', key['type']))!r}]"
            if key["type"] not in ("number", "string", "boolean"):
                self.match(key, found[0][0], where + ".key")
            self.match(value, found[0][1], where)

    def same_key(self, expected, actual):
        value = expected.get("value", expected.get("value_latin1"))
        return isinstance(actual, bool) == isinstance(value, bool) and actual == value

    def match_object(self, expected, actual, path):
        assert isinstance(actual, TorchObject), path
        self.identify(expected, actual, path)
        assert actual.class_name == expected["class"], path
        assert actual.version == expected["version"], path
        assert isinstance(actual.fields, dict), path
        self.match_items(expected["fields"], list(table_items(actual.fields)), path)

    def elements(self, expected, dtype):
        return np.array([SPECIAL.get(v, v) for v in expected["data"]], dtype)

    def dtype(self, expected):
        name = expected["class"].removeprefix("torch.").removesuffix("Tensor")
        name = name.removesuffix("Storage").lower()
        kinds = {"byte": "u1", "char": "i1", "short": "i2", "int": "i4", "long": "i8",
                 "half": "f2", "float": "f4", "double": "f8"}  # fmt: skip
        return np.dtype(kinds[name])

    def same_storage(self, number, owner, path):
        if number in self.storages:
            assert self.storages[number] is owner, path
        else:
            assert not any(known is owner for known in self.storages.values()), path
            self.storages[number] = owner

    def match_tensor(self, expected, actual, path):
        assert type(actual) is np.ndarray, path
        self.identify(expected, actual, path)
        dtype = self.dtype(expected)
        assert actual.dtype == dtype, path
        assert actual.flags.writeable, path
        sizes = tuple(expected["size"])
        assert actual.shape == (sizes or (0,)), path
        if sizes:
            strides = tuple(s * dtype.itemsize for s in expected["stride"])
            assert actual.strides == strides, path
        np.testing.assert_array_equal(actual.reshape(-1), self.elements(expected, dtype), path)
        if expected["storage"] is None:
            assert actual.base is None, path
            return
        owner = storage_of(actual)
        self.same_storage(expected["storage"], owner, path)
        assert owner.shape == (expected["storageSize"],), path
        start = actual.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
        assert start == (expected["storageOffset"] - 1) * dtype.itemsize, path

    def match_storage(self, expected, actual, path):
        assert isinstance(actual, TorchStorage), path
        self.identify(expected, actual, path)
        dtype = self.dtype(expected)
        assert actual.data.dtype == dtype, path
        np.testing.assert_array_equal(actual.data, self.elements(expected, dtype), path)
        self.same_storage(expected["storage"], storage_of(actual.data), path)

    def match_nested_chain(self, expected, actual, path):
        for level in range(expected["levels"] - 1):
            assert isinstance(actual, list) and len(actual) == 1, f"level {level}"
            actual = actual[0]
        assert actual == []


def test_all_cases_are_here():
    assert len(CASES) == 153


@pytest.mark.parametrize("name", CASES)
def test_case(name, io_cases, write_file):
    case = CASES[name]
    path = write_file(io_cases[name])
    if case.get("error") or case.get("contains_function"):
        with pytest.raises(Torch7FormatError) as caught:
            load(path)
        assert caught.value.path == str(path)
        assert 0 <= caught.value.offset <= len(io_cases[name])
        if case.get("error"):
            with pytest.raises(Torch7FormatError):
                load(path, functions="opaque")
            return
        assert "Lua function" in str(caught.value)
        value = load(path, functions="opaque")
        if "expected" in case:
            Matcher().match(case["expected"], value)
        else:
            assert isinstance(value, TorchFunction)
        return
    Matcher().match(case["expected"], load(path))
    if "longSize" in case:
        Matcher().match(case["expected"], load(path, long_size=case["longSize"]))


@pytest.mark.parametrize("name", [name for name in CASES if not CASES[name].get("error")])
def test_saved_again(name, io_cases, write_file, tmp_path):
    """What was read is written as Torch7 wrote it, byte for byte."""
    case = CASES[name]
    value = load(write_file(io_cases[name]), functions="opaque")
    ascii_case = case["format"] == "ascii"
    again = tmp_path / "again.t7"
    save(again, value, format="ascii" if ascii_case else "binary",
         long_size=case.get("longSize", 8))  # fmt: skip
    written = again.read_bytes()
    if name == "big_endian":  # saved little-endian
        Matcher().match(case["expected"], load(again))
    elif name == "two_objects":  # only the first one was read
        assert io_cases[name].startswith(written)
    else:
        assert written == io_cases[name]
    # And in the other encoding it comes to the same.
    save(again, value, format="binary" if ascii_case else "ascii")
    if "expected" in case:
        Matcher().match(case["expected"], load(again, functions="opaque"))


def test_boolean_key_is_not_one(io_cases, write_file):
    table = load(write_file(io_cases["table_mixed"]))
    assert table[TableKey(True)] == "bool key"
    assert table[1] == 10
    assert dict(table_items(table)).keys() >= {2.5, "name"}

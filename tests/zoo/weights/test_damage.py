"""Damaged files: one ValueError with the path, and a model that is as it was, bit for bit."""

import io
import os
import pickle
import re
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from zoo_weights import ZOO, lenet, python2_pickle, torch7_file, values, write_npy, write_parts

from zoo import LeNet5, load_weights
from zoo.weights import WeightsError

FORMATS = ["h5", "keras", "npy", "pth", "legacy", "safetensors", "t7"]


@pytest.fixture(scope="module")
def model():
    """Takes the files of every format but Torch7's."""
    return lenet()


@pytest.fixture(scope="module")
def large():
    """Takes Torch7's file."""
    return LeNet5()


class Contents(dict):
    """Hypothesis shows its arguments; not these."""

    def __repr__(self):
        return "contents"


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Format -> the bytes of a good file."""
    folder = tmp_path_factory.mktemp("good")
    other = lenet()
    other.save_weights(folder / "a.weights.h5")
    other.save(folder / "a.keras")
    names = [layer.name for layer in other.layers if layer.weights]
    layers = {n: [np.asarray(w) for w in other.get_layer(n).weights] for n in names}
    write_npy(folder / "a.npy", python2_pickle(layers))
    files = {
        "h5": folder / "a.weights.h5",
        "keras": folder / "a.keras",
        "npy": folder / "a.npy",
        "pth": ZOO / "lenet.pth",
        "legacy": ZOO / "lenet_legacy.pth",
        "safetensors": ZOO / "lenet.safetensors",
        "t7": torch7_file("lenet", folder),
    }
    return Contents((name, path.read_bytes()) for name, path in files.items())


@pytest.fixture
def try_load(model, large, tmp_path):
    """Loads bytes; returns the error, or None, after it has seen that an error changed nothing."""

    def load(format, content):
        path = tmp_path / f"w.{format}"
        path.write_bytes(content)
        taker = large if format == "t7" else model
        before = values(taker)
        try:
            load_weights(taker, path)
        except ValueError as error:
            assert str(path) in str(error)
            offset = getattr(error, "offset", None)
            assert offset is None or 0 <= offset <= len(content)
            assert values(taker) == before
            return error
        return None

    return load


@pytest.mark.parametrize("format", FORMATS)
def test_the_good_file_loads(format, contents, try_load):
    assert try_load(format, contents[format]) is None


@pytest.mark.parametrize("format", FORMATS)
def test_no_part_of_a_file_loads(format, contents, try_load):
    content = contents[format]
    cuts = {0, 1, 4, 7, 8, 9, 16, 64, 100, len(content) - 1, len(content) - 4}
    cuts |= set(range(128, len(content), len(content) // 23))
    for cut in sorted(cuts):
        assert try_load(format, content[:cut]) is not None, cut


@pytest.mark.parametrize("format", FORMATS)
@settings(
    max_examples=int(os.environ.get("MUTATIONS", "60")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_mutations(format, contents, try_load, data):
    content = bytearray(contents[format])
    structure = [range(min(len(content), 2000)), range(max(len(content) - 1500, 0), len(content))]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(structure).flatmap(st.sampled_from))
        kind = data.draw(st.sampled_from(["byte", "number", "cut", "double"]))
        if kind == "byte":
            content[at : at + 1] = bytes([data.draw(st.integers(0, 255))])
        elif kind == "number":
            wild = data.draw(st.sampled_from([-1, 2**31 - 1, 2**62, 0, 2**40]))
            content[at : at + 8] = struct.pack("<q", wild)
        elif kind == "cut":
            del content[at : at + data.draw(st.sampled_from([1, 4, 8]))]
        else:
            content[at:at] = content[at : at + data.draw(st.sampled_from([1, 4, 16]))]
    try_load(format, bytes(content))


class Bomb:
    """Makes a file if it is ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def in_zip(pickled):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", pickled)
    return file.getvalue()


def in_npy(pickled, tmp_path):
    return write_npy(tmp_path / "made.npy", pickled).read_bytes()


def in_legacy(pickled):
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
    return magic + pickle.dumps(1001, protocol=2) + pickle.dumps({}, protocol=2) + pickled


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("format", ["npy", "pth", "legacy"])
def test_a_malicious_pickle_is_not_run(format, protocol, try_load, tmp_path):
    for hidden in (lambda x: x, lambda x: {"conv1": [x]}, lambda x: np.array({"a": x}, object)):
        pickled = pickle.dumps(hidden(Bomb(tmp_path / "run")), protocol=protocol)
        make = {"npy": lambda p: in_npy(p, tmp_path), "pth": in_zip, "legacy": in_legacy}[format]
        error = try_load(format, make(pickled))
        assert "is not run" in str(error) or "opcode" in str(error)
        assert not (tmp_path / "run").exists()


HOSTILE = {
    "deep tuples as a key": b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s.",
    "deep lists": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "an instance": b"(ios\nsystem\n.",
    "an object": b"(cos\nsystem\no.",
    "a call of nothing": b"\x80\x02K\x01)R.",
    "a state for a number": b"\x80\x02K\x01}b.",
    "an empty stack": b"\x80\x02.",
    "no mark": b"\x80\x02t.",
    "an unknown memo": b"\x80\x02h\x05.",
    "a huge text": b"\x80\x02X\xff\xff\xff\x7fabc.",
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent id": b"\x80\x02K\x01Q.",
    "a name by attributes": b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.data\x93.",
    "an endless number": b"I" + b"9" * 10_000 + b"\n.",
    "a key without a value": b"\x80\x02}(K\x01u.",
    "a mark for an object": b"\x80\x02((.",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("format", ["npy", "pth", "legacy"])
def test_hostile_pickles(format, name, try_load, tmp_path):
    make = {"npy": lambda p: in_npy(p, tmp_path), "pth": in_zip, "legacy": in_legacy}[format]
    assert try_load(format, make(HOSTILE[name])) is not None


def tensor(name="conv1.weight", dtype="F32", shape="[1]", offsets="[0, 4]", more=""):
    return (
        f'{{"{name}": {{"dtype": "{dtype}", "shape": {shape}, "data_offsets": {offsets}{more}}}}}'
    )


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("{ ", "property name"),
        ("[]", "none of the known"),
        ('{"a": 1}', "not dtype, shape"),
        (tensor(more=', "x": 1'), "not dtype, shape"),
        (tensor(dtype="F8_E4M3"), "dtype 'F8_E4M3', expected one of F64"),
        (tensor(shape="[-1]"), "shape"),
        (tensor(shape="[true]"), "shape"),
        (tensor(shape="[1.0]"), "shape"),
        (tensor(shape=f"[{2**40}, {2**40}]"), "takes"),
        (tensor(offsets="[0, 8]"), "data_offsets .0, 8. in 4 bytes"),
        (tensor(offsets="[4, 0]"), "data_offsets"),
        (tensor(offsets="[0]"), "data_offsets"),
        (tensor(shape="[0]", offsets="[0, 0]"), "4 bytes after the last tensor"),
        (tensor(shape="[0]", offsets="[4, 4]"), "leaves a hole"),
        (tensor()[:-1] + ", " + tensor(name="b")[1:], "overlaps"),
        (tensor()[:-1] + ", " + tensor()[1:], "twice"),
        ("{" + '"a":[' * 5000, "header"),
        ('{"a": ' + "9" * 5000 + "}", "header"),
        ('{"\udce4": 1}', "UTF-8"),
    ],
)
def test_headers_of_safetensors(header, text, try_load, tmp_path):
    path = tmp_path / "made"
    if "\udce4" in header:
        raw = header.encode("utf-8", "surrogateescape")
        path.write_bytes(struct.pack("<Q", len(raw)) + raw + bytes(4))
    else:
        write_parts(path, header, bytes(4))
    error = try_load("safetensors", path.read_bytes())
    assert isinstance(error, WeightsError)
    assert re.search(text, str(error)), error


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\x1f\x8b\x08" + bytes(20), "gzip"),
        (bytes(257) + b"ustar" + bytes(300), "a tar archive"),
        (pickle.dumps({"a": 1}), "a pickle"),
        (b"no weights", "none of the known formats"),
        (in_zip(b"")[:0] + b"PK\x05\x06" + bytes(18), "neither Keras nor PyTorch"),
    ],
)
def test_files_of_other_kinds(content, text, try_load):
    assert text in str(try_load("bin", content))


def test_a_zip_bomb(try_load):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("model.weights.h5", "w") as member:
            for _ in range(300):
                member.write(bytes(1 << 20))
    assert "unpacks to" in str(try_load("keras", file.getvalue()))


@pytest.mark.parametrize("part", ["data/0", "data.pkl", "byteorder"])
def test_a_member_that_is_damaged_inside(part, contents, try_load):
    with zipfile.ZipFile(io.BytesIO(contents["pth"])) as archive:
        info = archive.getinfo(f"lenet/{part}")
    damaged = bytearray(contents["pth"])
    content = zipfile.ZipFile(io.BytesIO(contents["pth"])).read(info)
    at = contents["pth"].index(content, info.header_offset)
    damaged[at + len(content) // 2] ^= 1
    error = try_load("pth", bytes(damaged))
    assert part in str(error) and error.offset == info.header_offset

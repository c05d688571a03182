"""Weights files for the tests, and models to load them into."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from zoo import LeNet5

ORACLE = Path(__file__).parent / "oracle"
ZOO = ORACLE / "zoo"
LENET = (16, 20, 1)
"""The input of the LeNet-5 in the golden files."""

TORCHVISION = ("features.0", "features.3", "features.6", "features.8", "features.10") + (
    "classifier.1", "classifier.4", "classifier.6",
)  # fmt: skip
CAFFE = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
SHAPES = {
    "torchvision": [(64, 3, 11, 11), (192, 64, 5, 5), (384, 192, 3, 3), (256, 384, 3, 3)]
    + [(256, 256, 3, 3), (4096, 9216), (4096, 4096), (1000, 4096)],
    "caffe": [(96, 3, 11, 11), (256, 48, 5, 5), (384, 256, 3, 3), (384, 192, 3, 3)]
    + [(256, 192, 3, 3), (4096, 9216), (4096, 4096), (1000, 4096)],
}


def alexnet_arrays(kind: str, layers: int = 8, seed: int = 7) -> list[tuple[Any, Any]]:
    """Weight and bias of each layer in Torch's layout, as tests/oracle/zoo/make.py fills them."""
    random = np.random.RandomState(seed)
    found = []
    for shape in SHAPES[kind][:layers]:
        pair = []
        for size, bound in ((shape, (6 / np.prod(shape[1:])) ** 0.5), (shape[:1], 0.3)):
            values = random.random_sample(size).astype("float32")
            pair.append((2 * values - 1) * np.float32(bound))
        found.append(tuple(pair))
    return found


def image(size: tuple[int, int], scale: float = 1) -> np.ndarray:
    """The golden networks' input, planes last."""
    x = np.random.RandomState(8).random_sample((2, 3, *size)).astype("float32") * scale
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def write_safetensors(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A file as the format's own documentation describes it."""
    codes = {"float64": "F64", "float32": "F32", "float16": "F16", "int64": "I64"}
    header, at = {}, 0
    for name, array in arrays.items():
        end = at + array.nbytes
        code = codes[array.dtype.name]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [at, end]}
        at = end
    return write_parts(path, json.dumps(header), *arrays.values())


def write_parts(path: Path, header: str, *arrays: Any) -> Path:
    """A .safetensors file with this header, true or not."""
    text = header.encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            file.write(array if isinstance(array, bytes) else np.ascontiguousarray(array).data)
    return path


def python2_pickle(layers: dict[str, list[np.ndarray]]) -> bytes:
    """What Python 2's cPickle writes for an object array of one dict, in protocol 2."""

    def text(value: str) -> bytes:
        return b"U" + bytes([len(value)]) + value.encode()

    def dtype(code: str, order: str) -> bytes:
        flags = b"K?tb" if code == "O8" else b"K\x00tb"
        size = b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xff"
        return b"cnumpy\ndtype\n(" + text(code) + b"K\x00K\x01tR(K\x03" + text(order) + size + flags

    def array(shape: tuple[int, ...], kind: bytes, content: bytes) -> bytes:
        start = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00t" + text("b")
        sizes = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in shape) + b"t"
        return start + b"tR(K\x01" + sizes + kind + b"\x89" + content + b"tb"

    items = b""
    for name, pair in layers.items():
        held = b""
        for a in pair:
            raw = a.astype("<f4").tobytes()
            content = b"T" + struct.pack("<i", len(raw)) + raw
            held += array(a.shape, dtype("f4", "<"), content)
        items += text(name) + b"](" + held + b"e"
    outer = array((), dtype("O8", "|"), b"](" + b"}(" + items + b"u" + b"e")
    return b"\x80\x02" + outer + b"."


def write_npy(path: Path, pickled: bytes) -> Path:
    """An .npy file of an object array without dimensions."""
    header = "{'descr': '|O', 'fortran_order': False, 'shape': (), }"
    header = header.ljust(117) + "\n"
    path.write_bytes(
        b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pickled
    )
    return path


def torch7_file(case: str, folder: Path) -> Path:
    """The model file of a golden case."""
    with zipfile.ZipFile(ORACLE / "torch7" / "models.zip") as archive:
        return Path(archive.extract(f"{case}/model.t7", folder))


def lenet(**arguments: Any) -> Any:
    """The LeNet-5 of the golden files."""
    return LeNet5(**{"input_shape": LENET, **arguments})


def values(model: Any) -> list[bytes]:
    """Every variable, bit for bit."""
    return [keras.ops.convert_to_numpy(v).tobytes() for v in model.variables]

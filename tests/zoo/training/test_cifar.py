"""CIFAR-10's files: both versions in their true layout, damaged ones, and pickles that attack."""

import os
import pickle
import struct

import numpy as np
import pytest

from zoo.training import Cifar10, CifarError, load_cifar10, save_cifar10

NAMES = [
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
]
FILES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def batch(i, count=3):
    """Rows as the authors have them, red plane first, and labels; no two bytes need be equal."""
    rng = np.random.default_rng(i)
    return rng.integers(0, 256, (count, 3072), dtype="uint8"), rng.integers(0, 10, count)


def expected():
    images = [np.stack([row.reshape(3, 32, 32) for row in batch(i)[0]], 0) for i in range(6)]
    images = [np.moveaxis(x, 1, -1) for x in images]
    labels = [batch(i)[1] for i in range(6)]
    return np.concatenate(images[:5]), np.concatenate(labels[:5]), images[5], labels[5]


def write_binary(folder):
    for i, name in enumerate(FILES):
        rows, labels = batch(i)
        raw = b"".join(bytes([y]) + x.tobytes() for x, y in zip(rows, labels, strict=True))
        (folder / f"{name}.bin").write_bytes(raw)
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")  # a blank line, as there


def binstring(text):
    """A str of Python 2, which Python 3 cannot write."""
    raw = text.encode("latin1") if isinstance(text, str) else text
    if len(raw) < 256:
        return b"U" + bytes([len(raw)]) + raw
    return b"T" + struct.pack("<i", len(raw)) + raw


def python2_array(array):
    """What numpy.ndarray.__reduce__ of Python 2 gave, in protocol 2."""
    rows, columns = array.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        + binstring("b")
        + b"\x87R(K\x01"
        + b"J"
        + struct.pack("<i", rows)
        + b"M"
        + struct.pack("<H", columns)
        + b"\x86cnumpy\ndtype\n"
        + binstring("u1")
        + b"K\x00K\x01\x87R(K\x03"
        + binstring("|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
        + binstring(array.tobytes())
        + b"tb"
    )


def python2_batch(rows, labels):
    numbers = b"".join(b"K" + bytes([y]) for y in labels)
    return (
        b"\x80\x02}("
        + binstring("batch_label")
        + binstring("training batch 1 of 5")
        + binstring("labels")
        + b"]("
        + numbers
        + b"e"
        + binstring("data")
        + python2_array(rows)
        + binstring("filenames")
        + b"]("
        + b"".join(binstring(f"x_{i}.png") for i in range(len(labels)))
        + b"eu."
    )


def write_python2(folder):
    for i, name in enumerate(FILES):
        (folder / name).write_bytes(python2_batch(*batch(i)))
    names = b"".join(map(binstring, NAMES))
    meta = b"\x80\x02}(" + binstring("num_cases_per_batch") + b"M\x10'" + binstring("label_names")
    (folder / "batches.meta").write_bytes(meta + b"](" + names + b"eu.")


def write_pickled(protocol, text=str):
    def write(folder):
        for i, name in enumerate(FILES):
            rows, labels = batch(i)
            held = {text("data"): rows, text("labels"): labels.tolist()}
            (folder / name).write_bytes(pickle.dumps(held, protocol))
        meta = {text("label_names"): [text(name) for name in NAMES]}
        (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol))

    return write


VERSIONS = {
    "binary": write_binary,
    "python2": write_python2,
    **{f"protocol{p}": write_pickled(p) for p in (2, 3, 4, 5)},
    "bytes": write_pickled(2, str.encode),
}


def test_the_python2_files_are_what_pickle_reads():
    """That the bytes made here by hand are the format: Python's own unpickler takes them."""
    rows, labels = batch(1)
    held = pickle.loads(python2_batch(rows, labels), encoding="latin1")
    np.testing.assert_array_equal(held["data"], rows)
    assert held["labels"] == labels.tolist()


@pytest.mark.parametrize("version", VERSIONS)
def test_both_versions(version, tmp_path):
    VERSIONS[version](tmp_path)
    data = load_cifar10(tmp_path)
    for got, want in zip(data, expected(), strict=False):
        np.testing.assert_array_equal(got, want)
    assert data.names == NAMES
    assert data.train_images.dtype == np.uint8 and data.train_labels.dtype == np.int64


def test_saved_and_read_back(tmp_path):
    data = Cifar10(*expected(), NAMES)
    save_cifar10(tmp_path / "new" / "folder", data)
    again = load_cifar10(tmp_path / "new" / "folder")
    for got, want in zip(again[:4], data[:4], strict=True):
        np.testing.assert_array_equal(got, want)
    # And by the authors' description of the layout.
    first = (tmp_path / "new" / "folder" / "data_batch_1.bin").read_bytes()
    assert first[0] == data.train_labels[0]
    assert first[1 + 1024 + 32] == data.train_images[0, 1, 0, 1]  # green, second row


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_images": np.zeros((15, 32, 32), "uint8")}, "train_images must be uint8"),
        ({"test_images": np.zeros((3, 32, 32, 3))}, "test_images must be uint8.*got float64"),
        ({"test_labels": np.array([0, 1, 10])}, "test_labels must be 3 numbers of 0 to 9"),
        ({"train_labels": np.zeros(4, int)}, "train_labels must be 15 numbers"),
        (
            {"train_images": np.zeros((4, 32, 32, 3), "uint8"), "train_labels": np.zeros(4, int)},
            "5 images for training are needed",
        ),
    ],
)
def test_what_cannot_be_saved(change, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        save_cifar10(tmp_path / "x", Cifar10(*expected(), NAMES)._replace(**change))
    assert not (tmp_path / "x").exists()


def test_missing_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no data_batch_1, .*, batches.meta\n  fix: the"):
        load_cifar10(tmp_path)
    write_binary(tmp_path)
    (tmp_path / "data_batch_4.bin").unlink()
    with pytest.raises(FileNotFoundError, match="no data_batch_4.bin\n.*cifar-10-binary.tar.gz"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("data_batch_3.bin", lambda b: b[:-1], "9218 bytes are no images of 3073 bytes each"),
        ("test_batch.bin", lambda b: b"", "0 bytes are no images"),
        ("data_batch_2.bin", lambda b: b[:3073] + b"\x0b" + b[3074:], "byte 3073: the label 11"),
        ("batches.meta.txt", lambda b: b"\n\n", "no list of the classes' names"),
    ],
)
def test_damaged_binary_files(name, damage, message, tmp_path):
    write_binary(tmp_path)
    path = tmp_path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CifarError, match=f"{name}: {message}"):
        load_cifar10(tmp_path)


class Evil:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


ROWS, LABELS = batch(0)
GOOD = {"data": ROWS, "labels": LABELS.tolist()}


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("where", ["data", "labels", "filenames"])
def test_pickles_that_attack_are_not_run(where, protocol, tmp_path):
    write_pickled(2)(tmp_path)
    mark = tmp_path / "attacked"
    for function, argument in ((os.mkdir, str(mark)), (eval, f"open({str(mark)!r}, 'w')")):
        held = {**GOOD, where: Evil(function, argument)}
        (tmp_path / "data_batch_2").write_bytes(pickle.dumps(held, protocol))
        with pytest.raises(CifarError, match="data_batch_2: byte .*asks for .*: it is not run$"):
            load_cifar10(tmp_path)
        assert not mark.exists()
        pickle.loads(pickle.dumps(held, protocol))  # Python's own does run it
        assert mark.exists()
        mark.rmdir() if mark.is_dir() else mark.unlink()


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([1, 2], "a pickled list, expected a dict"),
        ({}, r"'data' is NoneType \(\), expected uint8 \(items, 3072\)"),
        ({**GOOD, "data": ROWS.astype("float32")}, r"'data' is float32 \(3, 3072\)"),
        ({**GOOD, "data": ROWS[:, :5]}, r"'data' is uint8 \(3, 5\)"),
        ({**GOOD, "data": ROWS[:0], "labels": []}, r"'data' is uint8 \(0, 3072\)"),
        ({**GOOD, "data": ROWS.tobytes()}, "'data' is bytes"),
        ({**GOOD, "labels": [1, 2]}, "'labels' is no list of 3 numbers"),
        ({**GOOD, "labels": [1, 2, 10]}, r"labels\[2\] is 10, of 10 classes"),
        ({**GOOD, "labels": [1, True, 3]}, r"labels\[1\] is True"),
        ({**GOOD, "labels": [1, 2, "3"]}, r"labels\[2\] is '3'"),
    ],
)
def test_pickles_of_something_else(held, message, tmp_path):
    write_pickled(2)(tmp_path)
    (tmp_path / "test_batch").write_bytes(pickle.dumps(held, 3))
    with pytest.raises(CifarError, match=f"test_batch: {message}"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("names", [None, [], [1, 2], ["a"] * 300])
def test_meta_without_names(names, tmp_path):
    write_pickled(2)(tmp_path)
    (tmp_path / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    with pytest.raises(CifarError, match="batches.meta: no list of the classes' names"):
        load_cifar10(tmp_path)


@pytest.mark.parametrize("version", ["python2", "protocol4", "protocol5"])
def test_every_truncation_is_refused(version, tmp_path):
    VERSIONS[version](tmp_path)
    path = tmp_path / "data_batch_1"
    whole = path.read_bytes()
    for length in [
        *range(0, 150),
        *range(150, len(whole), 997),
        *range(len(whole) - 80, len(whole)),
    ]:
        path.write_bytes(whole[:length])
        with pytest.raises(CifarError, match="data_batch_1: "):
            load_cifar10(tmp_path)

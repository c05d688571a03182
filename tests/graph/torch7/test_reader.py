"""What the reader promises beyond the golden cases."""

import struct
import subprocess
import sys
import time
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest

from graph.torch7 import (
    TableKey,
    Torch7FormatError,
    TorchFunction,
    TorchObject,
    load,
    save,
    storage_of,
    table_get,
    table_items,
)


@contextmanager
def allocating_less_than(limit):
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


def refused(path, *words, offset=None, **options):
    with pytest.raises(Torch7FormatError) as caught:
        load(path, **options)
    error = caught.value
    assert error.path == str(path)
    assert str(path) in str(error) and f"byte {error.offset}" in str(error)
    for word in words:
        assert word in error.problem
    if offset is not None:
        assert error.offset == offset
    return error


# Numbers, strings, tables


def test_numbers_round_off_to_int_only_where_exact(write_file, t7):
    values = [0.0, -0.0, 1.0, -3.0, 2.5, 2.0**53, 2.0**53 + 2, 1e300, float("inf")]
    entries = [t7.number(v) for pair in enumerate(values, 1) for v in pair]
    read = load(write_file(t7.table(1, *entries)))
    assert [type(v) for v in read] == [int, float, int, int, float, int, float, float, float]
    assert read == values and str(read[1]) == "-0.0"


@pytest.mark.parametrize("n", [15, 16, 32, 33, 100, 5000])
@pytest.mark.parametrize("end", ["none", "string", "gap", "again", "table"])
def test_long_tables_of_numbers(write_file, t7, n, end):
    entries = [t7.number(v) for i in range(1, n + 1) for v in (i, i / 2)]
    expected = {i: i / 2 for i in range(1, n + 1)}
    if end == "string":
        entries += [t7.string("k"), t7.number(1)]
        expected["k"] = 1
    elif end == "gap":
        entries += [t7.number(n + 2), t7.number(1)]
        expected[n + 2] = 1
    elif end == "again":
        entries += [t7.number(1), t7.number(7)]
        expected[1] = 7
    elif end == "table":
        entries += [t7.number(n + 1), t7.table(2, t7.string("up"), t7.ref(1))]
    read = load(write_file(t7.table(1, *entries)))
    if end == "table":
        assert read[-1]["up"] is read
        expected[n + 1] = read[-1]
    assert dict(table_items(read)) == expected
    assert isinstance(read, list) == (end in ("none", "again", "table"))


def test_strings_that_are_not_utf8_are_bytes(write_file, t7):
    assert load(write_file(struct.pack("<ii", 2, 2) + b"\xff\x00")) == b"\xff\x00"
    assert load(write_file(struct.pack("<ii", 2, 3) + "hé".encode())) == "hé"


def test_entries_without_value_do_not_exist(write_file, t7):
    n = t7.number
    assert load(write_file(t7.table(1, n(1), n(5), n(2), t7.nil))) == [5]
    assert load(write_file(t7.table(1, n(1), n(5), n(2), t7.nil, n(3), n(6)))) == {1: 5, 3: 6}


def test_empty_table_is_a_list_but_fields_are_a_dict(write_file, t7):
    assert load(write_file(t7.table(1))) == []
    assert load(write_file(t7.cls(1, "a.B") + t7.table(2))).fields == {}
    numbered = t7.cls(1, "a.B") + t7.table(2, t7.number(1), t7.string("x"))
    assert load(write_file(numbered)).fields == {1: "x"}


def test_keys_in_any_order_make_a_list(write_file, t7):
    n = t7.number
    assert load(write_file(t7.table(1, n(3), n(30), n(1), n(10), n(2), n(20)))) == [10, 20, 30]


@pytest.mark.parametrize(
    ("keys", "kind"), [([2, 1], list), ([1, 5], dict), ([7, 3], dict), ([1, 2], list)]
)
def test_a_cycle_through_a_table_whose_shape_shows_late(write_file, t7, keys, kind):
    """The inner table refers to the outer one before its last key is known."""
    inner = t7.table(2, t7.string("up"), t7.ref(1))
    outer = load(write_file(t7.table(1, t7.number(keys[0]), inner, t7.number(keys[1]), t7.ref(1))))
    assert type(outer) is kind
    assert table_get(outer, keys[0])["up"] is outer
    assert table_get(outer, keys[1]) is outer


def test_a_table_that_is_its_own_key(write_file, t7):
    read = load(write_file(t7.table(1, t7.ref(1), t7.number(5))))
    ((key, value),) = table_items(read)
    assert key is read and value == 5
    assert table_get(read, read) == 5 and read[TableKey(read)] == 5


@pytest.mark.parametrize("key", ["nil", "nan"])
def test_impossible_keys(write_file, t7, key):
    key = t7.nil if key == "nil" else t7.number(float("nan"))
    refused(write_file(t7.table(1, key, t7.number(1))), "table key")


# Depth


@pytest.mark.parametrize("kind", ["tables", "objects", "keys", "functions", "ascii"])
def test_depth_is_no_limit(write_file, t7, kind):
    n = 100_000
    if kind == "tables":
        body = b"".join(t7.ints(3, i, 1) + t7.number(1) for i in range(1, n)) + t7.table(n)
    elif kind == "objects":
        body = b"".join(t7.cls(i, "a.B") for i in range(1, n)) + t7.nil
    elif kind == "keys":
        body = b"".join(t7.ints(3, i, 1) for i in range(1, n)) + t7.table(n)
        body += t7.number(1) * (n - 1)
    elif kind == "functions":
        body = b"".join(t7.ints(8, i, 0) for i in range(1, n)) + t7.nil
    else:
        body = b"".join(b"3\n%d\n1\n1\n1\n" % i for i in range(1, n)) + b"3\n%d\n0\n" % n
    path = write_file(body)
    start = time.perf_counter()
    read = load(path, functions="opaque")
    took = time.perf_counter() - start
    assert took < 3  # far below, on any machine that is not busy
    save(path, read, format="ascii" if kind == "ascii" else "binary")
    assert path.read_bytes() == body
    del read


# Tensors and storages


def test_tensors_share_storages(write_file, t7):
    first = t7.tensor(2, [2, 2], [2, 1], 1, t7.storage(3, range(6)))
    second = t7.tensor(4, [3], [2], 2, t7.ref(3, 4))
    alone = t7.tensor(5, [2], [1], 1, t7.storage(6, [1, 2]))
    table = t7.table(1, t7.number(1), first, t7.number(2), second, t7.number(3), alone,
                     t7.number(4), t7.ref(4, 4))  # fmt: skip
    a, b, c, d = load(write_file(table))
    assert a.tolist() == [[0, 1], [2, 3]] and b.tolist() == [1, 3, 5]
    assert storage_of(a) is storage_of(b) is not storage_of(c)
    assert np.shares_memory(a, b) and d is b
    a[0, 1] = 9
    assert b[0] == 9


@pytest.mark.parametrize("gpu", ["Cuda", "Cl"])
@pytest.mark.parametrize(
    ("kind", "code", "dtype"),
    [("", "f", "f4"), ("Double", "d", "f8"), ("Long", "q", "i8"), ("Half", "e", "f2"),
     ("Byte", "B", "u1"), ("Char", "b", "i1"), ("Short", "h", "i2"), ("Int", "i", "i4")],
)  # fmt: skip
def test_gpu_tensors_are_read_as_their_cpu_twins(write_file, t7, gpu, kind, code, dtype):
    kind = gpu + kind
    read = load(write_file(t7.tensor(1, [2], [1], 1, t7.storage(2, [3, 4], kind, code), kind)))
    assert read.dtype == dtype and read.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("sizes", "strides", "offset", "words"),
    [
        ([-1], [1], 1, ["negative size"]),
        ([2], [-1], 1, ["negative stride"]),
        ([5], [1], 1, ["reaches element 5", "of 4"]),
        ([4], [1], 2, ["reaches element 5"]),
        ([2, 3], [3, 1], 1, ["reaches element 6"]),
        ([2], [1], 0, ["storage offset 0"]),
        ([2], [1], -5, ["storage offset -5"]),
        ([2], [2**62], 1, ["reaches element"]),
        ([2**40], [0], 1, ["size"]),
        ([2**62, 2**62], [0, 0], 1, ["size"]),
        ([1], [2**62], 1, ["size"]),
    ],
)
def test_tensors_beyond_their_storage(write_file, t7, sizes, strides, offset, words):
    refused(write_file(t7.tensor(1, sizes, strides, offset, t7.storage(2, range(4)))), *words,
            offset=36)  # fmt: skip


def test_tensors_over_the_wrong_thing(write_file, t7):
    over = lambda storage: write_file(t7.tensor(1, [1], [1], 1, storage))  # noqa: E731
    refused(over(t7.storage(2, [1], "Double", "d")), "float32", "DoubleStorage")
    refused(over(t7.nil), "reaches element 1 of a storage of 0")
    refused(over(t7.number(1)), "neither nil nor a storage")
    refused(over(t7.ref(1, 4)), "refers to itself")
    refused(over(t7.ref(7, 4)), "object index 7", "next (2)")
    refused(write_file(t7.cls(1, "torch.FloatTensor") + t7.ints(99)), "99 dimensions")


@pytest.mark.parametrize("count", [-1, 5, 2**40, 2**62, -(2**63)])
@pytest.mark.parametrize(("kind", "code"), [("Float", "f"), ("Byte", "B"), ("Long", "q")])
def test_absurd_storages_allocate_nothing(write_file, t7, count, kind, code):
    whole = t7.storage(1, [0] * 4, kind, code)
    head = len(t7.cls(1, f"torch.{kind}Storage"))
    path = write_file(whole[:head] + t7.longs(count) + whole[head + 8 :])
    with allocating_less_than(200_000):
        refused(path, f"{count} elements")


@pytest.mark.parametrize("text", [b"2\n999999999\nab", b"3\n1\n99999999\n", b"2\n-4\nab\n"])
def test_absurd_ascii_counts(write_file, text):
    refused(write_file(text), "bytes are left")


def test_big_files_are_mapped_and_never_written(tmp_path):
    path = tmp_path / "big.t7"
    save(path, np.arange(4_000_000, dtype=np.float32))
    before = path.read_bytes()
    with allocating_less_than(100_000):
        read = load(path)
    assert read[123_456] == 123_456
    read[0] = 7
    assert load(path)[0] == 0 and path.read_bytes() == before
    save(path, read)  # over the file it is a view of
    assert load(path)[0] == 7 and read[1] == 1


# Classes, functions, references


def test_classes_with_a_payload_of_their_own(write_file, t7):
    timer = t7.table(1, t7.string("timer"), t7.cls(2, "torch.Timer"), t7.string("x"), t7.number(1))
    read = load(write_file(timer))
    assert read["timer"].class_name == "torch.Timer" and read["x"] == 1
    vector = t7.cls(1, "tds.Vec", b"V 0") + t7.longs(3) + t7.number(1) + t7.nil + t7.string("z")
    assert load(write_file(vector)).fields == [1, None, "z"]
    table = t7.cls(1, "tds_hash", b"V 0") + t7.longs(1) + t7.number(1) + t7.table(2)
    assert load(write_file(table)).fields == {1: []}
    path = write_file(b"")
    for body in (timer, vector, table, t7.cls(1, "a.B", b"V 12") + t7.string("payload")):
        path.write_bytes(body)
        read = load(path)
        save(path, read)
        assert path.read_bytes() == body
    assert read.fields == "payload" and read.version == 12
    refused(write_file(t7.cls(1, "tds.Vec", b"V 0") + t7.longs(2**60)), "tds.Vec of")


def test_objects_answer_for_their_fields():
    thing = TorchObject("nn.Linear", {"weight": 1})
    assert thing["weight"] == 1 and "weight" in thing and thing.get("bias", 2) == 2
    odd = TorchObject("a.B", "text")
    assert "text" not in odd and odd.get("x") is None
    assert repr(thing) == "TorchObject('nn.Linear', {weight})"


def test_functions_are_refused_or_carried(write_file, t7):
    code = b"\x1bLJ\x02"
    body = t7.ints(8, 2, 4) + code + t7.table(3, t7.number(1), t7.ref(2, 8))
    path = write_file(t7.table(1, t7.string("f"), body, t7.string("g"), t7.ref(2, 8)))
    refused(path, "Lua function", "functions='opaque'")
    read = load(path, functions="opaque")
    assert isinstance(read["f"], TorchFunction) and read["f"] is read["g"]
    assert read["f"].dump == code and read["f"].upvalues == [read["f"]]


def test_references_must_lead_back(write_file, t7):
    n = t7.number(1)
    refused(write_file(t7.table(1, n, t7.ref(3) + t7.ints(0))), "object index 3", "next (2)")
    refused(write_file(t7.table(1, n, t7.ref(0))), "object index 0")
    refused(write_file(t7.table(1, n, t7.ref(-2))), "object index -2")
    refused(write_file(t7.table(1, n, t7.ref(1, 4))), "another type")
    refused(
        write_file(
            t7.table(1, n, t7.ref(1, 8)),
        ),
        "another type",
        functions="opaque",
    )


def test_bad_booleans_and_types(write_file, t7):
    refused(write_file(t7.boolean(2)), "boolean 2", offset=0)
    refused(write_file(t7.table(1, t7.number(1), t7.ints(77))), "type id 77", offset=24)
    refused(write_file(b"5\n2\n"), "boolean 2")
    refused(write_file(b"3\n1\n1\n1\n1\n77\n"), "type id 77")
    refused(write_file(t7.cls(1, "")), "name of a Torch class")
    refused(write_file(t7.cls(1, "a\nb")), "name of a Torch class")


@pytest.mark.parametrize("content", [b"", b"\1", b"PK\3\4\0\0\0\0", b"\x80\2}q\0.", b"hello"])
def test_other_files(write_file, content):
    refused(write_file(content), "expected", offset=0)


# Encodings


def test_longs_of_four_bytes_are_found_out(write_file, t7, tmp_path):
    obj = {"t": np.arange(6, dtype=np.float32).reshape(2, 3), "e": np.empty(0, np.float32),
           "l": np.array([1, -2, 3])}  # fmt: skip
    path = tmp_path / "short.t7"
    save(path, obj, long_size=4)
    for read in (load(path), load(path, long_size=4)):
        assert read["t"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert read["l"].dtype == np.int64 and read["l"].tolist() == [1, -2, 3]
    refused(path, long_size=8)
    with pytest.raises(ValueError, match="do not fit"):
        save(path, np.array([2**40]), long_size=4)
    path.write_bytes(path.read_bytes()[:-3])
    refused(path)


def test_a_cut_file_is_not_taken_for_one_of_short_longs(write_file, t7):
    """Without its last number, and with longs of 4 bytes, this would be `0 0 1 2`."""
    refused(write_file(t7.storage(1, [0, 1, 2, 3])[:-4]), "4 elements of 4 bytes, but 12 bytes")


def test_options_are_checked(write_file, t7):
    path = write_file(t7.nil)
    with pytest.raises(ValueError, match="'run', expected 'refuse' or 'opaque'"):
        load(path, functions="run")
    with pytest.raises(ValueError, match="long_size=2"):
        load(path, long_size=2)
    with pytest.raises(ValueError, match="'xml', expected"):
        save(path, 1, format="xml")
    with pytest.raises(ValueError, match="long_size=2"):
        save(path, 1, long_size=2)
    with pytest.raises(FileNotFoundError):
        load(path.with_name("absent.t7"))


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"1\n1e-30", 1e-30), (b" 1 \n -inf\n", float("-inf")), (b"2\n3\na\nb\n", "a\nb"),
     (b"3\n1\n2\n1\n1\n2\n0\n1\n2\n2\n1\n\n\n", ["", "\n"]), (b"5\n1\n", True), (b"0", None)],
)  # fmt: skip
def test_ascii(write_file, text, value):
    assert load(write_file(text)) == value


def test_ascii_arrays_may_span_lines(write_file):
    head = b"4\n1\n3\nV 1\n18\ntorch.%s\n%d\n"
    for body in (b"1 2 3\n", b"1\n2\n3", b"  1\t2\n\n3  \n"):
        assert load(write_file(head % (b"FloatStorage", 3) + body)).data.tolist() == [1, 2, 3]
    many = b"\n".join(b"%d" % i for i in range(200_000))
    read = load(write_file(head % (b"FloatStorage", 200_000) + many))
    np.testing.assert_array_equal(read.data, np.arange(200_000))


@pytest.mark.parametrize("body", [b"1 2", b"1 2 x", b"1 2 1_0", b"1 2 0x3", b"1 2 3.3.3", b"1 2 -"])
def test_ascii_arrays_of_something_else(write_file, body):
    refused(write_file(b"4\n1\n3\nV 1\n18\ntorch.FloatStorage\n3\n" + body + b"\n"))


@pytest.mark.parametrize("number", [b"1_0", b"", b"abc", b"1,5", b"nan_"])
def test_ascii_numbers(write_file, number):
    refused(write_file(b"1\n" + number + b"\n"), "number")


def test_needs_numpy_only():
    code = (
        "import sys, types; g = types.ModuleType('graph'); g.__path__ = [sys.argv[1]]; "
        "sys.modules['graph'] = g; import graph.torch7; "
        "assert not {'keras', 'tensorflow', 'torch', 'pickle5'} & set(sys.modules)"
    )
    import graph

    subprocess.run([sys.executable, "-c", code, graph.__path__[0]], check=True)

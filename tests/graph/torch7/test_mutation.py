"""Damaged files load or raise Torch7FormatError; nothing else, and quickly."""

import random
import struct
import time

import pytest

from graph.torch7 import Torch7FormatError, load

ABSURD = [
    struct.pack("<i", value)
    for value in (-1, 0, 1, 3, 4, 8, 255, 2**16, 2**24, 2**31 - 1, -(2**31))
] + [struct.pack("<q", value) for value in (-1, 2**31, 2**40, 2**60, 2**62, 2**63 - 1, -(2**63))]
ABSURD_TEXT = [b"-1", b"0", b"4", b"99999999", b"9" * 19, b"9" * 30, b"x", b"", b"\n", b"1e400"]
SEEDS = [
    "class_gmodule_tiny", "class_linear", "class_sequential_ascii", "checkpoint", "long32",
    "tensor_shared_storage", "tensor_shared_storage_ascii", "table_mixed", "table_cyclic2",
    "table_cyclic2_ascii", "table_table_key", "function_upvalue", "storage_and_tensor",
    "big_endian", "tensor_half_ascii", "class_unknown", "tensor_transposed",
]  # fmt: skip


def mutations(content, rng, count):
    """Damaged copies: bits flipped, bytes cut, repeated or replaced by absurd numbers."""
    absurd = ABSURD_TEXT + ABSURD if content[:1].isdigit() else ABSURD
    for _ in range(count):
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            at = rng.randrange(len(damaged) + 1)
            kind = rng.randrange(5)
            if kind == 0 and at < len(damaged):
                damaged[at] ^= 1 << rng.randrange(8)
            elif kind == 1:
                value = rng.choice(absurd)
                damaged[at : at + len(value)] = value
            elif kind == 2:
                del damaged[at : at + rng.choice((1, 4, 8, 24))]
            elif kind == 3:
                begin = rng.randrange(len(damaged) + 1)
                damaged[at:at] = damaged[begin : begin + rng.choice((1, 4, 8, 24))]
            elif at < len(damaged):
                damaged[at] = rng.randrange(256)
        yield bytes(damaged)


def survives(path, content):
    path.write_bytes(content)
    start = time.perf_counter()
    try:
        load(path, functions="opaque")
        loaded = True
    except Torch7FormatError as error:
        assert error.path == str(path) and 0 <= error.offset <= len(content)
        loaded = False
    assert time.perf_counter() - start < 1
    return loaded


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files(name, io_cases, tmp_path):
    rng = random.Random(name)
    content = io_cases[name]
    outcomes = [survives(tmp_path / "x.t7", bad) for bad in mutations(content, rng, 400)]
    assert True in outcomes or False in outcomes
    assert outcomes.count(False) > 40


@pytest.mark.parametrize("name", ["class_sequential", "checkpoint_ascii", "function_in_module"])
def test_truncated_anywhere(name, io_cases, tmp_path):
    content = io_cases[name]
    for end in range(len(content) - 1):
        assert not survives(tmp_path / "x.t7", content[:end]), f"cut to {end} bytes"


@pytest.mark.parametrize("name", ["class_linear", "tensor_shared_storage"])
def test_absurd_numbers_anywhere(name, io_cases, tmp_path):
    content = io_cases[name]
    for at in range(0, len(content) - 4):
        for value in (ABSURD[0], ABSURD[9], ABSURD[13], ABSURD[16]):
            survives(tmp_path / "x.t7", content[:at] + value + content[at + len(value) :])


def test_a_field_of_claims(t7, tmp_path):
    """Each level claims as many entries as the file could hold; nothing is set aside for them."""
    n = 20_000
    row = t7.number(1) + t7.number(1)
    body = b"".join(t7.ints(3, i, 30_000) + row + t7.number(2) for i in range(1, n))
    assert not survives(tmp_path / "x.t7", body)

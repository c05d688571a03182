"""Damaged files load or raise Torch7FormatError; nothing else, and quickly."""

import random
import subprocess
import sys

import pytest
import torch7_mutations
from torch7_mutations import ABSURD, mutations, survives

SEEDS = [
    "class_gmodule_tiny", "class_linear", "class_sequential_ascii", "checkpoint", "long32",
    "tensor_shared_storage", "tensor_shared_storage_ascii", "table_mixed", "table_cyclic2",
    "table_cyclic2_ascii", "table_table_key", "function_upvalue", "storage_and_tensor",
    "big_endian", "tensor_half_ascii", "class_unknown", "tensor_transposed",
]  # fmt: skip


@pytest.mark.parametrize("name", SEEDS)
def test_damaged_files(name, io_cases, tmp_path):
    rng = random.Random(name)
    content = io_cases[name]
    outcomes = [survives(tmp_path / "x.t7", bad) for bad in mutations(content, rng, 100)]
    assert outcomes.count(False) > 10


@pytest.mark.skipif(sys.platform == "win32", reason="memory cannot be limited there")
def test_20000_damaged_files_within_1_GB(io_archive):
    command = [sys.executable, torch7_mutations.__file__, str(io_archive), "20000", "7"]
    out = subprocess.run(command, capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    read, loaded = map(int, out.stdout.split())
    assert read >= 20_000
    assert 1000 < loaded < 15_000


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

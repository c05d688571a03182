"""Fixtures of the Torch7 tests: files made of bytes, and of the pieces of the format."""

import struct
import zipfile
from pathlib import Path

import pytest

IO = Path(__file__).parents[2] / "oracle" / "torch7" / "io.zip"


@pytest.fixture(scope="session")
def io_archive():
    """The archive of the golden files of the format."""
    return IO


@pytest.fixture(scope="session")
def io_cases():
    """Name of each case -> the bytes of its file."""
    with zipfile.ZipFile(IO) as archive:
        names = [name for name in archive.namelist() if name.endswith("/data.t7")]
        return {name.split("/")[0]: archive.read(name) for name in names}


@pytest.fixture
def write_file(tmp_path):
    """Writes bytes to a new file; returns its path."""
    count = 0

    def write(content: bytes) -> Path:
        nonlocal count
        count += 1
        path = tmp_path / f"{count}.t7"
        path.write_bytes(content)
        return path

    return write


class Pieces:
    """The pieces of a little-endian binary file with longs of 8 bytes."""

    nil = struct.pack("<i", 0)

    @staticmethod
    def ints(*values):
        return struct.pack(f"<{len(values)}i", *values)

    @staticmethod
    def longs(*values):
        return struct.pack(f"<{len(values)}q", *values)

    @staticmethod
    def number(value):
        return struct.pack("<id", 1, value)

    @staticmethod
    def boolean(value):
        return struct.pack("<ii", 5, value)

    @staticmethod
    def string(text):
        return struct.pack("<ii", 2, len(text)) + text.encode()

    @staticmethod
    def table(index, *entries):
        """A new table; entries are keys and values by turns."""
        return struct.pack("<iii", 3, index, len(entries) // 2) + b"".join(entries)

    @staticmethod
    def ref(index, tag=3):
        return struct.pack("<ii", tag, index)

    @staticmethod
    def cls(index, name, version=b"V 1"):
        head = struct.pack("<iii", 4, index, len(version)) + version
        return head + struct.pack("<i", len(name)) + name.encode()

    def tensor(self, index, sizes, strides, offset, storage, kind="Float"):
        head = self.cls(index, f"torch.{kind}Tensor") + self.ints(len(sizes))
        return head + self.longs(*sizes, *strides, offset) + storage

    def storage(self, index, values, kind="Float", code="f"):
        head = self.cls(index, f"torch.{kind}Storage") + self.longs(len(values))
        return head + struct.pack(f"<{len(values)}{code}", *values)


@pytest.fixture
def t7():
    return Pieces()

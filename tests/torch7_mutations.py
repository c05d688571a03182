"""Damaged Torch7 files: `python torch7_mutations.py ARCHIVE COUNT SEED` reads so many of them."""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Iterator
from pathlib import Path

ABSURD = [
    struct.pack("<i", value)
    for value in (-1, 0, 1, 3, 4, 8, 255, 2**16, 2**24, 2**31 - 1, -(2**31))
] + [struct.pack("<q", value) for value in (-1, 2**31, 2**40, 2**60, 2**62, 2**63 - 1, -(2**63))]
ABSURD_TEXT = [b"-1", b"0", b"4", b"99999999", b"9" * 19, b"9" * 30, b"x", b"", b"\n", b"1e400"]
LIMIT = 1 << 30
"""Bytes of memory for reading."""


def mutations(content: bytes, rng: random.Random, count: int) -> Iterator[bytes]:
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


def tensors(rng: random.Random, count: int) -> Iterator[bytes]:
    """Tensors over a storage of 24 floats, with sizes, strides and offsets of all kinds."""
    huge = [-(2**63), -(2**40), 2**31, 2**40, 2**62, 2**63 - 1]
    numbers = [*huge, -25, -2, -1, 0, 1, 2, 3, 4, 24, 25]
    storage = _class(2, b"torch.FloatStorage") + struct.pack("<q24f", 24, *range(24))
    for _ in range(count):
        rank = rng.choice((0, 1, 2, 2, 3, 3, 40))
        longs = [rng.choice(numbers) for _ in range(2 * rank + 1)]
        head = _class(1, b"torch.FloatTensor") + struct.pack(f"<i{2 * rank + 1}q", rank, *longs)
        yield head + storage


def _class(index: int, name: bytes) -> bytes:
    return struct.pack("<iii", 4, index, 3) + b"V 1" + struct.pack("<i", len(name)) + name


def survives(path: Path, content: bytes) -> bool:
    """Whether a file loads; it must load or be refused with the place, within a second."""
    from graph.torch7 import Torch7FormatError, load

    path.write_bytes(content)
    start = time.perf_counter()
    try:
        load(path, functions="opaque")
        loaded = True
    except Torch7FormatError as error:
        assert error.path == str(path) and 0 <= error.offset <= len(content)
        loaded = False
    taken = time.perf_counter() - start
    assert taken < 1, f"{taken:.1f} s for {content[:80]!r}"
    return loaded


def _main(archive: str, count: int, seed: int) -> None:
    import resource
    import tempfile
    import zipfile

    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    rng = random.Random(seed)
    with zipfile.ZipFile(archive) as cases:
        names = [name for name in cases.namelist() if name.endswith("/data.t7")]
        seeds = [content for name in names if len(content := cases.read(name)) < 20_000]
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.t7")
        for bad in tensors(rng, count // 10):
            outcomes.append(survives(path, bad))
        while len(outcomes) < count:
            for bad in mutations(rng.choice(seeds), rng, 10):
                outcomes.append(survives(path, bad))
    print(len(outcomes), outcomes.count(True))


if __name__ == "__main__":
    import sys
    import types

    # The reader alone, without Keras: that would not fit the memory.
    package = types.ModuleType("graph")
    package.__path__ = [str(Path(__file__).parents[1] / "graph")]
    sys.modules["graph"] = package
    _main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""Which peers there are, under which interpreter each is found, and of which version it is.

A peer that cannot live beside Keras 3 may have an interpreter of its own. `python -m benchmarks`
is told of it with ``--peer NAME=PYTHON`` and tells its processes in an environment variable.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from typing import NamedTuple

__all__ = ["PEERS", "VARIABLE", "Peer", "python", "title", "version", "why_missing"]

VARIABLE = "NNGRAPH_BENCHMARKS_PEERS"
"""JSON: name of a peer -> its interpreter, or null for one that is to be left out."""


class Peer(NamedTuple):
    """How a peer is called in print, in an import and on the package index."""

    title: str
    module: str
    distribution: str


PEERS = {
    "keract": Peer("keract", "keract", "keract"),
    "litert": Peer("LiteRT", "ai_edge_litert", "ai-edge-litert"),
    "onnxruntime": Peer("ONNX Runtime", "onnxruntime", "onnxruntime"),
    "pytorch-metric-learning": Peer(
        "pytorch-metric-learning", "pytorch_metric_learning", "pytorch-metric-learning"
    ),
    "tensorflow-addons": Peer("tensorflow-addons", "tensorflow_addons", "tensorflow-addons"),
    "tf2onnx": Peer("tf2onnx", "tf2onnx", "tf2onnx"),
    "torch": Peer("PyTorch", "torch", "torch"),
    "torchfile": Peer("torchfile", "torchfile", "torchfile"),
}

# Not imported: the import of some takes seconds, and of some ends in an error under Keras 3.
_FIND = """
import importlib.metadata as m, importlib.util as u, sys
found = u.find_spec(sys.argv[1]) is not None
try:
    version = m.version(sys.argv[2])
except m.PackageNotFoundError:
    version = "of unknown version"
print(version if found else "")
"""


def given() -> dict[str, str | None]:
    """What `python -m benchmarks` was told."""
    return json.loads(os.environ.get(VARIABLE, "{}"))


def _interpreter(name: str) -> str | None:
    return given().get(name, sys.executable)


@functools.cache
def _ask(interpreter: str, module: str, distribution: str) -> str:
    command = [interpreter, "-W", "ignore", "-c", _FIND, module, distribution]
    environment = dict(os.environ)
    if interpreter != sys.executable:
        environment.pop("PYTHONPATH", None)
    try:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return run.stdout.strip()


def version(name: str) -> str | None:
    """The version of a peer, or None where it is missing."""
    interpreter = _interpreter(name)
    if interpreter is None:
        return None
    peer = PEERS[name]
    return _ask(interpreter, peer.module, peer.distribution) or None


def python(name: str) -> str | None:
    """The interpreter that has a peer, or None where it is missing."""
    return _interpreter(name) if version(name) else None


def title(name: str) -> str:
    """The peer's name and version for the table, if it is there the latter too."""
    found = version(name)
    return PEERS[name].title + (f" {found}" if found else "")


def why_missing(name: str) -> str:
    """What to do about a peer that is not there."""
    interpreter = _interpreter(name)
    if interpreter is None:
        return "left out by --without"
    if interpreter != sys.executable:
        return f"the interpreter of --peer {name} has no {PEERS[name].module}"
    return f"pip install {PEERS[name].distribution}"

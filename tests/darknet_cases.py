"""Darknet's golden files, unpacked once."""

import functools
import json
import tarfile
import tempfile
from pathlib import Path

import keras
import numpy as np

ARCHIVE = Path(__file__).parent / "oracle" / "darknet.tar.xz"

# Outputs are compared on the scale of their layer, or of 1 where all are small.
TOLERANCE = 1e-4


@functools.cache
def _unpacked():
    folder = tempfile.TemporaryDirectory(prefix="darknet_oracle")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder.name, filter="data")
    return folder


def oracle():
    """The folder of all files."""
    return Path(_unpacked().name) / "darknet"


class Case:
    """One network with its weights, an input and the outputs of its layers."""

    def __init__(self, name):
        self.folder = oracle() / name
        self.cfg = self.folder / "net.cfg"
        self.weights = self.folder / "net.weights"
        with np.load(self.folder / "arrays.npz") as arrays:
            self.arrays = dict(arrays)
        self.input = np.moveaxis(self.arrays["input"], 1, -1)
        self.layers = sorted(int(k[6:]) for k in self.arrays if k.startswith("layer_"))

    def expected(self, index):
        """What Darknet gave for layer `index`: all of it, or the part that was kept."""
        return self.arrays[f"layer_{index:02d}"]

    def kept(self, index, output):
        """Of `output`, laid out as Darknet does, the part that was kept of layer `index`."""
        key = f"{index:02d}"
        if f"step_{key}" in self.arrays:
            return output.ravel()[:: int(self.arrays[f"step_{key}"])]
        if f"sampled_{key}" in self.arrays:
            steps = self.arrays[f"sampled_{key}"]
            return output[tuple(slice(None, None, int(step)) for step in steps)]
        return output


def expectations(folder):
    """Name, and whether it must load, of each file of a folder of damaged ones."""
    listed = json.loads((oracle() / "malformed" / folder / "expected.json").read_text())
    return [(name, entry["expect"] == "load") for name, entry in sorted(listed.items())]


def darknet_order(y):
    """An output in Darknet's layout: planes first."""
    y = keras.ops.convert_to_numpy(y)
    return np.moveaxis(y, -1, 1) if y.ndim == 4 else y


def section_outputs(model, x):
    """The output of each section but ``[cost]``, by Darknet's number, in Darknet's layout."""
    last = {}
    for node in model.forwardnodes:
        if "darknet" in node.annotations:
            last[node.annotations["darknet"]] = model.get_layer(node.name).output
    taps = keras.Model(model.inputs, list(last.values()))
    outputs = keras.tree.flatten(taps([keras.ops.convert_to_tensor(x)], training=False))
    return {n: darknet_order(y) for n, y in zip(last, outputs, strict=True)}


def assert_close(got, expected, what):
    """Within `TOLERANCE` of Darknet's own numbers."""
    assert got.size == expected.size, f"{what}: {got.shape} for {expected.shape}"
    scale = max(1.0, float(np.abs(expected).max()))
    error = float(np.abs(got.reshape(expected.shape) - expected).max()) / scale
    assert error < TOLERANCE, f"{what}: {error}"

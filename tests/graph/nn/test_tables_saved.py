"""Modules on tables, dimensions and shapes: saved, loaded, and as plain Keras models."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import graph
from graph import gModule, nn
from graph.table import flatten, map_table


def ramp(*shape):
    """Distinct values of both signs in no order."""
    n = int(np.prod(shape))
    return (((np.arange(n) * 7919 + 13) % (2 * n + 1) - n) / n).reshape(shape).astype("float32")


IMAGE = ramp(3, 4, 5, 2)
VECTORS = [ramp(3, 4), 2 * ramp(3, 4) + 0.3, 1 - ramp(3, 4)]
ONES = (ramp(3, 4) > 0).astype("float32")

EXAMPLES = [
    (nn.View(8, -1), IMAGE),
    (nn.View(4, fed="batches"), IMAGE),
    (nn.View(2, 10, fed="batches", numInputDims=2), IMAGE),
    (nn.Reshape(2, 20, True), IMAGE),
    (nn.Reshape(6, 20, batchMode=False, fed="batches"), IMAGE),
    (nn.Collapse(3), IMAGE),
    (nn.Collapse(4, fed="batches"), IMAGE),
    (nn.Convert("bchw", "bf"), IMAGE),
    (nn.Convert("bchw", "bwch"), IMAGE),
    (nn.Transpose((1, 2), (1, 3)), IMAGE),
    (nn.Squeeze(), ramp(3, 1, 4, 2)),
    (nn.Squeeze(2), ramp(3, 1, 4, 2)),
    (nn.Unsqueeze(1), IMAGE),
    (nn.Unsqueeze(3, 2), ramp(3, 4, 2)),
    (nn.Replicate(3), ramp(3, 4)),
    (nn.Replicate(3, 2, 3), IMAGE),
    (nn.Select(2, -2), IMAGE),
    (nn.Select(1, 1), IMAGE),
    (nn.Narrow(1, 1, -2), IMAGE),
    (nn.Narrow(3, -1, 2), IMAGE),
    (nn.Index(2), [IMAGE, np.array([[4, 1], [1, 2], [3, 3]], "float32")]),
    (nn.MaskedSelect(), [VECTORS[0], ONES]),
    (nn.MaskedSelect(fed="samples"), [IMAGE[:1], (IMAGE[:1] > 0.2).astype("float32")]),
    (nn.Max(1), IMAGE),
    (nn.Max(2, fed="samples"), ramp(3, 4, 2)),
    (nn.Min(-1), IMAGE),
    (nn.Mean(2, 3), IMAGE),
    (nn.Sum(1, -1, True, False), IMAGE),
    (nn.Padding(1, -2, 3, 7.5), IMAGE),
    (nn.Padding(2, 2, value=-1, index=3), IMAGE),
    (nn.FlattenTable(), [VECTORS[0], [VECTORS[1], [VECTORS[2]]]]),
    (nn.ConcatTable(nn.NarrowTable(2, 2), nn.Identity()), VECTORS),
    (nn.ZipTable(), [VECTORS[:2], VECTORS[1:]]),
    (nn.ZipTableOneToMany(), [VECTORS[0], VECTORS[1:]]),
    (nn.MixtureTable(), [ramp(3, 2), [IMAGE, 1 - IMAGE]]),
    (nn.MixtureTable(2), [ramp(3, 4), IMAGE]),
    (nn.CDivTable(), VECTORS[:2]),
    (nn.CMaxTable(), VECTORS),
    (nn.CMinTable(), VECTORS),
    (nn.CAddTensorTable(), [VECTORS[0], VECTORS[1:]]),
    (nn.MM(), [ramp(3, 2, 4), ramp(3, 4, 5)]),
    (nn.MM(True, True), [ramp(3, 4, 2), ramp(3, 5, 4)]),
    (nn.MV(), [ramp(3, 2, 4), ramp(3, 4)]),
    (nn.MV(True), [ramp(3, 4, 2), ramp(3, 4)]),
    (nn.DotProduct(), VECTORS[:2]),
    (nn.DotProduct(fed="samples"), VECTORS[:2]),
    (nn.CosineDistance(), VECTORS[:2]),
    (nn.PairwiseDistance(), VECTORS[:2]),
    (nn.PairwiseDistance(3), VECTORS[:2]),
    (nn.PairwiseDistance(1), VECTORS[:2]),
    (nn.JoinTable(1, 3), [IMAGE, -IMAGE]),
    (nn.SplitTable(2, 3), IMAGE),
    (nn.ConcatTable(nn.SelectTable(-1), nn.MapTable(nn.Tanh())), VECTORS),
    (nn.Parallel(1, 1, nn.Linear(4, 2), nn.Linear(4, 3)), ramp(3, 2, 4)),
    (nn.Parallel(1, 0, nn.Linear(4, 2), nn.Linear(4, 2)), ramp(3, 2, 4)),
    (nn.MapTable(nn.Linear(4, 2)), VECTORS),
    (nn.MapTable(nn.Sequential(nn.Linear(4, 2), nn.Tanh()), False), VECTORS),
    (nn.Concat(2, nn.Identity(), nn.Tanh()), IMAGE),
    (nn.ConcatTable(nn.Identity(), nn.ConcatTable(nn.Tanh(), nn.ReLU())), IMAGE),
    (nn.ParallelTable(nn.Tanh(), nn.Linear(4, 1)), VECTORS[:2]),
    (
        nn.DepthConcat(
            1, nn.SpatialConvolution(2, 3, 1, 1), nn.SpatialConvolution(2, 1, 2, 3), nn.ReLU()
        ),
        IMAGE,
    ),
    (nn.DepthConcat(2, nn.Identity(), nn.Narrow(1, 2, 1)), IMAGE),
]


def same(a, b):
    assert len(flatten(a)) == len(flatten(b))
    for x, y in zip(flatten(a), flatten(b), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7)


IDS = [f"{i}-{module!r}"[:40] for i, (module, _) in enumerate(EXAMPLES)]


def model_of(module, x):
    given = graph.Input(map_table(lambda a: a.shape[1:], x))
    return gModule([given], [module(given)])


@pytest.mark.parametrize(("module", "x"), EXAMPLES, ids=IDS)
def test_saved_and_loaded(module, x, tmp_path):
    model = model_of(module, x)
    model.save(tmp_path / "model.keras")
    same(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


def test_plain_models_load_where_this_package_is_not(tmp_path):
    for i, (module, x) in enumerate(EXAMPLES):
        model = model_of(module, x)
        model.to_keras().save(tmp_path / f"{i}.keras")
        for name, leaves in (("x", x), ("y", model(x))):
            arrays = map(np.asarray, flatten(leaves))
            np.savez(tmp_path / f"{i}.{name}.npz", *arrays)
    script = tmp_path / "script.py"
    script.write_text(PLAIN)
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.split() == [str(i) for i in range(len(EXAMPLES))]


PLAIN = """
import sys
import keras
import numpy as np
from pathlib import Path

def arrays(name):
    with np.load(name) as file:
        return [file[key] for key in file]

def leaves(x):
    return [y for part in x for y in leaves(part)] if isinstance(x, (list, tuple)) else [x]

def nested(like, given):
    return [nested(a, given) for a in like] if isinstance(like, list) else next(given)

for i in range(len(list(Path().glob("*.keras")))):
    model = keras.saving.load_model(f"{i}.keras")
    y = model(nested(model.input, iter(arrays(f"{i}.x.npz"))))
    for a, b in zip(leaves(y), arrays(f"{i}.y.npz"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7, err_msg=str(i))
    print(i)
assert "graph" not in sys.modules
"""

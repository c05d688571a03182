"""Golden cases of the real Torch7: a module each, with its file, inputs, outputs, gradients."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from graph import GModule, GraphError, gModule, nn
from graph.layout import from_torch_axes, to_torch_axes
from graph.nn.torch_fields import UnsupportedTorch
from graph.parameters import holders_of
from graph.torch7 import load
from graph.torch7.convert import to_module

ORACLE = Path(__file__).parent / "oracle" / "torch7"
TOLERANCE = {"float32": {"rtol": 1e-5, "atol": 1e-6}, "float64": {"rtol": 1e-10, "atol": 1e-12}}

# What a model says that cannot have been fed batches, so that its case holds a single sample.
SINGLE_SAMPLES = (
    "works along dimension 1",
    "batched=False",
    "fed batches of different sizes",
    "for each sample",
)

# Fed single samples; Torch tells a batch by the number of dimensions.
UNBATCHED = {
    "Linear_unbatched",
    "LogSoftMax_1d",
    "SpatialConvolution_unbatched",
    "TemporalConvolution_unbatched",
    "PairwiseDistance_2_unbatched",
    "LogSoftMax_3d",
    "SoftMax_3d",
    "MM_2d",
    "View_batch1",  # Torch's View makes a single sample of a batch of one.
}


class Case:
    """One case of an archive."""

    time_major = False
    """Whether its tensors are (time, batch, ...) in Torch."""

    def __init__(self, archive: str, name: str) -> None:
        self.archive = archive
        self.name = name
        self._zip = zipfile.ZipFile(ORACLE / f"{archive}.zip")
        self.spec = json.loads(self._zip.read(f"{name}/case.json"))
        self.dtype = self.spec["dtype"]

    def model(self, folder: Path) -> Any:
        """The Torch object of the case's model file."""
        self._zip.extract(f"{self.name}/{self.spec['model']}", folder)
        return load(folder / self.name / self.spec["model"], functions="opaque")

    def arrays(self, key: str) -> Any:
        """`input`, `output`, `gradOutput`, ... nested as the Torch table; None where nil."""
        return self._read(self.spec.get(key))

    def _read(self, part: Any) -> Any:
        if part is None:
            return None
        if isinstance(part, list):
            return [self._read(item) for item in part]
        if "value" in part:
            return part["value"]
        return np.load(io.BytesIO(self._zip.read(f"{self.name}/{part['file']}")))


class TimeMajor(Case):
    """A case whose tensors are time x batch in Torch; ours are batch x time.

    The swap is of the first two axes, of inputs and of outputs that still have a time axis.
    """

    time_major = True
    batchfirst = False

    def model(self, folder: Path) -> Any:
        model = super().model(folder)
        self.batchfirst = bool(model.fields.get("batchfirst"))
        return model

    def arrays(self, key: str) -> Any:
        values = super().arrays(key)
        named = key in ("input", "gradInput") or key in ("output", "gradOutput")
        if not named or not isinstance(values, np.ndarray) or self.batchfirst:
            return values
        timed = key in ("input", "gradInput") or values.ndim > 2
        return values.swapaxes(0, 1) if timed else values


def cases(archive: str) -> list[str]:
    """The names of an archive's cases."""
    with zipfile.ZipFile(ORACLE / f"{archive}.zip") as file:
        return sorted(n.removesuffix("/case.json") for n in file.namelist() if "case.json" in n)


def to_keras(x: Any, batched: bool) -> Any:
    """Torch's layout to ours; a single sample becomes a batch of one."""
    if isinstance(x, list):
        return [to_keras(item, batched) for item in x]
    x = np.asarray(x) if batched else np.asarray(x)[None]
    return x.transpose(from_torch_axes(x.ndim))


def filled_up(samples: list[np.ndarray]) -> np.ndarray:
    """A table of sparse samples of different lengths as one batch, filled up with zeros."""
    longest = max(len(sample) for sample in samples)
    return np.stack([np.pad(s, ((0, longest - len(s)), (0, 0))) for s in samples])


def to_torch(x: Any, batched: bool) -> Any:
    """Our layout back to Torch's."""
    if isinstance(x, list):
        return [to_torch(item, batched) for item in x]
    x = np.asarray(x)
    x = x.transpose(to_torch_axes(x.ndim))
    return x if batched else x[0]


def assert_close(ours: Any, torchs: Any, tolerance: dict[str, float], what: str) -> None:
    """Compare nested arrays; an empty Torch tensor is a table of nothing."""
    if torchs is None:
        return
    if isinstance(torchs, list):
        assert isinstance(ours, list) and len(ours) == len(torchs), f"{what}: {type(ours)}"
        for i, (a, b) in enumerate(zip(ours, torchs, strict=True), 1):
            assert_close(a, b, tolerance, f"{what}[{i}]")
        return
    assert np.shape(ours) == np.shape(torchs), f"{what}: {np.shape(ours)} != {np.shape(torchs)}"
    np.testing.assert_allclose(ours, torchs, **tolerance, err_msg=what)


def check(case: Case, folder: Path, *, batched: bool | None = None) -> nn.Module:
    """Load, run and compare everything that the case holds; returns the module."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(case.dtype)
    keras.config.set_dtype_policy(case.dtype)
    try:
        return _check(case, folder, batched)
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def network(case: Case, folder: Path) -> tuple[GModule, Any]:
    """The case's model, built for its input, and that input in our layout."""
    for batched in [False] if case.name in UNBATCHED else [True, False]:
        try:
            model, _, x = _network(case, folder, batched)
            model.ensure_built(x)
            return model, x
        except (UnsupportedTorch, GraphError) as error:
            if not batched or not any(sign in str(error) for sign in SINGLE_SAMPLES):
                raise
    raise AssertionError


def _network(case: Case, folder: Path, batched: bool) -> tuple[GModule, nn.Module, Any]:
    module = to_module(case.model(folder), batched=batched, time_major=case.time_major)
    node = nn.Identity()()
    x = case.arrays("input")
    if case.spec["class"] == "nn.SparseLinear" and isinstance(x, list):
        x = filled_up(x)
    return gModule([node], [module(node)]), module, to_keras(x, batched)


def _check(case: Case, folder: Path, batched: bool | None) -> nn.Module:
    if batched is not None:
        return _compare(case, folder, batched)
    try:
        return _compare(case, folder, True)
    except (UnsupportedTorch, GraphError) as error:
        if not any(sign in str(error) for sign in SINGLE_SAMPLES):
            raise
        return _compare(case, folder, False)


def _compare(case: Case, folder: Path, batched: bool) -> nn.Module:
    tolerance = TOLERANCE[case.dtype]
    model, module, x = _network(case, folder, batched)
    model.training() if case.spec["mode"] == "train" else model.evaluate()
    y = model.forward(x)
    assert_close(to_torch(y, batched), case.arrays("output"), tolerance, "output")
    gradOutput = case.arrays("gradOutput")
    if gradOutput is None:
        return module
    gradInput = model.backward(x, to_keras(gradOutput, batched))
    assert_close(to_torch(gradInput, batched), case.arrays("gradInput"), tolerance, "gradInput")
    named = {
        id(variable): (leaf, name, variable)
        for leaf in reversed(list(holders_of([module])))
        for name, variable in reversed(leaf.named_parameters().items())
    }
    variables, gradients = model.parameters()
    of = {id(v): g for v, g in zip(variables, gradients, strict=True)}
    ours = [(n, m.parameter_to_torch(n, of[id(v)])) for m, n, v in reversed(named.values())]
    again = {i for group in case.spec.get("sharedParams", []) for i in group[1:]}
    golden = [g for i, g in enumerate(case.arrays("gradParams") or []) if i not in again]
    assert len(ours) == len(golden), f"{[n for n, _ in ours]} against {len(golden)} parameters"
    for (name, a), b in zip(ours, golden, strict=True):
        assert_close(a, b, tolerance, f"gradient of {name}")
    return module

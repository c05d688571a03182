"""The golden cases of Torch7 through `graph.load_torch7`, fed with Torch's own arrays."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from golden_torch7 import SINGLE_SAMPLES, UNBATCHED, Case, assert_close, cases, filled_up

import graph
from graph import GModule, GraphError
from graph.table import map_table

# Fed single samples: those of the layers, and the models of nngraph's README.
SAMPLES = UNBATCHED | {
    "containers",
    "gmodule_linear_unbatched",
    "more_fun_unbatched",
    "two_in_two_out_unbatched",
}

# Not to be compared: the file does not hold its random regions; Torch7 itself is wrong (see
# tests/graph/nn/test_golden.py).
NO_OUTPUT = {"SpatialFractionalMaxPooling", "LayerNormalization", "LayerNormalization_eps"}

ALL = [(archive, name) for archive in ("models", "layers", "rnn") for name in cases(archive)]


@contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Keras working in the precision of a case."""
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def file_of(case: Case, folder: Path) -> Path:
    """The case's file, unpacked."""
    case._zip.extract(f"{case.name}/{case.spec['model']}", folder)
    return folder / case.name / case.spec["model"]


def inputs_of(case: Case) -> Any:
    """What Torch was fed; a table of sparse samples is a batch."""
    x = case.arrays("input")
    sparse = case.spec["class"] == "nn.SparseLinear" and isinstance(x, list)
    return filled_up(x) if sparse else x


def fed(x: Any, batched: bool) -> Any:
    """Torch's arrays as the model takes them: always a batch."""
    return map_table(np.asarray if batched else lambda leaf: np.asarray(leaf)[None], x)


def given(y: Any, batched: bool) -> Any:
    """What the model gave, as Torch gave it."""
    return y if batched else map_table(lambda leaf: np.asarray(leaf)[0], y)


def loaded(case: Case, folder: Path, **options: Any) -> tuple[GModule, bool]:
    """The case's model, built for its input, and whether it was fed batches."""
    path = file_of(case, folder)
    x = inputs_of(case)
    for batched in [False] if case.name in SAMPLES else [True, False]:
        try:
            model = graph.load_torch7(path, batched=batched, **options)
            model.ensure_built(fed(x, batched))
            return model, batched
        except ValueError as error:
            single = any(sign in str(error) for sign in SINGLE_SAMPLES)
            if not batched or not isinstance(error, GraphError | graph.UnsupportedTorch):
                raise
            if not single:
                raise
    raise AssertionError


def found_out(case: Case, folder: Path, input_shape: Any) -> tuple[GModule, bool]:
    """The model as `load_torch7` itself finds out how it was fed."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = graph.load_torch7(file_of(case, folder), input_shape)
    return model, not any("batched=False" in str(w.message) for w in caught)


__all__ = [
    "ALL",
    "NO_OUTPUT",
    "SAMPLES",
    "assert_close",
    "fed",
    "file_of",
    "found_out",
    "given",
    "inputs_of",
    "loaded",
    "precision",
]

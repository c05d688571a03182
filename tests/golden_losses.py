"""Golden cases of losses, metrics and distances of four other libraries."""

from __future__ import annotations

import functools
import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ORACLE = Path(__file__).parent / "oracle" / "losses"


@dataclass(frozen=True)
class LossCase:
    """What one call of the original gave; `spec` is its entry in the index."""

    spec: dict[str, Any]
    call: str
    inputs: dict[str, np.ndarray]
    params: dict[str, np.ndarray]
    aux: dict[str, np.ndarray]
    grads: dict[str, np.ndarray]
    output: np.ndarray | None

    def __str__(self) -> str:
        return self.spec["id"].split("/", 1)[1]

    @property
    def tags(self) -> set[str]:
        return set(self.spec["tags"])

    @property
    def kwargs(self) -> dict[str, Any]:
        return self.spec["kwargs"]

    def tolerance(self, kind: str = "output", *, noises: float = 10) -> float:
        """How far a value may lie from the original's, absolutely; `kind` is output or grad.

        1e-5 of the largest reference value, and some multiple of the original's own distance
        from float64, which is what another order of summation may cost.
        """
        if kind == "output":
            arrays = [] if self.output is None else [self.output]
        else:
            arrays = list(self.grads.values())
        finite = [np.abs(a[np.isfinite(a)]).max(initial=0) for a in map(np.asarray, arrays)]
        # A deviation that is not a number is stored as null.
        own = max(self.spec.get(name, {}).get(kind) or 0.0 for name in ("noise", "f64_dev"))
        return 1e-5 * max([1e-3, *map(float, finite)]) + noises * own


@functools.cache
def _index() -> dict[str, Any]:
    return json.loads(gzip.decompress((ORACLE / "index.json.gz").read_bytes()))


@functools.cache
def _arrays(family: str) -> dict[str, np.ndarray]:
    with np.load(ORACLE / _index()["npz"][family]) as archive:
        return dict(archive)


def classes(family: str) -> dict[str, int]:
    """How many cases each class of a family has."""
    return _index()["counts"][family]


def loss_cases(family: str, cls: str) -> list[LossCase]:
    """The cases of one class: `loss_cases("tfa_losses", "PinballLoss")`."""
    arrays = _arrays(family)

    def of(names: dict[str, str] | None) -> dict[str, np.ndarray]:
        return {name: arrays[key] for name, key in (names or {}).items()}

    return [
        LossCase(
            spec=spec,
            call=_index()["calls"][spec["call"]],
            inputs=of(spec["inputs"]),
            params=of(spec.get("params")),
            aux=of(spec.get("aux")),
            grads=of(spec.get("grads")),
            output=arrays[spec["output"]] if "output" in spec else None,
        )
        for spec in _index()["cases"]
        if spec["family"] == family and spec["class"] == cls
    ]

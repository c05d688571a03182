"""Connection tables for `SpatialConvolutionMap`: rows of (input plane, output plane), from 1."""

from __future__ import annotations

import numpy as np

from .arguments import integer

__all__ = ["full", "oneToOne", "random"]


def full(nin: int, nout: int) -> list[list[int]]:
    """Every input plane to every output plane.

    Args:
        nin: Input planes.
        nout: Output planes.

    Raises:
        GraphError: A number is not a positive integer.

    Reference: torch/nn SpatialConvolutionMap.lua.

    >>> full(2, 2)
    [[1, 1], [2, 1], [1, 2], [2, 2]]
    """
    inputs, outputs = integer(nin, "tables.full", "nin"), integer(nout, "tables.full", "nout")
    return [[i, o] for o in range(1, outputs + 1) for i in range(1, inputs + 1)]


def oneToOne(nfeat: int) -> list[list[int]]:
    """Every plane to itself.

    Args:
        nfeat: Planes.

    Raises:
        GraphError: It is not a positive integer.

    Reference: torch/nn SpatialConvolutionMap.lua.

    >>> oneToOne(3)
    [[1, 1], [2, 2], [3, 3]]
    """
    return [[i, i] for i in range(1, integer(nfeat, "tables.oneToOne", "nfeat") + 1)]


def random(nin: int, nout: int, nto: int, seed: int | None = None) -> list[list[int]]:
    """`nto` input planes, chosen at random, to every output plane.

    Input planes are used up evenly: a shuffled pack of them is dealt `nto` at a time, and what is
    left when it no longer suffices is shuffled in again.

    Args:
        nin: Input planes, at least `nto`.
        nout: Output planes.
        nto: Connections of each output plane.
        seed: For NumPy's generator. Default: another table at every call.

    Raises:
        GraphError: A number is not a positive integer, or `nin` is below `nto`.

    Reference: torch/nn SpatialConvolutionMap.lua.

    >>> [o for _, o in random(4, 3, 2)]
    [1, 1, 2, 2, 3, 3]
    """
    fan, outputs = integer(nto, "tables.random", "nto"), integer(nout, "tables.random", "nout")
    inputs = integer(nin, "tables.random", "nin", least=fan)
    generator = np.random.default_rng(seed)
    pack: list[int] = []
    rows = []
    for output in range(1, outputs + 1):
        if len(pack) < fan:
            pack = [int(i) + 1 for i in generator.permutation(inputs)]
        rows += [[i, output] for i in pack[:fan]]
        del pack[:fan]
    return rows

"""Which shape Torch's View, Reshape and Collapse give, by the rules of their Lua sources.

Shapes here are in Torch's order. None is a size that is not known yet; where the first one is the
batch, it always is. A result's -1 is for Keras to infer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..errors import ShapeMismatch

__all__ = ["collapsed", "filled", "of_sample", "product", "reshaped", "viewed"]

Shape = Sequence[int | None]
Sizes = tuple[int, ...]


def product(shape: Shape) -> int | None:
    """How many values a tensor of this shape has; None if that is not known."""
    known = [size for size in shape if size is not None]
    return math.prod(known) if len(known) == len(shape) else None


def filled(shape: Shape, sizes: Sizes) -> Sizes:
    """`sizes` with what -1 stands for, so that they hold what a tensor of `shape` holds.

    Raises:
        ShapeMismatch: They cannot.
    """
    total = product(shape)
    if total is None:
        return sizes
    known = math.prod(size for size in sizes if size > 0)
    if total % known or (-1 not in sizes and total != known):
        raise _cannot_view(shape, sizes, total)
    return tuple(total // known if size == -1 else size for size in sizes)


def of_sample(sample: Shape, sizes: Sizes, *, leads: bool) -> Sizes:
    """The new sizes of a sample, where the batch always stays.

    Args:
        sample: Its shape.
        sizes: The sizes that were asked for.
        leads: Whether a leading -1 stands for the batch if the rest fills a sample.

    Raises:
        ShapeMismatch: They do not fill a sample.
    """
    if leads and sizes[0] == -1 and len(sizes) > 1:
        if product(sample) in (math.prod(sizes[1:]), None):
            return sizes[1:]
    return filled(sample, sizes)


def viewed(shape: Shape, sizes: Sizes, numInputDims: int | None) -> Sizes:
    """The shape that ``View(*sizes)`` gives a tensor of `shape`, as a whole.

    Torch multiplies the batch with whatever the sizes do not fill, unless the result would be a
    batch of one without `numInputDims`; then it leaves the batch away.

    Raises:
        ShapeMismatch: Torch refuses, or too many sizes are not known.
    """
    counted = len(shape) if numInputDims is None else numInputDims
    if counted > len(shape):
        raise ShapeMismatch(
            f"is told of samples of {counted} dimensions (numInputDims); Torch would count "
            f"{len(shape)} here"
        )
    outer, inner = shape[: len(shape) - counted], shape[len(shape) - counted :]
    infers = -1 in sizes
    total = product(inner)
    if total is None:
        if infers and len(outer) > 1:
            raise ShapeMismatch("cannot tell what -1 is while the sizes of a sample are unknown")
        if outer or infers:
            return (-1, *sizes) if outer else sizes
        return _viewed_with_batch(shape, sizes)
    known = math.prod(size for size in sizes if size > 0)
    if total % known:
        raise _cannot_view(inner, sizes, total)
    rest = total // known
    full = tuple(rest if size == -1 else size for size in sizes)
    if not outer:
        return full if infers or rest == 1 else (rest, *full)
    batch = product(outer)
    return (-1 if batch is None else batch * (1 if infers else rest), *full)


def _viewed_with_batch(shape: Shape, sizes: Sizes) -> Sizes:
    # No numInputDims and no -1, so that all depends on the size of the batch, if there is one.
    if shape[0] is not None:
        return sizes
    total, known = product(shape[1:]), math.prod(sizes)
    if total is not None and known % total and total % known:
        raise _cannot_view(shape[1:], sizes, total)
    if total is not None and known > total:
        return (-1, *sizes[1:])  # The sizes name all there is, the number of samples first.
    return (-1, *sizes)


def reshaped(shape: Shape, sizes: Sizes, batchMode: bool | None) -> Sizes:
    """The shape that ``Reshape(*sizes, batchMode)`` gives a tensor of `shape`, as a whole.

    Raises:
        ShapeMismatch: Torch refuses.
    """
    batch, sample = shape[0], shape[1:]
    total = product(shape if batch is not None else sample)
    nelement = math.prod(sizes)  # Below zero if a size is inferred, which then equals nothing.
    whole = batchMode is False
    if batchMode is None and batch is not None:
        whole = total == nelement and batch != 1
    elif batchMode is None and total is not None:
        # Torch would only take a batch that fills the sizes, its number first.
        whole = nelement > total and nelement % total == 0
    if not whole:
        return (-1 if batch is None else batch, *filled(sample, sizes))
    if batch is not None:
        return filled(shape, sizes)
    return sizes if -1 in sizes else (-1, *sizes[1:])


def collapsed(shape: Shape, nInputDim: int) -> Sizes:
    """The shape that ``Collapse(nInputDim)`` gives a tensor of `shape`, as a whole."""
    batch = shape[0]
    if len(shape) <= nInputDim:
        return filled(shape, (-1,)) if batch is not None else (-1,)
    return (-1 if batch is None else batch, *filled(shape[1:], (-1,)))


def _cannot_view(shape: Shape, sizes: Sizes, total: int) -> ShapeMismatch:
    return ShapeMismatch(
        f"cannot view the {total} values of a sample (Torch order: "
        f"{' x '.join(map(str, shape))}) as {' x '.join(map(str, sizes))}",
        fix=f"the sizes must multiply to {total}",
    )

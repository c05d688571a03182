"""Convolution and windows as loops, from torch/nn's definitions, for any number of sides."""

import itertools

import numpy as np


def places(shape, steps, sizes):
    """Index of each output place, and the slices of its window."""
    for index in itertools.product(*map(range, shape)):
        starts = [i * d for i, d in zip(index, steps, strict=True)]
        yield index, tuple(slice(s, s + n) for s, n in zip(starts, sizes, strict=True))


def dilated(weight, dilation):
    """A kernel with zeros between its elements."""
    sides = weight.shape[: len(dilation)]
    sizes = [(k - 1) * r + 1 for k, r in zip(sides, dilation, strict=True)]
    spread = np.zeros((*sizes, *weight.shape[len(dilation) :]))
    spread[tuple(slice(None, None, r) for r in dilation)] = weight
    return spread


def convolution(x, weight, bias, steps, pads, dilation):
    """``x`` is (batch, *sides, in), ``weight`` (*kernel, in, out)."""
    weight = dilated(weight, dilation)
    sides = len(steps)
    x = np.pad(x.astype("float64"), ((0, 0), *((p, p) for p in pads), (0, 0)))
    kernel = weight.shape[:sides]
    shape = [(n - k) // d + 1 for n, k, d in zip(x.shape[1:-1], kernel, steps, strict=True)]
    y = np.zeros((len(x), *shape, weight.shape[-1]))
    axes = list(range(1, sides + 2)), list(range(sides + 1))
    for index, window in places(shape, steps, kernel):
        y[(slice(None), *index)] = np.tensordot(x[(slice(None), *window)], weight, axes)
    return y + bias


def full_convolution(x, weight, bias, steps, pads, adj):
    """``weight`` is (*kernel, out, in), as Keras lays it out."""
    sides = len(steps)
    kernel = weight.shape[:sides]
    whole = [
        (n - 1) * d + k + p + a
        for n, d, k, p, a in zip(x.shape[1:-1], steps, kernel, pads, adj, strict=True)
    ]
    y = np.zeros((len(x), *whole, weight.shape[-2]))
    for index, window in places(x.shape[1:-1], steps, kernel):
        y[(slice(None), *window)] += np.moveaxis(
            np.tensordot(x[(slice(None), *index)].astype("float64"), weight, ([1], [-1])), 0, 0
        )
    sizes = [
        (n - 1) * d - 2 * p + k + a
        for n, d, k, p, a in zip(x.shape[1:-1], steps, kernel, pads, adj, strict=True)
    ]
    inside = tuple(slice(p, p + n) for p, n in zip(pads, sizes, strict=True))
    return y[(slice(None), *inside)] + bias


def windows(x, kernel, steps, pads, dilation, ceil, function):
    """`function` of each window's elements, ``(batch, elements, planes)``, the border left out."""
    shape = []
    for n, k, d, p, r in zip(x.shape[1:-1], kernel, steps, pads, dilation, strict=True):
        span = n + 2 * p - (r * (k - 1) + 1)
        count = (-(-span // d) if ceil else span // d) + 1
        if any(pads) and (count - 1) * d >= n + p:
            count -= 1
        shape.append(count)
    y = np.zeros((len(x), *shape, x.shape[-1]))
    for index in itertools.product(*map(range, shape)):
        taken = x
        sides = zip(index, kernel, steps, pads, dilation, strict=True)
        for axis, (i, k, d, p, r) in enumerate(sides, 1):
            where = [i * d - p + j * r for j in range(k)]
            taken = np.take(taken, [w for w in where if 0 <= w < x.shape[axis]], axis)
        y[(slice(None), *index)] = function(taken.reshape(len(x), -1, x.shape[-1]))
    return y

"""Concordant and discordant pairs in O(n log n), in ops that every backend compiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import ops

from ._ranks import distinct, group_ids, groups, run_sums, running, scattered

__all__ = ["Order", "Pairs", "count_pairs", "order_of"]


@dataclass(frozen=True)
class Order:
    """Samples in ascending order of x, ties in order of y, filled up to a power of two."""

    x: Any  # the group of each, int32
    y: Any
    index: Any  # where the sample stood; the filling stands behind all samples

    def sorted(self, w: Any) -> Any:
        """The weights of the samples in this order; the filling weighs nothing."""
        fill = ops.zeros((self.index.shape[0] - w.shape[0],), dtype=w.dtype)
        return ops.take(ops.concatenate([w, fill]), self.index)


@dataclass(frozen=True)
class Pairs:
    """Sums over unordered pairs of `u[i] * v[j] + u[j] * v[i]`."""

    balance: Any  # concordant less discordant
    untied_x: Any
    untied_y: Any
    distinct_x: Any  # how many values have any weight
    distinct_y: Any


def order_of(x: Any, y: Any, what: str) -> Order:
    """The samples as `count_pairs` needs them.

    Raises:
        ValueError: If the number of samples is not known before the graph runs.
    """
    n = x.shape[0]
    if n is None:
        raise ValueError(
            f"{what} needs to know the number of samples when a graph is traced; call it eagerly "
            "or give the inputs a fixed batch size"
        )
    # In a group of its own, the last in both orders, the filling is discordant with nothing.
    fill = ops.zeros((2 ** max(n - 1, 1).bit_length() - n,), dtype="int32") + n
    gx, gy = (ops.concatenate([ops.cast(groups(v), "int32"), fill]) for v in (x, y))
    by_y = ops.argsort(gy)
    index = ops.take(by_y, ops.argsort(ops.take(gx, by_y)))
    return Order(ops.take(gx, index), ops.take(gy, index), index)


def count_pairs(order: Order, u: Any, v: Any) -> Pairs:
    """Pairs of the samples; `u` and `v` are weights sorted by `order`."""
    # The sort is stable: ties in y stay in order of x.
    by_y = ops.argsort(order.y)
    u_by_y, v_by_y = ops.take(u, by_y), ops.take(v, by_y)
    x, y = group_ids(order.x), group_ids(ops.take(order.y, by_y))
    # A sample is tied with itself in each of these sums, which cancels in all differences.
    every = ops.sum(u) * ops.sum(v)
    tied_x, tied_y = ops.sum(u * run_sums(x, v)), ops.sum(u_by_y * run_sums(y, v_by_y))
    tied_both = ops.sum(u * run_sums(group_ids(order.x, order.y), v))
    return Pairs(
        balance=every - tied_x - tied_y + tied_both - 2 * _discordant(by_y, u, v),
        untied_x=every - tied_x,
        untied_y=every - tied_y,
        distinct_x=distinct(x, u),
        distinct_y=distinct(y, u_by_y),
    )


def _discordant(place: Any, u: Any, v: Any) -> Any:
    """A radix sort of `place`, which lists the places in x order by y.

    Each bit of the place, from the highest, moves the samples without it in front of those with
    it; the pairs that this puts in the other order are counted with a cumulative sum.
    """
    bits = (place.shape[0] - 1).bit_length()
    state = (place, u, v, ops.zeros((), dtype=u.dtype))
    return ops.fori_loop(0, bits, _sort_by_bit, state)[-1]


# Not a closure: JAX outside compiled code compiles a loop again for each new function.
def _sort_by_bit(step: Any, state: tuple[Any, Any, Any, Any]) -> tuple[Any, Any, Any, Any]:
    place, u, v, total = state
    size = place.shape[0]
    half = ops.right_shift(size // 2, step)
    index = ops.arange(size, dtype="int32")
    row = index // (2 * half) * (2 * half)  # all with the same higher bits, half with this one
    high = place // half % 2
    rank = _before(high, row)
    is_high = ops.cast(high, u.dtype)
    at_u, at_v = ops.take(u, place), ops.take(v, place)
    met = _before(at_u * is_high, row) * at_v + _before(at_v * is_high, row) * at_u
    target = ops.where(high == 1, row + half + rank, index - rank)
    return scattered(target, place), u, v, total + ops.sum(met * (1 - is_high))


def _before(values: Any, row: Any) -> Any:
    """The sum of the values in front, from where the row starts."""
    upto = running(values) - values
    return upto - ops.take(upto, row)

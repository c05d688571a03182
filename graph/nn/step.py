"""A step over sequences: what it is, and what it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from keras import ops

__all__ = ["Fed", "Product", "Step", "one_product", "stepping", "time_first"]


class Product(NamedTuple):
    """What a step takes of a tensor `u` ``(batch, units)``: ``u K + x W + b``.

    Attributes:
        state: The number of the state that `u` is; None for another tensor.
        source: The number of the sequence whose step `x` is; None if there is no such term.
        bias: Whether there is a b.
    """

    state: int | None = None
    source: int | None = None
    bias: bool = False


class Step(NamedTuple):
    """One step.

    Attributes:
        run: ``run(parts, states, weights, product) -> (outputs, new states)``, all lists.
            `parts` is one step of each sequence that no product takes. ``product(k, u)`` is what
            the k-th product makes of `u`; each is taken once.
        products: What those are.
        outputs: Shape, without the batch, and dtype of each output; of one that is a new state the
            number of that, and `run` does not give it.
    """

    run: Callable[..., tuple[list[Any], list[Any]]]
    products: Sequence[Product]
    outputs: Sequence[tuple[tuple[int, ...], str] | int]

    def shown(self, outputs: Sequence[Any], states: Any) -> list[Any]:
        """All outputs.

        Args:
            outputs: What `run` gave.
            states: The new states, by their numbers.
        """
        rest = iter(outputs)
        return [states[o] if isinstance(o, int) else next(rest) for o in self.outputs]


class Fed(NamedTuple):
    """What a loop takes. Sequences are ``(batch, time, ...)``, at least one.

    Attributes:
        sources: The sequences that products take.
        parts: All other sequences.
        states: Those before the first step, ``(batch, ...)``.
        kernels: The K of each product, ``(units, n)``.
        inputs: The W of those that have one, ``(features, n)``.
        biases: The b of those that have one, ``(n,)``.
        weights: What else the step needs.
    """

    sources: Sequence[Any]
    parts: Sequence[Any]
    states: Sequence[Any]
    kernels: Sequence[Any]
    inputs: Sequence[Any]
    biases: Sequence[Any]
    weights: Sequence[Any]

    def flat(self) -> list[Any]:
        """All tensors, in order."""
        return [a for part in self for a in part]

    def like(self, flat: Sequence[Any]) -> Fed:
        """Other tensors in the same order."""
        rest = iter(flat)
        return Fed(*([next(rest) for _ in part] for part in self))


def time_first(x: Any) -> Any:
    """``(time, batch, ...)`` from ``(batch, time, ...)``, or the other way round."""
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))


def stepping(step: Step, fed: Fed) -> tuple[list[Any], Callable[..., tuple[Any, Any, Any]]]:
    """How to run a step one by one, after what can be computed for all steps at once.

    Args:
        step: The step.
        fed: What it takes.

    Returns:
        Sequences ``(time, batch, ...)``, and a function: ``once(slices, states)`` takes one step of
        each and gives outputs, new states, and what the products made.
    """
    inputs, biases = iter(fed.inputs), iter(fed.biases)
    aheads: list[Any] = []
    terms: list[tuple[int | None, Any]] = []
    for product in step.products:
        # The bias is added at each step: to the whole sequence it would take a pass of its own.
        terms.append((None, next(biases) if product.bias else None))
        if product.source is not None:
            terms[-1] = (len(aheads), terms[-1][1])
            aheads.append(one_product(time_first(fed.sources[product.source]), next(inputs)))

    def once(slices: Sequence[Any], states: Sequence[Any]) -> tuple[Any, Any, Any]:
        made: dict[int, Any] = {}

        def product(k: int, u: Any) -> Any:
            number, bias = terms[k]
            made[k] = ops.matmul(u, fed.kernels[k])
            if number is not None:
                made[k] = made[k] + slices[number]
            if bias is not None:
                made[k] = made[k] + bias
            return made[k]

        parts = list(slices[len(aheads) :])
        outputs, new = step.run(parts, list(states), list(fed.weights), product)
        return outputs, new, [made[k] for k in sorted(made)]

    return [*aheads, *map(time_first, fed.parts)], once


def one_product(x: Any, kernel: Any) -> Any:
    """``(time, batch, features)`` times ``(features, n)``.

    As a product of rows, of which Keras 3.12 would take one for each of the first axis.

    Args:
        x: Sequences.
        kernel: A matrix.
    """
    rows = ops.matmul(ops.reshape(x, (-1, x.shape[2])), kernel)
    lead = (-1 if n is None else n for n in ops.shape(x)[:2])  # -1 alone fails for no steps.
    return ops.reshape(rows, (*lead, kernel.shape[1]))

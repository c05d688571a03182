"""A step over the steps of sequences, on every backend and on the fastest road there is."""

from __future__ import annotations

from functools import cache
from typing import Any

import keras
from keras import ops

from .sequence_function import SequenceFunction, has_gpu, on_tensorflow
from .step import Fed, Step, stepping, time_first
from .step_loop import Kept, backward, forward

__all__ = ["StepSequence"]


class StepSequence:
    """Runs one step over sequences.

    TensorFlow runs a loop with a gradient of its own, compiled by XLA on a CPU where the number of
    steps is known; JAX scans; elsewhere, and of symbolic tensors, the steps are written out.

    Args:
        step: The step.
        apart: Whether no row of the batch looks at another. Default: True.
        pure: Whether it is a function of what it is fed alone; if not, TensorFlow runs a plain
            loop. Default: True.
    """

    def __init__(self, step: Step, *, apart: bool = True, pure: bool = True) -> None:
        self.step = step
        self._apart, self._pure = apart, pure
        self._function = cache(self._made)

    def __call__(self, fed: Fed, *, training: bool) -> tuple[list[Any], list[Any]]:
        """Every output ``(batch, time, ...)``, and the last states.

        Args:
            fed: What the step takes.
            training: Whether a gradient is likely to be wanted.
        """
        flat = fed.flat()
        if any(isinstance(a, keras.KerasTensor) for a in flat):
            return self._written_out(fed)
        if self._pure and on_tensorflow(*(keras.backend.standardize_dtype(a.dtype) for a in flat)):
            time = [*fed.sources, *fed.parts][0].shape[1]
            function = self._function(*map(len, fed))
            found = function(
                *flat,
                training=training,
                compiled=bool(time) and not has_gpu(),
                units=fed.states[0].shape[-1] if self._apart else None,
            )
            n = len(self.step.outputs)
            return found[:n], found[n:]
        if keras.backend.backend() == "tensorflow":
            return forward(self.step, fed)[:2]
        if self._pure and keras.backend.backend() == "jax":
            return self._scanned(fed)
        return self._written_out(fed)

    def _made(self, *counts: int) -> SequenceFunction:
        like = Fed(*([None] * n for n in counts))
        step, given, states = self.step, sum(counts), counts[2]
        n = len(step.outputs)

        def ahead(*flat: Any, keep: bool) -> list[Any]:
            outputs, ends, kept = forward(step, like.like(flat), keep=keep)
            return [*outputs, *ends, *kept.states, *kept.products]

        def back(*flat: Any) -> list[Any]:
            fed, rest = like.like(flat[:given]), flat[given:]
            slopes, kept = rest[: n + states], rest[n + states :]
            stored = Kept(kept[:states], kept[states:])
            return backward(step, fed, slopes[:n], slopes[n:], stored)

        def shapes(*flat: Any) -> list[Any]:
            fed = like.like(flat)
            lead = [*fed.sources, *fed.parts][0].shape[:2]
            ends = [a.shape for a in fed.states]
            outputs = [ends[o][1:] if isinstance(o, int) else o[0] for o in step.outputs]
            return [*((*lead, *shape) for shape in outputs), *ends]

        return SequenceFunction(ahead, back, sum(counts[:3]), shapes)

    def _written_out(self, fed: Fed) -> tuple[list[Any], list[Any]]:
        series, once = stepping(self.step, fed)
        states, found = list(fed.states), []
        for t in range(series[0].shape[0]):
            outputs, states, _ = once([sequence[t] for sequence in series], states)
            found.append(self.step.shown(outputs, states))
        return [ops.stack(steps, axis=1) for steps in zip(*found, strict=True)], states

    def _scanned(self, fed: Fed) -> tuple[list[Any], list[Any]]:
        series, once = stepping(self.step, fed)

        def body(states: Any, slices: Any) -> Any:
            outputs, states, _ = once(slices, states)
            return tuple(states), tuple(self.step.shown(outputs, states))

        states, outputs = ops.scan(body, tuple(fed.states), tuple(series))
        return list(map(time_first, outputs)), list(states)

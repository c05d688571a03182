"""Gradients of a loss by a model's weights, in the pass that its layers are looked at in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

from .backends import gradient_backend
from .subject import Subject

__all__ = ["WeightGradients"]


class WeightGradients:
    """Sums the gradients of a loss over batches.

    Args:
        subject: the model.
        names: paths of the calls whose answers are wanted beside.
        targets: an array or structure of arrays, one row a sample.
        loss: a Keras loss, its name, or a function of targets and predictions.

    Raises:
        RuntimeError: Keras runs on JAX.
        ValueError: Keras knows no such loss.
    """

    def __init__(self, subject: Subject, names: tuple[str, ...], targets: Any, loss: Any) -> None:
        backend = gradient_backend("gradient norms need")
        self._subject, self._names = subject, names
        self._targets = keras.tree.map_structure(np.asarray, targets)
        self._loss: Callable[[Any, Any], Any] = keras.losses.get(loss)
        self._variables = subject.model.trainable_variables
        self._sums = [np.zeros(tuple(v.shape)) for v in self._variables]
        self._samples = 0
        self._step = self._traced() if backend == "tensorflow" else self._torch

    def run(self, start: int, arrays: list[Any]) -> list[Any]:
        """Run a batch forward and back.

        Args:
            start: number of its first sample.
            arrays: the batch, flat.

        Returns:
            What the calls answer.

        Raises:
            ValueError: There are fewer targets than samples.
        """
        rows = int(arrays[0].shape[0])
        wanted = keras.tree.map_structure(lambda t: t[start : start + rows], self._targets)
        for leaf in keras.tree.flatten(wanted):
            if len(leaf) != rows:
                raise ValueError(
                    f"targets have {start + len(leaf)} rows, fewer than there are samples"
                )
        tensors = [keras.ops.convert_to_tensor(a) for a in arrays]
        goals = keras.tree.map_structure(keras.ops.convert_to_tensor, wanted)
        values, gradients = self._step(tensors, goals)
        for total, gradient in zip(self._sums, gradients, strict=True):
            if gradient is not None:
                total += rows * np.asarray(keras.ops.convert_to_numpy(gradient), "float64")
        self._samples += rows
        return values

    def norms(self, layers: Iterable[Any]) -> dict[int, float]:
        """Of each layer with trainable weights, by its id, the norm of the mean's gradient.

        Raises:
            ValueError: There were more targets than samples.
        """
        for leaf in keras.tree.flatten(self._targets):
            if len(leaf) != self._samples:
                raise ValueError(f"targets have {len(leaf)} rows for {self._samples} samples")
        squares = {
            id(v): float(np.square(total / self._samples).sum())
            for v, total in zip(self._variables, self._sums, strict=True)
        }
        return {
            id(layer): float(np.sqrt(sum(squares[id(v)] for v in layer.trainable_variables)))
            for layer in layers
            if layer.trainable_variables
            and all(id(v) in squares for v in layer.trainable_variables)
        }

    def _score(self, tensors: list[Any], targets: Any) -> tuple[Any, list[Any]]:
        y, values = self._subject.forward(tensors, self._names)
        return keras.ops.mean(self._loss(targets, y)), values

    def _traced(self) -> Callable[[list[Any], Any], tuple[list[Any], list[Any]]]:
        import tensorflow as tf

        def step(tensors: list[Any], targets: Any) -> tuple[list[Any], list[Any]]:
            with tf.GradientTape() as tape:
                score, values = self._score(tensors, targets)
            found = tape.gradient(score, [v.value for v in self._variables])
            # An embedding's is sparse.
            return values, [None if g is None else tf.convert_to_tensor(g) for g in found]

        return tf.function(step, reduce_retracing=True)

    def _torch(self, tensors: list[Any], targets: Any) -> tuple[list[Any], list[Any]]:
        import torch  # pyright: ignore[reportMissingImports]

        with torch.enable_grad():
            score, values = self._score(tensors, targets)
            weights = [v.value for v in self._variables]
            found = list(torch.autograd.grad(score, weights, allow_unused=True))
        return keras.tree.map_structure(lambda t: t.detach(), values), found

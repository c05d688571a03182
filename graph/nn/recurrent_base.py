"""What the recurrent modules of Element-Research/rnn have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from ..errors import GraphError, ShapeMismatch
from .arguments import integer
from .initial import torch_uniform
from .module import Module
from .module_layer import ParameterSpec
from .scope import Scope
from .torch_fields import TorchFields, UnsupportedTorch

# What the steps of rnn's cells are made of; anything else (MaskZero, BatchNormalization, another
# nonlinearity) would change the numbers without changing the parameters.
USUAL = set(
    (
        "Sequential ConcatTable ParallelTable NarrowTable SelectTable FlattenTable SplitTable "
        "Reshape CAddTable CMulTable CMul Linear LinearNoBias Sigmoid Tanh Identity Dropout SAdd "
        "gModule"
    ).split()
)

__all__ = [
    "RecurrentModule",
    "WholeSequence",
    "leaf_parameters",
    "no_state",
    "refuse_options",
    "reordered",
]


def leaf_parameters(fields: TorchFields) -> list[np.ndarray]:
    """The weights and biases of a Torch object's children at any depth, in Torch's order.

    Raises:
        UnsupportedTorch: A child is none that the usual step has.
    """
    arrays: list[np.ndarray] = []
    seen: set[int] = set()
    stack = list(fields.get("modules", []))[::-1]
    while stack:
        child = stack.pop()
        if id(child) in seen or not hasattr(child, "fields"):
            continue
        seen.add(id(child))
        name = child.class_name.rpartition(".")[2]
        if name not in USUAL or (name == "Dropout" and child.fields.get("p", 0)):
            raise UnsupportedTorch(
                f"{fields.class_name} has {child.class_name} in its step, which is not done here"
            )
        own = (child.fields.get("weight"), child.fields.get("bias"))
        arrays += [np.asarray(a) for a in own if a is not None and np.size(a)]
        stack.extend(reversed(child.fields.get("modules") or []))
    return arrays


def refuse_options(fields: TorchFields) -> None:
    """Refuse what these classes do not do.

    Raises:
        UnsupportedTorch: The object masks zeros, drops out, or remembers its state.
    """
    if fields.get("maskzero", False):
        raise UnsupportedTorch(
            f"{fields.class_name} masks zeros (maskzero), which is not done here"
        )
    if fields.get("p", 0):
        raise UnsupportedTorch(f"{fields.class_name} drops out (p={fields['p']}), not done here")
    remember = fields.get("_remember", "neither")
    remember = remember.decode() if isinstance(remember, bytes) else remember
    if remember != "neither":
        raise UnsupportedTorch(
            f"{fields.class_name} remembers its state between sequences (remember('{remember}')), "
            f"which is not done here; call remember('neither') before saving"
        )


def no_state(x: Any, size: int) -> Any:
    """Zeros ``(batch, size)`` for a sequence ``(batch, time, ...)``, which may be empty."""
    x = ops.expand_dims(x, -1) if len(x.shape) == 2 else x
    first = x[(slice(None), slice(None), *(0,) * (len(x.shape) - 3), slice(0, 1))]
    zeros = ops.sum(ops.zeros_like(first), axis=1)
    if not keras.backend.is_float_dtype(keras.backend.standardize_dtype(x.dtype)):
        zeros = ops.cast(zeros, keras.config.dtype_policy().compute_dtype)
    return ops.repeat(zeros, size, axis=1)


class RecurrentModule(Module):
    """A module that works on whole sequences ``(batch, time, features)``.

    Args:
        inputSize: Features of one step.
        outputSize: Features of one step of the result.

    Raises:
        GraphError: A size is not a positive integer; at lowering, `x` is no such sequence.
    """

    keras_name = ""

    def __init__(self, inputSize: int, outputSize: int) -> None:
        self.inputSize = integer(inputSize, self.torch_name, "inputSize")
        self.outputSize = integer(outputSize, self.torch_name, "outputSize")

    def check(self, x: Any) -> None:
        if isinstance(x, list) or len(x.shape) != 3 or x.shape[-1] != self.inputSize:
            raise ShapeMismatch(
                f"takes sequences of {self.inputSize} features",
                expected=(None, None, self.inputSize),
                fix="wrap it in nn.Sequencer to feed a table of steps"
                if isinstance(x, list)
                else None,
            )

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if scope.stock and x.shape[1] is None:
            raise ShapeMismatch(
                "needs to know the number of steps, of which a plain copy is written out",
                expected=(None, "time", self.inputSize),
                fix="declare it: graph.Input((time, features))",
            )
        return super().lower(x, scope)

    def sizes(self) -> list[tuple[str, tuple[int, ...]]]:
        """Name and shape, in Keras's layout, of each parameter in Torch's order."""
        raise NotImplementedError

    def parameter_specs(self) -> list[ParameterSpec]:
        return [ParameterSpec(n, s, torch_uniform(self.outputSize)) for n, s in self.sizes()]

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array.T if array.ndim == 2 else array

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array.T if array.ndim == 2 else array

    def load_torch(self, fields: TorchFields) -> None:
        named = self.named_parameters()
        arrays = leaf_parameters(fields)
        if len(arrays) != len(named):
            raise UnsupportedTorch(
                f"{fields.class_name} holds {len(arrays)} parameters, expected {len(named)} "
                f"({', '.join(named)}): its step is not the usual one"
            )
        for (name, variable), array in zip(named.items(), arrays, strict=True):
            self.assign_torch(fields, name, variable, self.parameter_from_torch(name, array))

    # -- stock Keras layers ---------------------------------------------------------------------

    def to_stock(self) -> list[np.ndarray]:
        """Kernel, recurrent kernel and bias as the stock Keras layer of this cell holds them.

        Raises:
            GraphError: Keras has no layer of this cell.
        """
        raise GraphError(f"Keras has no layer of nn.{self.torch_name}'s cell")

    def from_stock(self, weights: Sequence[np.ndarray]) -> None:
        """Take over the weights of the stock Keras layer (``layer.get_weights()``).

        Args:
            weights: Kernel, recurrent kernel, bias; of `keras.layers.LSTM`, or of
                `keras.layers.GRU` with ``reset_after=False``.

        Raises:
            GraphError: Keras has no layer of this cell, or a shape does not fit.
        """
        raise GraphError(f"Keras has no layer of nn.{self.torch_name}'s cell")

    def assign_all(self, arrays: Sequence[np.ndarray]) -> None:
        """Write every parameter, in Keras's layout and Torch's order.

        Raises:
            GraphError: One has another shape; nothing has been written then.
        """
        variables = list(self.named_parameters().values())
        for variable, array in zip(variables, arrays, strict=True):
            if tuple(variable.shape) != tuple(array.shape):
                raise GraphError(
                    f"nn.{self.torch_name} takes a weight of shape {tuple(variable.shape)}, "
                    f"got {tuple(array.shape)}\n"
                    f"  fix: give the weights of a layer of {self.outputSize} units on "
                    f"{self.inputSize} features"
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)

    def values(self) -> list[np.ndarray]:
        """Every parameter as an array, in Torch's order."""
        return [np.array(keras.ops.convert_to_numpy(v)) for v in self.named_parameters().values()]


class WholeSequence(RecurrentModule):
    """One that takes whole sequences in Torch too, with one weight in the same layout.

    Args:
        inputSize: Features of one step.
        outputSize: Features of one step of the result.
        batchfirst: Whether Torch takes and gives (batch, time, ...) and not (time, batch, ...).
            Kept, without effect: here it is always the first. Default: False.
    """

    torch_sizes: ClassVar[tuple[str, str]] = ("inputSize", "outputSize")
    """What Torch calls the sizes."""

    def __init__(self, inputSize: int, outputSize: int, batchfirst: bool = False) -> None:
        super().__init__(inputSize, outputSize)
        self.batchfirst = bool(batchfirst)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        refuse_options(fields)
        sizes = map(fields.integer, cls.torch_sizes)
        return cls(*sizes, bool(fields.get("batchfirst", False)))

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        return array

    def load_torch(self, fields: TorchFields) -> None:
        super(RecurrentModule, self).load_torch(fields)


def reordered(array: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """The equal parts of the last axis in another order."""
    parts = np.split(array, len(order), axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)

"""Running a model as Torch does: forward, backward, and parameters by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from .backprop import Backprop
from .errors import GraphError
from .parameters import gradient, parameters_of
from .runtime_errors import graph_errors
from .structure import Structure, all_modules
from .table import map_table

__all__ = ["Running"]


class Running(Structure):
    """The part of `GModule` that runs forward and backward."""

    inputs: list[Any]
    _lowered: Any
    _backprop: Backprop | None = None
    train_mode: bool = True
    """Whether `forward` runs in training mode; `training()` and `evaluate()` set it."""

    @property
    def is_lowered(self) -> bool:
        """Whether the shapes are known and the Keras layers exist."""
        return self._lowered is not None

    def checked_inputs(self, x: Any) -> Any:
        """`x` as arrays nested like the inputs; builds the model if that is still to be done."""
        raise NotImplementedError

    def as_tensors(self, x: Any) -> Any:
        """`x` as tensors of the inputs' dtypes; builds the model if that is still to be done."""
        x = self.checked_inputs(x)
        dtypes = iter([tensor.dtype for tensor in self.inputs])
        return map_table(lambda leaf: keras.ops.convert_to_tensor(leaf, dtype=next(dtypes)), x)

    def forward(self, x: Any) -> Any:
        """The outputs for `x`, as NumPy arrays; what `backward` needs is kept.

        Runs in training mode, as Torch does, until `evaluate()` is called.

        Args:
            x: A batch, or a nested list of batches: one for each input.

        Returns:
            One array, or a nested list of them if the graph has several outputs.

        Raises:
            GraphError: Inputs of the wrong number or shape.
            RuntimeError: Keras runs on another backend than TensorFlow.
        """
        x = self.checked_inputs(x)  # Builds the model, if its shapes come only now.
        with graph_errors():
            return self._steps().forward(x, self.train_mode)

    def backward(self, x: Any, gradOutput: Any) -> Any:
        """The gradient with respect to `x`; gradients of parameters add up.

        Args:
            x: What `forward` was given.
            gradOutput: Gradient with respect to the outputs, nested as they are.

        Returns:
            Arrays nested as `x`.

        Raises:
            GraphError: There was no `forward`, or it was of other shapes than `x`, or `gradOutput`
                is not shaped as the outputs.
        """
        return self._steps().backward(x, gradOutput)

    def training(self) -> Any:
        """Let `forward` run in training mode (dropout drops); returns the model itself."""
        self.train_mode = True
        return self

    def _steps(self) -> Backprop:
        if self._backprop is None:
            self._backprop = Backprop()
        if self.is_lowered:
            self._backprop.attach(self, self._lowered.lowered)
        return self._backprop

    def parameters(self) -> tuple[list[keras.Variable], list[np.ndarray]]:
        """Parameters and their gradients, in Torch's order: as the modules run, weight then bias.

        A shared parameter is listed once.

        Returns:
            Keras variables in Keras's layout (the weight of a Linear is ``(in, out)``), and the
            arrays that `backward` adds to.
        """
        variables = self.torch_parameters()
        return variables, [gradient(v) for v in variables]

    def torch_parameters(self) -> list[keras.Variable]:
        """The parameters alone, in Torch's order."""
        return list(parameters_of(self.node_modules()))

    def zeroGradParameters(self) -> None:
        """Set the gradients of all parameters to zero."""
        for array in self.parameters()[1]:
            array[...] = 0

    def updateParameters(self, learningRate: float) -> None:
        """Subtract `learningRate` times its gradient from every parameter."""
        for variable, slope in zip(*self.parameters(), strict=True):
            variable.assign_sub(learningRate * slope)

    def getParameters(self) -> tuple[np.ndarray, np.ndarray]:
        """All parameters as one vector, and their gradients as another.

        The order is that of `parameters()`, each parameter in Keras's layout, flattened row by
        row. Both are copies: unlike in Torch, writing to them changes nothing in the model.
        Write with `setParameters`.

        Raises:
            GraphError: There are no parameters, or the shapes are not known yet.
        """
        variables, gradients = self.parameters()
        if not variables:
            raise GraphError(f"{self.name} has no parameters")
        return _flat(map(np.asarray, variables)), _flat(gradients)

    def setParameters(self, vector: np.ndarray) -> None:
        """Write a vector as `getParameters` gives it into the parameters.

        Raises:
            GraphError: Its length is not the number of parameters; nothing is written.
        """
        variables = self.torch_parameters()
        sizes = [int(np.prod(v.shape)) for v in variables]
        values = np.asarray(vector)
        if values.shape != (sum(sizes),):
            raise GraphError(
                f"{self.name} has {sum(sizes)} parameters, got a vector of shape {values.shape}"
            )
        parts = np.split(values, np.cumsum(sizes)[:-1])
        for variable, part in zip(variables, parts, strict=True):
            variable.assign(part.reshape(variable.shape))

    def clearState(self) -> Any:
        """Forget outputs and what `backward` needs; returns the model itself."""
        for module in all_modules(self.node_modules()):
            module.forget()
        if self._backprop is not None:
            self._backprop.forget()
        return self


def _flat(arrays: Any) -> np.ndarray:
    return np.concatenate([np.ravel(array) for array in arrays])

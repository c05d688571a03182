"""Element-wise arithmetic over the tensors of a table."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import ShapeMismatch
from ..table import is_table
from .module import Module
from .scope import Scope

__all__ = [
    "CAddTable",
    "CAddTensorTable",
    "CDivTable",
    "CMaxTable",
    "CMinTable",
    "CMulTable",
    "CSubTable",
    "check_equal_shapes",
]


def check_equal_shapes(x: Any, count: int | None = None) -> None:
    """Check that `x` is a table of tensors of equal shape, `count` of them if that is given.

    Keras would broadcast here; Torch does not, and a broadcast is mostly a mistake.

    Raises:
        ShapeMismatch: It is not.
    """
    wanted = "at least one" if count is None else str(count)
    if not is_table(x) or any(is_table(leaf) for leaf in x):
        raise ShapeMismatch(
            f"takes a table of {wanted} tensors",
            expected=f"a table of {wanted} tensors",
            fix="call it with a list of nodes: module([a, b])",
        )
    if count is not None and len(x) != count:
        raise ShapeMismatch(f"takes {count} tensors", expected=f"a table of {count} tensors")
    first = tuple(x[0].shape)
    for other in x[1:]:
        alike = len(other.shape) == len(first) and all(
            a == b or a is None or b is None for a, b in zip(first, other.shape, strict=True)
        )
        if not alike:
            raise ShapeMismatch(
                "needs equal shapes", expected=first, fix="feed it tensors of one shape"
            )


class _ArithmeticTable(Module):
    layer_class: type[keras.layers.Layer]
    count: int | None = None

    def check(self, x: Any) -> None:
        check_equal_shapes(x, self.count)

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return self.layer_class(name=name)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        if len(x) == 1:
            # Keras's merge layers refuse a table of one, which Torch passes through.
            return self.apply_layer(
                x[0], scope, lambda name: keras.layers.Identity(name=name), key="one"
            )
        return self.apply_layer(x, scope)


class CAddTable(_ArithmeticTable):
    """Sum of the tensors of a table; becomes `keras.layers.Add`.

    Args:
        inplace: Torch's memory option; kept, without effect. Default: False.

    Shapes:
        A table of tensors of one shape -> a tensor of that shape.

    Raises:
        GraphError: At lowering, if it is not fed a table or the shapes differ.

    Reference: torch/nn CAddTable.lua.
    """

    keras_name = "Add"
    layer_class = keras.layers.Add

    def __init__(self, inplace: bool = False) -> None:
        self.inplace = bool(inplace)


class CMulTable(_ArithmeticTable):
    """Element-wise product of the tensors of a table; becomes `keras.layers.Multiply`.

    Shapes:
        A table of tensors of one shape -> a tensor of that shape.

    Raises:
        GraphError: At lowering, if it is not fed a table or the shapes differ.

    Reference: torch/nn CMulTable.lua.
    """

    keras_name = "Multiply"
    layer_class = keras.layers.Multiply

    def __init__(self) -> None:
        pass


class CSubTable(_ArithmeticTable):
    """First tensor of a table minus the second; becomes `keras.layers.Subtract`.

    Shapes:
        A table of two tensors of one shape -> a tensor of that shape.

    Raises:
        GraphError: At lowering, if it is not fed a table of two or the shapes differ.

    Reference: torch/nn CSubTable.lua.
    """

    keras_name = "Subtract"
    layer_class = keras.layers.Subtract
    count = 2

    def __init__(self) -> None:
        pass


class CMaxTable(_ArithmeticTable):
    """Element-wise largest value over the tensors of a table; becomes `keras.layers.Maximum`.

    The gradient goes to the first of equal values, as in Torch (on TensorFlow).

    Shapes:
        A table of tensors of one shape -> a tensor of that shape.

    Raises:
        GraphError: At lowering, if it is not fed a table or the shapes differ.

    Reference: torch/nn CMaxTable.lua.
    """

    keras_name = "Maximum"
    layer_class = keras.layers.Maximum

    def __init__(self) -> None:
        pass


class CMinTable(_ArithmeticTable):
    """Element-wise smallest value over the tensors of a table; becomes `keras.layers.Minimum`.

    The gradient goes to the first of equal values, as in Torch (on TensorFlow).

    Shapes:
        A table of tensors of one shape -> a tensor of that shape.

    Raises:
        GraphError: At lowering, if it is not fed a table or the shapes differ.

    Reference: torch/nn CMinTable.lua.
    """

    keras_name = "Minimum"
    layer_class = keras.layers.Minimum

    def __init__(self) -> None:
        pass


class CDivTable(Module):
    """First tensor of a table divided by the second, element by element.

    Shapes:
        A table of two tensors of one shape -> a tensor of that shape.

    Raises:
        GraphError: At lowering, if it is not fed a table of two or the shapes differ.

    Reference: torch/nn CDivTable.lua.
    """

    keras_name = "(ops.divide)"

    def __init__(self) -> None:
        pass

    def check(self, x: Any) -> None:
        check_equal_shapes(x, 2)

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The quotient."""
        return ops.divide(x[0], x[1])


class CAddTensorTable(Module):
    """One tensor added to each of a table: ``[v, [a, b]]`` -> ``[a + v, b + v]``.

    Becomes one `keras.layers.Add`, applied once for each.

    Shapes:
        A table of a tensor and a table of tensors of its shape -> a table of such tensors.

    Raises:
        GraphError: At lowering, if it is not fed that or the shapes differ.

    Reference: torch/nn CAddTensorTable.lua.
    """

    keras_name = "Add"

    def __init__(self) -> None:
        pass

    def check(self, x: Any) -> None:
        if not is_table(x) or len(x) != 2 or is_table(x[0]) or not is_table(x[1]) or not x[1]:
            raise ShapeMismatch(
                "takes a table of a tensor and a table", expected="a table such as [v, [a, b]]"
            )
        check_equal_shapes([x[0], *x[1]])

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Add(name=name)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        return [self.apply_layer([other, x[0]], scope) for other in x[1]]

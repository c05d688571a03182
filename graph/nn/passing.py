"""Modules that pass on what they are fed: `Copy`, `Contiguous`, and nngraph's two for tables."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from ..table import is_table
from .module import Module
from .module_layer import ModuleLayer
from .pointwise import Pointwise
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["Contiguous", "Copy", "JustElement", "JustTable"]

_DTYPES = {
    "Byte": "uint8",
    "Char": "int8",
    "Short": "int16",
    "Int": "int32",
    "Long": "int64",
    "Half": "float16",
    "Float": "float32",
    "Double": "float64",
    "Cuda": "float32",
}


class Copy(Pointwise):
    """``x``, as another dtype if `outtype` is given; becomes `keras.layers.Identity` if not.

    Args:
        intype: Torch type of the input, e.g. ``"torch.DoubleTensor"``. Kept, without effect.
            Default: None.
        outtype: Torch type of the output. Default: None, the dtype of the input.
        forceCopy: Torch's memory option; kept, without effect. Default: False.
        dontCast: Whether the types stay when Torch converts the model. Kept, without effect.
            Default: False.

    Raises:
        GraphError: `outtype` is no Torch type.

    Reference: torch/nn Copy.lua.
    """

    keras_name = "Identity"

    def __init__(
        self,
        intype: str | None = None,
        outtype: str | None = None,
        forceCopy: bool = False,
        dontCast: bool = False,
    ) -> None:
        self.intype = intype
        self.outtype = outtype
        self.forceCopy = bool(forceCopy)
        self.dontCast = bool(dontCast)
        if outtype is not None and self._dtype is None:
            raise GraphError(
                f"nn.Copy: outtype must be a Torch type such as 'torch.FloatTensor', "
                f"got {outtype!r}, {caller_origin()}"
            )

    @property
    def _dtype(self) -> str | None:
        library, _, rest = (self.outtype or "").partition(".")
        return _DTYPES.get(rest.removesuffix("Tensor")) if library == "torch" else None

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Copy:
        # The file has no types but those of its empty buffers; where they are that of the whole
        # model, nothing is cast, so that the model follows Keras's own dtype.
        output = getattr(fields.get("output"), "dtype", None)
        own = cls(outtype=fields.get("_type"))._dtype
        kinds = {dtype: kind for kind, dtype in _DTYPES.items() if kind != "Cuda"}
        kind = kinds.get(str(output)) if str(output) != own else None
        outtype = None if kind is None else f"torch.{kind}Tensor"
        return cls(outtype=outtype, dontCast=fields.get("dontCast", False))

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        if self.outtype is None:
            return keras.layers.Identity(name=name)
        return ModuleLayer(self, name=name)

    def compute(self, x: Any, training: bool = False) -> Any:
        """The input, cast."""
        return ops.cast(x, self._dtype)


class Contiguous(Pointwise):
    """``x``; memory is Keras's own matter. Becomes `keras.layers.Identity`.

    Reference: torch/nn Contiguous.lua.
    """

    keras_name = "Identity"

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Identity(name=name)


class JustElement(Module):
    """The one element of a table of one.

    Shapes:
        ``[x]`` -> ``x``.

    Raises:
        GraphError: At lowering, it is not fed a table of one.

    Reference: torch/nngraph JustElement.lua.
    """

    keras_name = "Identity"

    def __init__(self) -> None:
        pass

    def check(self, x: Any) -> None:
        if not is_table(x) or len(x) != 1:
            raise ShapeMismatch("takes a table of one element", expected="a table of one element")

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Identity(name=name)

    def lower(self, x: Any, scope: Scope) -> Any:
        self.check(x)
        return x[0] if is_table(x[0]) else self.apply_layer(x[0], scope)


class JustTable(Module):
    """A table of one, whose element is what it is fed.

    Shapes:
        ``x`` -> ``[x]``.

    Reference: torch/nngraph JustTable.lua.
    """

    keras_name = "Identity"

    def __init__(self) -> None:
        pass

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Identity(name=name)

    def lower(self, x: Any, scope: Scope) -> Any:
        return [x if is_table(x) else self.apply_layer(x, scope)]

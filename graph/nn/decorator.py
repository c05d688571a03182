"""Containers of one module, which add something to it."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..table import flatten, map_table
from .arguments import integer
from .container import Container
from .module import Module, Shape
from .module_layer import ModuleLayer
from .runtime_check import VALUE_BELOW, checked
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["Decorator", "DontCast", "NaN", "Profile"]


class Decorator(Container):
    """A module that holds one other and passes on what that gives.

    Args:
        module: The other module, or a Keras layer.

    Raises:
        GraphError: `module` is neither.

    Reference: torch/nn Decorator.lua.
    """

    keras_name = "its child"

    def __init__(self, module: Any) -> None:
        super().__init__(module)

    def __repr__(self) -> str:
        values = [self.modules[0], *self.get_config().values()]
        while len(values) > 1 and values[-1] is None:
            values.pop()
        return f"nn.{self.torch_name}({', '.join(map(repr, values))})"

    def input_size(self) -> Shape | None:
        return self.modules[0].input_size()

    def lower(self, x: Any, scope: Scope) -> Any:
        return self.lower_child(0, x, scope)

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Any:
        return cls(fields.children()[0])

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        # Without its child, which the graph's own config brings back.
        decorator = cls.__new__(cls)
        decorator.modules = []
        for name, value in config.items():
            setattr(decorator, name, value)
        return decorator


class DontCast(Decorator):
    """Its child, whose dtype stays what it is when Torch converts the model.

    Here the dtype of a layer is a matter of its `keras.DTypePolicy`, which nothing converts
    afterwards, so that there is nothing to add: values and parameters are of Keras's default
    dtype, whatever the Torch file held.

    Args:
        module: The child.
        castin: Whether Torch casts what comes in. Kept, without effect. Default: None.
        castout: Whether Torch casts what goes out. Kept, without effect. Default: `castin`.
        moduleType: Torch type of the child, e.g. ``"torch.DoubleTensor"``. Kept, without effect.
            Default: None.

    Raises:
        GraphError: `module` is no module.

    Reference: torch/nn DontCast.lua.
    """

    def __init__(
        self,
        module: Any,
        castin: bool | None = None,
        castout: bool | None = None,
        moduleType: str | None = None,
    ) -> None:
        super().__init__(module)
        self.castin = castin
        self.castout = castin if castout is None else castout
        self.moduleType = moduleType

    def get_config(self) -> dict[str, Any]:
        names = ("castin", "castout", "moduleType")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> DontCast:
        names = ("castin", "castout", "moduleType")
        return cls(fields.children()[0], *map(fields.get, names))


class Profile(Decorator):
    """Its child. Torch prints how long it takes; here nothing is measured.

    A Keras model runs as one compiled function, in which a single module takes no time of its
    own; profile it with ``keras.callbacks.TensorBoard(profile_batch=...)``.

    Args:
        module: The child.
        print_interval: After how many passes Torch prints. Kept, without effect. Default: 100.
        name: What Torch prints it as. Kept as `label`, without effect. Default: the child's class.

    Raises:
        GraphError: `module` is no module, or `print_interval` not a positive integer.

    Reference: torch/nn Profile.lua.
    """

    def __init__(self, module: Any, print_interval: int = 100, name: str | None = None) -> None:
        super().__init__(module)
        self.print_interval = integer(print_interval, "Profile", "print_interval")
        self.label = f"nn.{self.modules[0].torch_name}" if name is None else name

    def get_config(self) -> dict[str, Any]:
        return {"print_interval": self.print_interval, "label": self.label}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Profile:
        child = fields.children()[0]
        return cls(child, fields.integer("print_interval", 100), fields.get("name"))


class NaN(Decorator):
    """Its child, whose output is looked at for values that are no numbers.

    Gradients are not looked at. XLA would drop the look, so it keeps Keras from choosing XLA for
    the model; on other backends than TensorFlow compiled code does not look. After `to_keras` only
    the child is left.

    Args:
        module: The child.
        id: What messages call it. Default: None.

    Raises:
        GraphError: `module` is no module; when the model runs, the output holds NaN.

    Reference: torch/nn NaN.lua.
    """

    keras_name = "its child, and a check"
    supports_jit = False

    def __init__(self, module: Any, id: Any = None) -> None:
        super().__init__(module)
        self.id = id

    def get_config(self) -> dict[str, Any]:
        return {"id": self.id}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> NaN:
        return cls(fields.children()[0], fields.get("id"))

    def lower(self, x: Any, scope: Scope) -> Any:
        y = super().lower(x, scope)
        if scope.stock:
            return y
        name = "" if self.id is None else f" '{self.id}'"
        check = _NaNCheck(f"{scope.where}: the output of nn.NaN{name}")
        count = iter(range(1, len(flatten(y)) + 1))

        def looked_at(leaf: Any) -> Any:
            number = next(count)
            return self.apply_layer(
                leaf,
                scope,
                lambda own: ModuleLayer(check, name=own),
                key=("check", number),
                suffix="_check" if number == 1 else f"_check_{number}",
            )

        return map_table(looked_at, y)


class _NaNCheck(Module):
    """Passes a tensor on if it holds no NaN."""

    supports_jit = False

    def __init__(self, where: str) -> None:
        self.where = where

    def compute(self, x: Any, training: bool = False) -> Any:
        wrong = ops.isnan(x)
        text = f"{self.where} holds NaN; count {VALUE_BELOW}"
        return checked(x, wrong, lambda: ops.sum(ops.cast(wrong, "int32")), text)

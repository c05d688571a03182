"""The base of the Torch `nn` vocabulary: what to compute, not yet where."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, ClassVar

import keras
import numpy as np

from ..errors import GraphError
from ..node import Node, apply
from ..origin import caller_origin
from ..table import is_table, map_table
from .module_layer import ModuleLayer, ParameterSpec
from .scope import Scope, snake_case
from .stock import all_rows, parameter_table
from .torch_fields import TorchFields, UnsupportedTorch

__all__ = ["Module"]

Shape = tuple[int | None, ...]


class Module:
    """A Torch nn module.

    Calling it makes a node: ``nn.Linear(20, 10)()`` starts a graph, ``nn.Tanh()(x)`` extends it.
    The same module called twice is the same layer, so its parameters are shared.

    A subclass states what it becomes in one of three ways, from simple to free: `make_layer`
    returns a stock Keras layer; `compute` is a function of tensors in ``keras.ops``; `lower` does
    anything. Its constructor arguments are attributes of the same name, which is how it is saved.
    """

    torch_name: ClassVar[str] = "Module"
    keras_name: ClassVar[str] = ""
    """The Keras layer that it becomes, as the documentation's table shows it."""
    torch_aliases: ClassVar[tuple[str, ...]] = ()
    """Other Torch classes that this one stands for, e.g. older names."""
    is_source: ClassVar[bool] = False
    """Whether it needs no input."""
    keeps_shape: ClassVar[bool] = False
    """Whether its output has the shape of its one input, whatever that is."""
    supports_jit: ClassVar[bool] = True
    input_dtype: ClassVar[str | None] = None
    """The dtype of a graph input that this module reads first; None for Keras's default."""

    _classes: ClassVar[dict[str, type[Module]]] = {}

    name: str | None = None
    """A name for the layers that it makes, used where the node has none."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "torch_name" not in cls.__dict__:
            cls.torch_name = cls.__name__
        Module._classes[cls.__name__] = cls

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        module = super().__new__(cls)
        module._layers = {}
        return module

    _layers: dict[Hashable, keras.layers.Layer]
    _output: Any = None
    _early: keras.layers.Layer | None = None
    """A layer made before any graph could name it."""

    # -- making nodes -----------------------------------------------------------------------

    def __call__(self, *inputs: Any) -> Node:
        """Apply the module to a node, to a nested list of nodes, or to nothing (an input).

        Raises:
            GraphError: More than one argument, or something that is not a node.
        """
        if len(inputs) > 1:
            raise GraphError(
                f"nn.{self.torch_name} is called with {len(inputs)} arguments "
                f"({caller_origin()})\n  fix: pass several inputs as one list: module([a, b])"
            )
        if inputs and inputs[0] is None:
            raise GraphError(
                f"the input of nn.{self.torch_name} is None, not a node ({caller_origin()})\n"
                f"  fix: is the variable that should hold the node spelled right?"
            )
        return apply(self, inputs[0] if inputs else None)

    def __neg__(self) -> Node:
        """``-module`` starts a graph, as in nngraph."""
        return self()

    def __sub__(self, other: Any) -> Node:
        raise GraphError(
            f"an nn.{self.torch_name} module stands on the left of '-', where a node belongs "
            f"({caller_origin()})\n  fix: make it a node first: nn.{self.torch_name}(...)() - ..."
        )

    def __rsub__(self, inputs: Any) -> Node:
        """``[a, b] - module`` applies the module to a table of nodes."""
        if not is_table(inputs):
            return NotImplemented
        return apply(self, list(inputs))

    # -- becoming Keras layers --------------------------------------------------------------

    def input_size(self) -> Shape | None:
        """The shape of one sample that the module takes, if its arguments tell it."""
        return None

    def check(self, x: Any) -> None:
        """Raise `ShapeMismatch` if the module cannot take `x`, a tensor or nested list of them."""

    def layer_key(self, x: Any) -> Hashable:
        """What the layer depends on beside the arguments; a module keeps one layer per key."""
        return None

    def make_layer(self, x: Any, name: str) -> keras.layers.Layer:
        """The layer for input `x`. Default: a layer around `compute`."""
        return ModuleLayer(self, name=name)

    def parameter_specs(self) -> list[ParameterSpec]:
        """The parameters that `compute` takes by name, where the module has no stock layer."""
        return []

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The function itself, in `keras.ops`. Only for modules without a stock layer."""
        raise NotImplementedError(f"{type(self).__name__} has no compute")

    def lower(self, x: Any, scope: Scope) -> Any:
        """Apply the module to Keras tensors: nested lists of `keras.KerasTensor` in and out.

        Raises:
            ShapeMismatch: The module cannot take `x`.
        """
        self.check(x)
        return self.apply_layer(x, scope)

    def apply_layer(
        self,
        x: Any,
        scope: Scope,
        make: Callable[[str], keras.layers.Layer] | None = None,
        *,
        key: Hashable = None,
        suffix: str = "",
    ) -> Any:
        """Call one of this module's layers on `x`, making it at the first use."""
        if make is None:
            key = ("main", self.layer_key(x))
            make = partial(self.make_layer, x)
        layer = self._layers.get(key)
        if layer is None:
            layer = self._layers[key] = scope.new_layer(make, suffix)
            scope.names.on_failure(lambda: self._layers.pop(key))
        else:
            scope.adopt(layer, rename=layer is self._early)
            self._early = None
        if scope.stock and isinstance(layer, ModuleLayer):
            return layer.module.compute(x, **self._stock_parameters(layer, x, scope))
        return layer(x)

    def _stock_parameters(self, layer: ModuleLayer, x: Any, scope: Scope) -> dict[str, Any]:
        if not layer.built:
            layer.build(None)
        values = {}
        for name, variable in layer.parameters.items():
            table = self._layers.get(("stock", name))
            if table is None:
                table = scope.new_layer(lambda own, v=variable: parameter_table(v, own), "_" + name)
                self._layers["stock", name] = table
            values[name] = all_rows(table, tuple(variable.shape), x)
        return values

    # -- parameters -------------------------------------------------------------------------

    def built_layer(self, input_shape: Shape | None) -> Any:
        """The layer that holds the parameters, made and built now if no graph has done so."""
        layer = self._layers.get(("main", None))
        if layer is None:
            layer = self.make_layer(None, self.name or snake_case(self.torch_name))
            self._layers["main", None] = self._early = layer
        if not layer.built:
            layer.build(input_shape)
        return layer

    def named_parameters(self) -> dict[str, keras.Variable]:
        """Torch parameter name -> Keras variable, in the order of Torch's `parameters()`."""
        specs = [spec for spec in self.parameter_specs() if spec.trainable]
        if not specs:
            return {}
        layer = self.built_layer(None)
        return {spec.name: layer.parameters[spec.name] for spec in specs}

    @property
    def output(self) -> Any:
        """What the module gave in the last `forward`: an array, or a nested list of them.

        None before the first. A module that stands at several nodes holds its last output.
        """
        return None if self._output is None else map_table(np.asarray, self._output)

    def forget(self) -> None:
        """Drop `output`."""
        self._output = None

    # -- Torch files ------------------------------------------------------------------------

    @staticmethod
    def for_torch(class_name: str) -> type[Module]:
        """The class for a Torch class name, e.g. ``nn.Linear``, ``cudnn.SpatialConvolution``.

        Raises:
            UnsupportedTorch: There is none.
        """
        library, _, name = class_name.rpartition(".")
        if library in ("nn", "cudnn", "nngraph"):
            for cls in Module._classes.values():
                if name == cls.torch_name or name in cls.torch_aliases:
                    return cls
        raise UnsupportedTorch(f"{class_name} has no counterpart in graph.nn")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> Module:
        """The module that a Torch object describes, without its parameters.

        Default: every constructor argument is the field of the same name, where there is one.

        Raises:
            UnsupportedTorch: The object asks for something that this class does not do.
        """
        names = list(inspect.signature(cls.__init__).parameters)[1:]
        return cls(**{name: fields[name] for name in names if name in fields})

    def parameter_from_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        """A parameter in Torch's layout, brought into Keras's. Default: as it is."""
        return array

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        """A parameter (or its gradient) in Keras's layout, brought into Torch's."""
        return array

    def load_torch(self, fields: TorchFields) -> None:
        """Take over the parameters of a Torch object.

        Raises:
            UnsupportedTorch: One is missing or of another shape.
        """
        for name, variable in self.named_parameters().items():
            array = fields.array(name)
            if array is None:
                raise UnsupportedTorch(f"{fields.class_name} has no parameter '{name}'")
            self.assign_torch(fields, name, variable, self.parameter_from_torch(name, array))

    def assign_torch(
        self, fields: TorchFields, name: str, variable: keras.Variable, array: np.ndarray
    ) -> None:
        """Write one parameter, given in Keras's layout, after checking its shape."""
        if tuple(array.shape) != tuple(variable.shape):
            raise UnsupportedTorch(
                f"'{name}' of {fields.class_name} has shape {tuple(array.shape)} in Keras's "
                f"layout, expected {tuple(variable.shape)}"
            )
        variable.assign(array)

    # -- modules inside and outside -----------------------------------------------------------

    def children(self) -> list[Any]:
        """The modules that this one holds."""
        return list(getattr(self, "modules", ()))

    def parts(self) -> list[Any]:
        """The modules that hold this one's parameters, where it has none of its own."""
        return []

    def replace_children(self, modules: list[Any]) -> None:
        """Hold these modules in the place of `children()`."""
        self.modules = list(modules)

    def held_layers(self) -> list[keras.layers.Layer]:
        """The Keras layers that were made for this module, its children's left out."""
        return list(self._layers.values())

    def is_a(self, kind: str | type) -> bool:
        """Whether the module is of a class, given as such or by its Torch name."""
        if isinstance(kind, str):
            return kind.removeprefix("nn.") == self.torch_name
        return isinstance(self, kind)

    # -- saving -----------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        signature = inspect.signature(type(self).__init__)
        return {
            p.name: getattr(self, p.name)
            for p in list(signature.parameters.values())[1:]
            if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Module:
        """The module that `get_config` described."""
        return cls(**config)

    @staticmethod
    def class_named(name: str) -> type[Module]:
        """The class called `name`.

        Raises:
            GraphError: No such class was defined in this process.
        """
        try:
            return Module._classes[name]
        except KeyError:
            raise GraphError(
                f"no nn module class is called '{name}'\n"
                f"  fix: import the code that defines it before loading"
            ) from None

    def __repr__(self) -> str:
        """As the user would write it: defaults left out, ``nn.Linear(20, 10)``."""
        signature = inspect.signature(type(self).__init__)
        config = self.get_config()
        written: list[str] = []
        positional = True
        for p in list(signature.parameters.values())[1:]:
            if p.kind is p.VAR_POSITIONAL:
                written += map(repr, config.get(p.name, ()))
            elif p.name in config:
                value = config[p.name]
                if p.kind is p.KEYWORD_ONLY or value == p.default:
                    positional = False
                if value != p.default:
                    written.append(repr(value) if positional else f"{p.name}={value!r}")
        return f"nn.{self.torch_name}({', '.join(written)})"

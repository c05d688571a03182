"""`nn.WeightNorm`."""

from __future__ import annotations

import math
import random
from typing import Any

import keras
import numpy as np
from keras import ops

from ..errors import GraphError
from ..origin import caller_origin
from .arguments import integer
from .decorator import Decorator
from .initial import norms_of
from .module import Module
from .scope import Names, Scope
from .torch_fields import TorchFields, UnsupportedTorch

__all__ = ["WeightNorm"]


class WeightNorm(Decorator):
    """Its child, whose weight is ``g v / sqrt(|v|^2 + 1e-4)`` for each output.

    Parameters are `v`, the weight in Torch's layout with a row for each output, `g`, a column,
    and the child's `bias`. `v` starts normal with deviation ``sqrt(2 / columns)``, `g` with the
    norms of `v`, and the bias with 0. After `to_keras` the child is left with the weight that it
    has then.

    Args:
        module: The child: one with a `weight`, such as `Linear` or `SpatialConvolution`.
        outputDim: Which dimension of Torch's weight the outputs are, from 1. Default: 1.

    Raises:
        GraphError: `module` is no module with a weight, which must be known without an input, or
            the weight has no such dimension.

    Reference: Salimans & Kingma 2016, arXiv:1602.07868; torch/nn WeightNorm.lua.
    """

    keras_name = "its child, with another weight"

    def __init__(self, module: Any, outputDim: int = 1) -> None:
        super().__init__(module)
        self.outputDim = integer(outputDim, "WeightNorm", "outputDim")
        rank = len(self._weight_shape())
        if self.outputDim > rank:
            raise GraphError(
                f"nn.WeightNorm: the weight of {self.modules[0]!r} has {rank} dimensions, "
                f"got outputDim {outputDim} ({caller_origin()})"
            )
        bias = self.modules[0].named_parameters().get("bias")
        if bias is not None:
            bias.assign(np.zeros(bias.shape))

    def get_config(self) -> dict[str, Any]:
        return {"outputDim": self.outputDim}

    # -- the weight in its three shapes -------------------------------------------------------

    def child_weight(self) -> keras.Variable:
        """The variable that the child has for a weight; it is not used.

        Raises:
            GraphError: It has none.
        """
        weight = self.modules[0].named_parameters().get("weight")
        if weight is None:
            raise GraphError(
                f"nn.WeightNorm needs a module with a weight, got {self.modules[0]!r} "
                f"({caller_origin()})"
            )
        return weight

    def _weight_shape(self) -> tuple[int, ...]:
        """The shape of the child's weight in Torch's layout."""
        empty = np.zeros(self.child_weight().shape)
        return self.modules[0].parameter_to_torch("weight", empty).shape

    @property
    def view_out(self) -> tuple[int, ...]:
        """That shape with the outputs first (Torch's field `viewOut`)."""
        shape = list(self._weight_shape())
        return (shape.pop(self.outputDim - 1), *shape)

    @property
    def view_in(self) -> tuple[int, int]:
        """The shape of `v`: a row for each output (Torch's field `viewIn`)."""
        outputs, *others = self.view_out
        return outputs, math.prod(others)

    def kernel(self, v: Any, g: Any) -> Any:
        """The weight in the child's own layout, as tensors."""
        weight = v * (g / ops.sqrt(ops.sum(ops.square(v), axis=1, keepdims=True) + 1e-4))
        # Where each element of the child's weight stands in this one.
        places = np.arange(v.shape[0] * v.shape[1]).reshape(self.view_out)
        places = np.moveaxis(places, 0, self.outputDim - 1)
        places = self.modules[0].parameter_from_torch("weight", places)
        return ops.take(ops.reshape(weight, (-1,)), places)

    # -- becoming Keras layers ----------------------------------------------------------------

    def _layer(self, name: str) -> keras.layers.Layer:
        return _WeightNormLayer(self, name=name)

    def built_layer(self, input_shape: Any) -> Any:
        layer = self._layers.get(("main", None))
        if layer is None:
            layer = self._layers["main", None] = self._early = self._layer("weight_norm")
        if not layer.built:
            layer.build(None)
        return layer

    def lower(self, x: Any, scope: Scope) -> Any:
        if scope.stock:
            layer = self.built_layer(None)
            self.child_weight().assign(self.kernel(layer.v.value, layer.g.value))
            self.child_weight().trainable = True
            return self.lower_child(0, x, scope)
        sizes = (None,) * (len(x.shape) - 1) + (x.shape[-1],)
        self.built_layer(None).prepare(sizes, scope)
        return self.apply_layer(x, scope, self._layer, key=("main", None))

    # -- parameters ---------------------------------------------------------------------------

    def parts(self) -> list[Any]:
        """None: the child's weight is made of parameters of this module."""
        return []

    def named_parameters(self) -> dict[str, keras.Variable]:
        layer = self.built_layer(None)
        bias = self.modules[0].named_parameters().get("bias")
        return {"v": layer.v, "g": layer.g, **({} if bias is None else {"bias": bias})}

    @classmethod
    def from_torch(cls, fields: TorchFields) -> WeightNorm:
        """The child's weight is not in the file, but what the child is made from."""
        child = fields["modules"][0]
        outputDim = fields.integer("outputDim", 1)
        if "v" not in fields or "g" not in fields:
            raise UnsupportedTorch(f"{fields.class_name} has no parameters 'v' and 'g'")
        had = child.fields.get("weight")
        shape = [int(size) for size in fields["viewOut"]]
        child.fields["weight"] = np.moveaxis(fields["v"].reshape(shape), 0, outputDim - 1)
        try:
            module = cls.__new__(cls)
            module.modules = [fields.convert(child)]
            module.outputDim = outputDim
        finally:
            child.fields["weight"] = had
        return module

    def load_torch(self, fields: TorchFields) -> None:
        layer = self.built_layer(None)
        self.assign_torch(fields, "v", layer.v, fields["v"].reshape(self.view_in))
        self.assign_torch(fields, "g", layer.g, fields["g"].reshape(-1, 1))

    def parameter_to_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        if name == "v":
            return array.reshape(self.view_out)  # The shape of Torch's gradient of it.
        return array if name == "g" else self.modules[0].parameter_to_torch(name, array)


@keras.saving.register_keras_serializable(package="nngraph")
class _WeightNormLayer(keras.layers.Layer):
    """Runs the child of a `WeightNorm` with another tensor in the place of its weight.

    Args:
        module: The WeightNorm, or the dict that `get_config` made of it.
        inputs: The shape of the input, batch included, if `prepare` has been told of it.
        **kwargs: As of `keras.layers.Layer`.
    """

    def __init__(
        self, module: WeightNorm | dict[str, Any], inputs: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.module = module if isinstance(module, WeightNorm) else _from_dict(module)
        self.module.child_weight().trainable = False
        self.parts = list(self.module.modules[0].held_layers())
        if inputs is not None:
            self.prepare(inputs, Scope(Names(), self.name, f"'{self.name}' (WeightNorm)"))

    def prepare(self, sizes: Any, scope: Scope) -> None:
        """Make a model of the child alone, for inputs of this shape."""
        given = keras.Input(batch_shape=tuple(sizes), dtype=self.compute_dtype)
        inner = Scope(Names(), scope.name, scope.where)
        model = keras.Model(given, self.module.lower_child(0, given, inner))
        # Keras must not take it for new state: its layers with parameters are `parts`.
        self.__dict__.update(_inner=model, _inputs=list(sizes))

    def build(self, input_shape: Any) -> None:
        """Make `v` and `g`."""
        rows, columns = self.module.view_in
        normal = keras.initializers.RandomNormal(
            stddev=math.sqrt(2 / columns), seed=random.randrange(2**31)
        )
        self.v = self.add_weight(name="v", shape=(rows, columns), initializer=normal)
        norms = norms_of(normal, (rows, columns))
        self.g = self.add_weight(name="g", shape=(rows, 1), initializer=norms)
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The child's function of `inputs`."""
        inner = self.__dict__["_inner"]
        kernel = self.module.kernel(ops.convert_to_tensor(self.v), ops.convert_to_tensor(self.g))
        weight = self.module.child_weight()
        values = [(v, kernel if v is weight else v.value) for v in inner.variables]
        with keras.StatelessScope(state_mapping=values):
            return inner(inputs, training=training)

    def get_config(self) -> dict[str, Any]:
        """The layer's arguments, those of the module and its child among them."""
        child = self.module.modules[0]
        module = {
            "class_name": type(child).__name__,
            "config": child.get_config(),
            "outputDim": self.module.outputDim,
        }
        return {**super().get_config(), "module": module, "inputs": self.__dict__["_inputs"]}


def _from_dict(config: dict[str, Any]) -> WeightNorm:
    child = Module.class_named(config["class_name"]).from_config(config["config"])
    return WeightNorm(child, config["outputDim"])

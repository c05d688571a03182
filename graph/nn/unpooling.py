"""Putting pooled values back where they came from."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..origin import caller_origin
from .image import check_image
from .max_pooling import SpatialMaxPooling
from .module import Module
from .module_layer import ModuleLayer
from .scope import Scope
from .torch_fields import TorchFields

__all__ = ["SpatialMaxUnpooling"]


class SpatialMaxUnpooling(Module):
    """Each value at the place where its pooling module found the largest, 0 elsewhere.

    The pooling module must run before it in the same model; the places are those of what it was
    fed there last.

    Args:
        poolingModule: A `SpatialMaxPooling` whose windows lie side by side (steps as large as
            the window).

    Shapes:
        ``(batch, oH, oW, C)``, as the pooling module's output -> ``(batch, H, W, C)``, as its
        input.

    Raises:
        GraphError: `poolingModule` is no such module; at lowering, it did not run before, its
            input's size is not known, or the input is not shaped as its output.

    Reference: torch/nn SpatialMaxUnpooling.lua.
    """

    keras_name = "(ops.one_hot of ops.argmax)"

    def __init__(self, poolingModule: SpatialMaxPooling) -> None:
        if type(poolingModule) is not SpatialMaxPooling:
            raise GraphError(
                f"nn.{self.torch_name}: poolingModule must be an nn.SpatialMaxPooling, got "
                f"{poolingModule!r}, {caller_origin()}"
            )
        if poolingModule.kernel != poolingModule.steps:
            raise GraphError(
                f"nn.{self.torch_name}: the steps of {poolingModule!r} must be as large as its "
                f"window, {caller_origin()}"
            )
        self.modules = [poolingModule]

    @property
    def pooling(self) -> SpatialMaxPooling:
        """The pooling module."""
        return self.modules[0]

    def lower(self, x: Any, scope: Scope) -> Any:
        model, fed = self.pooling.fed
        if model is not scope.names or fed is None:
            raise ShapeMismatch(
                f"needs what {self.pooling!r} was fed, which has not run before it in this model",
                fix="let the pooling module itself (not another like it) run on the way here",
            )
        check_image(x, planes=fed.shape[3])
        sides = list(zip(self.pooling.windows, fed.shape[1:3], x.shape[1:3], strict=True))
        if any(length is None for _, length, _ in sides):
            raise ShapeMismatch(
                "needs to know the height and width of what its pooling module was fed",
                fix="state them with graph.Input(shape)",
            )
        pooled = tuple(side.count(length) for side, length, _ in sides)
        if any(got not in (None, n) for (_, _, got), n in zip(sides, pooled, strict=True)):
            raise ShapeMismatch(
                "takes what is shaped as the output of its pooling module",
                expected=(None, *pooled, fed.shape[3]),
            )
        pads = [side.pad for side, _, _ in sides]
        made = _Unpooling(list(self.pooling.kernel), pads, list(pooled))
        return self.apply_layer(
            [x, fed],
            scope,
            lambda name: ModuleLayer(made, name=name),
            key=("unpool", tuple(fed.shape[1:])),
        )

    def named_parameters(self) -> dict[str, Any]:
        return {}

    def get_config(self) -> dict[str, Any]:
        """Nothing: the graph's own config holds the pooling module."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SpatialMaxUnpooling:
        module = cls.__new__(cls)
        module.modules = []
        return module

    def __repr__(self) -> str:
        return f"nn.{self.torch_name}({self.pooling!r})"

    @classmethod
    def from_torch(cls, fields: TorchFields) -> SpatialMaxUnpooling:
        return cls(fields.module("pooling"))


class _Unpooling(Module):
    """Unpooling of one size: ``[values, what was pooled]`` to an image shaped as the second."""

    def __init__(self, kernel: list[int], pads: list[int], pooled: list[int]) -> None:
        self.kernel, self.pads, self.pooled = kernel, pads, pooled

    def compute(self, x: Any, training: bool = False) -> Any:
        values, fed = x
        (kH, kW), (oH, oW), planes = self.kernel, self.pooled, fed.shape[3]
        blocks = self._blocks(fed)
        blocks = ops.reshape(blocks, (-1, oH, kH, oW, kW, planes))
        blocks = ops.transpose(blocks, (0, 1, 3, 5, 2, 4))
        flat = ops.reshape(blocks, (-1, oH, oW, planes, kH * kW))
        place = ops.one_hot(ops.argmax(flat, axis=-1), kH * kW, dtype=values.dtype)
        spread = ops.expand_dims(values, -1) * place
        spread = ops.reshape(spread, (-1, oH, oW, planes, kH, kW))
        spread = ops.transpose(spread, (0, 1, 4, 2, 5, 3))
        return self._image(ops.reshape(spread, (-1, oH * kH, oW * kW, planes)), fed)

    def _blocks(self, fed: Any) -> Any:
        """What the windows cover: the border, and no row or column that the last one leaves."""
        borders = [(p, max(0, n * k - p - size)) for p, n, k, size in self._sides(fed)]
        padded = ops.pad(fed, ((0, 0), *borders, (0, 0)), constant_values=-float("inf"))
        rows, columns = (slice(0, n * k) for _, n, k, _ in self._sides(fed))
        return padded[:, rows, columns]

    def _image(self, blocks: Any, fed: Any) -> Any:
        rows, columns = (slice(p, p + size) for p, _, _, size in self._sides(fed))
        missing = [(0, max(0, p + size - n * k)) for p, n, k, size in self._sides(fed)]
        return ops.pad(blocks[:, rows, columns], ((0, 0), *missing, (0, 0)))

    def _sides(self, fed: Any) -> list[tuple[int, int, int, int]]:
        return list(zip(self.pads, self.pooled, self.kernel, fed.shape[1:3], strict=True))

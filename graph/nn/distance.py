"""Products and distances of two tensors, one number for each sample."""

from __future__ import annotations

from typing import Any

from keras import ops

from ..errors import ShapeMismatch
from .arguments import number
from .arithmetic import check_equal_shapes
from .dimension import SAMPLES, checked_fed, fed_of
from .module import Module
from .torch_fields import TorchFields

__all__ = ["CosineDistance", "DotProduct", "PairwiseDistance"]


class _OfPairs(Module):
    """One number for each pair of vectors."""

    fed: str | None

    @classmethod
    def fed_from_torch(cls, fields: TorchFields) -> str | None:
        """The argument `fed`: for a single sample Torch gives a tensor of one number."""
        return None if fields.batched else fed_of(fields)

    def check(self, x: Any) -> None:
        check_equal_shapes(x, 2)
        ranks = (2, 3) if self.fed == SAMPLES else (2,)
        if len(x[0].shape) not in ranks:
            raise ShapeMismatch(
                "takes a table of two vectors for each sample",
                expected="[(None, n), (None, n)]",
                fix="flatten the samples first, e.g. with nn.View(-1)",
            )

    def keeps_axis(self, x: Any) -> bool:
        """Whether the number stands in a dimension of its own."""
        return self.fed == SAMPLES and len(x[0].shape) == 2


class DotProduct(_OfPairs):
    """``sum(a * b)`` for each sample.

    Args:
        fed: None, or how a model that comes from a Torch file was fed, as of `View`. Where that
            was single samples the result is ``(batch, 1)``.

    Shapes:
        A table of two tensors ``(batch, n)`` -> ``(batch,)``.

    Raises:
        GraphError: At lowering, it is not fed such a table.

    Reference: torch/nn DotProduct.lua.
    """

    keras_name = "(ops.sum of a product)"

    def __init__(self, *, fed: str | None = None) -> None:
        self.fed = checked_fed(fed, "DotProduct")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> DotProduct:
        return cls(fed=cls.fed_from_torch(fields))

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The products."""
        return ops.sum(x[0] * x[1], axis=-1, keepdims=self.keeps_axis(x))


class CosineDistance(_OfPairs):
    """``a . b / sqrt((|a|^2 + 1e-12) (|b|^2 + 1e-12))``, the cosine, for each sample.

    Args:
        fed: As of `DotProduct`.

    Shapes:
        A table of two tensors ``(batch, n)`` -> ``(batch,)``.

    Raises:
        GraphError: At lowering, it is not fed such a table.

    Reference: torch/nn CosineDistance.lua.
    """

    keras_name = "(ops.sum of products)"

    def __init__(self, *, fed: str | None = None) -> None:
        self.fed = checked_fed(fed, "CosineDistance")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> CosineDistance:
        return cls(fed=cls.fed_from_torch(fields))

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The cosines."""
        a, b = x

        def total(product: Any) -> Any:
            return ops.sum(product, axis=-1, keepdims=self.keeps_axis(x))

        # Two roots, since the product of two small squares would underflow.
        norms = ops.sqrt(total(a * a) + 1e-12) * ops.sqrt(total(b * b) + 1e-12)
        return total(a * b) / norms


class PairwiseDistance(_OfPairs):
    """``(sum |a - b|^p)^(1/p)`` for each sample.

    The gradient is Torch's: ``d |d|^(p-2) (y + 1e-6)^(1-p)`` with ``d = a - b``, where the factor
    ``|d|^(p-2)`` is left out for p below 2 too, and ``sign(d)`` for p = 1 (Torch takes a random
    sign where d is 0; here it is 0).

    Args:
        p: The norm. Default: 2.
        fed: As of `DotProduct`.

    Shapes:
        A table of two tensors ``(batch, n)`` -> ``(batch,)``.

    Raises:
        GraphError: `p` is not a positive number; at lowering, it is not fed such a table.

    Reference: torch/nn PairwiseDistance.lua.
    """

    keras_name = "(ops.power, ops.sum)"

    def __init__(self, p: float = 2, *, fed: str | None = None) -> None:
        self.p = number(p, "PairwiseDistance", "p", least=1e-6)
        self.fed = checked_fed(fed, "PairwiseDistance")

    @classmethod
    def from_torch(cls, fields: TorchFields) -> PairwiseDistance:
        return cls(fields.get("norm", 2), fed=cls.fed_from_torch(fields))

    def compute(self, x: Any, training: bool = False, **parameters: Any) -> Any:
        """The distances."""
        d = x[0] - x[1]
        fixed = ops.stop_gradient(d)
        size = ops.abs(fixed)
        y = self._root(ops.sum(self._power(size), axis=-1, keepdims=True))
        # A sum whose value is taken away again leaves its gradient alone.
        if self.p == 1:
            slope = ops.sign(fixed)
        else:
            slope = fixed if self.p <= 2 else fixed * ops.power(size, self.p - 2)
            slope = slope * ops.power(y + 1e-6, 1 - self.p)
        line = ops.sum(slope * d, axis=-1, keepdims=True)
        y = y + (line - ops.stop_gradient(line))
        return y if self.keeps_axis(x) else ops.squeeze(y, -1)

    def _power(self, size: Any) -> Any:
        if self.p == 1:
            return size
        return ops.square(size) if self.p == 2 else ops.power(size, self.p)

    def _root(self, total: Any) -> Any:
        if self.p == 1:
            return total
        return ops.sqrt(total) if self.p == 2 else ops.power(total, 1 / self.p)

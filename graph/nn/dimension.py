"""Dimension arguments: of one sample here, of whatever Torch was fed in a Torch file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from ..errors import GraphError, ShapeMismatch
from ..layout import from_torch_axes, to_torch_axes
from ..origin import caller_origin
from ..table import is_table
from .arguments import integer
from .torch_fields import TorchFields

__all__ = [
    "BATCHES",
    "SAMPLES",
    "along_the_batch",
    "axes_of_insertion",
    "checked_fed",
    "fed_of",
    "is_identity",
    "one_tensor",
    "per_sample",
    "permuted",
    "read_dimension",
    "sample_rank",
    "single_samples",
    "torch_rank",
]

BATCHES = "batches"
"""Dimensions are Torch's own, of a model that was fed batches: the batch is dimension 1."""
SAMPLES = "samples"
"""Dimensions are Torch's own, of a model that was fed single samples."""


def fed_of(fields: TorchFields) -> str:
    """How the model of a Torch file was fed."""
    return BATCHES if fields.batched else SAMPLES


def checked_fed(fed: str | None, module: str) -> str | None:
    """`fed` itself.

    Raises:
        GraphError: It is none of the three values.
    """
    if fed not in (None, BATCHES, SAMPLES):
        raise GraphError(
            f"nn.{module}: fed must be None, '{BATCHES}' or '{SAMPLES}', got {fed!r}, "
            f"{caller_origin()}"
        )
    return fed


def sample_rank(value: Any, module: str, argument: str) -> int | None:
    """The optional argument that says how many dimensions a sample has.

    None, 0 and below are as good as nothing, as in ``nn.Sum(2, -1, True)``.

    Raises:
        GraphError: It is no integer.
    """
    whole = None if value is None else integer(value, module, argument, least=None)
    return whole if whole is not None and whole > 0 else None


def torch_rank(rank: int, fed: str) -> int:
    """How many dimensions Torch counted in what is a Keras tensor of `rank` axes here."""
    return rank if fed == BATCHES else rank - 1


def read_dimension(
    fields: TorchFields,
    name: str = "dimension",
    counted: str = "nInputDims",
    default: int | None = None,
) -> tuple[int, int | None, str | None]:
    """A Torch file's dimension, how many a sample has, and how the model was fed.

    Torch counts the batch in a dimension unless the input has one dimension more than `counted`
    says. Where that is not set the dimension is converted at once, and the rest is None; where
    it is, only the input's rank can tell, and `per_sample` decides.

    Raises:
        UnsupportedTorch: It is the batch's own dimension.
    """
    if name not in fields and default is not None:
        known = {**fields.fields, name: default}
        fields = TorchFields(fields.class_name, known, fields.convert, fields.batched)
    if fields.integer(name) > 0 and fields.integer(counted, 0) > 0:
        return fields.integer(name), fields.integer(counted), fed_of(fields)
    return fields.dimension(name, counted), None, None


def per_sample(
    dimension: int, rank: int, counted: int | None = None, fed: str | None = None
) -> int:
    """The dimension of one sample, from 1, that a module's dimension argument means.

    Args:
        dimension: The argument; negative counts from the end.
        rank: Rank of the Keras tensor, batch included.
        counted: How many dimensions a sample has, if the module was told (`nInputDims`).
        fed: None if `dimension` counts one sample; else how the Torch model was fed.

    Raises:
        ShapeMismatch: It is the batch, or the sample has not `counted` dimensions.
    """
    if dimension < 0:
        if dimension == -rank:
            raise along_the_batch(dimension)
        return dimension
    if fed is None:
        if counted and counted != rank - 1:
            raise ShapeMismatch(
                f"is told of samples of {counted} dimensions, these have {rank - 1}",
                fix=f"leave the number out, or state {rank - 1}",
            )
        return dimension
    if counted and torch_rank(rank, fed) == counted + 1:
        dimension += 1
    if fed == BATCHES:
        dimension -= 1
    if dimension == 0:
        raise along_the_batch(1)
    return dimension


def along_the_batch(dimension: int) -> ShapeMismatch:
    """What is raised where a dimension of a Torch file turns out to be the batch."""
    which = "works along dimension 1"
    if dimension != 1:
        which += f" (here {dimension})"
    return ShapeMismatch(f"{which}, which is the batch", fix=single_samples())


def single_samples() -> str:
    """What to change if a Torch file's model was fed otherwise than was stated."""
    return "if this is a Torch file that was fed single samples, load it with batched=False"


def axes_of_insertion(rank: int, dimension: int) -> tuple[list[int], int]:
    """How a Keras tensor gets one more dimension.

    Args:
        rank: Its rank, batch included.
        dimension: Where the new dimension of a sample stands afterwards, from 1 in Torch's order.

    Returns:
        The permutation to apply first, and the new axis to insert after it.

    Raises:
        ShapeMismatch: There is no such place.
    """
    if not 1 <= dimension <= rank:
        raise ShapeMismatch(
            f"cannot have a new dimension {dimension}: a sample has {rank - 1}",
            fix=f"give a place from 1 to {rank}",
        )
    torch: list[int | None] = [*to_torch_axes(rank)]
    torch.insert(dimension, None)
    keras = [torch[a] for a in from_torch_axes(rank + 1)]
    return [a for a in keras if a is not None], keras.index(None)


def is_identity(axes: Sequence[int]) -> bool:
    """Whether a permutation changes nothing."""
    return list(axes) == sorted(axes)


def permuted(x: Any, axes: Sequence[int]) -> Any:
    """`x` with its axes permuted, itself if that changes nothing."""
    return x if is_identity(axes) else ops.transpose(x, axes)


def one_tensor(x: Any) -> None:
    """Check that `x` is a tensor.

    Raises:
        ShapeMismatch: It is a table.
    """
    if is_table(x):
        raise ShapeMismatch("takes one tensor, not a table", expected="a tensor")

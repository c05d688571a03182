"""Torch7 criterions, as loaded from a .t7 file, made into losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from .binary import BCELoss, MarginHingeLoss, SoftMarginLoss
from .class_nll import ClassNLLLoss, CrossEntropyLoss
from .class_simplex import ClassSimplexLoss
from .distance_ratio import DistanceRatioLoss
from .huber import SmoothL1Loss
from .l1_cost import L1CostLoss
from .likelihood import KLDivLoss
from .multi_margin import MultiLabelMarginLoss, MultiLabelSoftMarginLoss, MultiMarginLoss
from .pair_embedding import CosineEmbeddingLoss, HingeEmbeddingLoss, MarginRankingLoss
from .regression import L1Loss, MSELoss
from .triplet_embedding import TripletEmbeddingLoss
from .weighted_sum import TableLoss, WeightedSumLoss

__all__ = ["from_torch"]


def from_torch(criterion: Any, dtype: Any = None) -> keras.losses.Loss:
    """The loss that computes what a Torch7 criterion computes.

    Labels must be given as Keras counts them: subtract 1 from those of Torch, the label that is
    ignored included; the lists of `nn.MultiLabelMarginCriterion` then end with -1. Images have
    their channels last.

    Args:
        criterion: What `graph.torch7.load` gives for a criterion: an object with a `class_name`
            such as "nn.MSECriterion" and a method `get(field, default)`. Or a mapping that holds
            "class_name" beside the fields.
        dtype: The dtype to compute in; by default `keras.config.floatx()`.

    Returns:
        A loss. `nn.MultiCriterion` and the like hold the losses of their criterions.

    Raises:
        ValueError: If the class is unknown.

    Example:
        >>> fields = {"class_name": "nn.MarginCriterion", "margin": 2, "sizeAverage": False}
        >>> loss = from_torch(fields)
        >>> loss.margin, loss.reduction
        (2.0, 'sum')
    """
    is_mapping = isinstance(criterion, Mapping)
    name = criterion["class_name"] if is_mapping else criterion.class_name
    make = _MAKERS.get(name)
    if make is None:
        known = ", ".join(sorted(_MAKERS))
        raise ValueError(f"no loss is known for the Torch class {name!r}; known are {known}")
    return make(criterion.get, dtype)


_Get = Callable[..., Any]


def _reduction(get: _Get) -> str:
    return "sum_over_batch_size" if get("sizeAverage", True) else "sum"


def _plain(cls: Callable[..., keras.losses.Loss], **fields: str) -> Callable[[_Get, Any], Any]:
    """A maker of `cls`, whose arguments are named as keys and the Torch fields as values."""

    def make(get: _Get, dtype: Any) -> keras.losses.Loss:
        given = {ours: get(theirs, None) for ours, theirs in fields.items()}
        given = {name: value for name, value in given.items() if value is not None}
        return cls(**given, reduction=_reduction(get), dtype=dtype)

    return make


def _class_nll(get: _Get, dtype: Any) -> ClassNLLLoss:
    return ClassNLLLoss(get("weights", None), _ignored(get), reduction=_reduction(get), dtype=dtype)


def _cross_entropy(get: _Get, dtype: Any) -> CrossEntropyLoss:
    nll = get("nll").get
    # Newer files keep the setting on the outer object, and copy it to the inner one at each call.
    average = get("sizeAverage", None)
    reduction = _reduction(nll if average is None else get)
    return CrossEntropyLoss(nll("weights", None), _ignored(nll), reduction=reduction, dtype=dtype)


def _ignored(get: _Get) -> int:
    return int(get("ignoreIndex", -100)) - 1


def _weighted_mse(get: _Get, dtype: Any) -> MSELoss:
    weights = np.asarray(get("weight"))
    if weights.ndim >= 3:  # Of an image, or a batch of them: channels last.
        weights = np.moveaxis(weights, -3, -1)
    return MSELoss(weights, reduction=_reduction(get), dtype=dtype)


def _distance_ratio(get: _Get, dtype: Any) -> DistanceRatioLoss:
    if get("SoftMax", None) is None:
        return DistanceRatioLoss("log", reduction=_reduction(get), dtype=dtype)
    # The criterion of TripletNet is given the distance to what is not alike first.
    return DistanceRatioLoss("mse", target=0, dtype=dtype)


def _l1_hinge(get: _Get, dtype: Any) -> HingeEmbeddingLoss:
    return HingeEmbeddingLoss(get("margin", 1), p=1, reduction="sum", dtype=dtype)


def _l1_cost(get: _Get, dtype: Any) -> L1CostLoss:
    return L1CostLoss(dtype=dtype)


def _triplet(get: _Get, dtype: Any) -> TripletEmbeddingLoss:
    return TripletEmbeddingLoss(get("alpha", 0.2), dtype=dtype)


def _sum(get: _Get, dtype: Any) -> WeightedSumLoss:
    losses = [from_torch(criterion, dtype) for criterion in get("criterions")]
    weights = [float(weight) for weight in get("weights")]
    return WeightedSumLoss(losses, weights[: len(losses)], dtype=dtype)


def _parallel(get: _Get, dtype: Any) -> WeightedSumLoss:
    one = _sum(get, dtype)
    return WeightedSumLoss(
        one.losses,
        one.weights,
        parallel=True,
        repeat_target=bool(get("repeatTarget", False)),
        dtype=dtype,
    )


def _table(get: _Get, dtype: Any) -> TableLoss:
    return TableLoss(from_torch(get("criterion"), dtype), dtype=dtype)


_MAKERS: dict[str, Callable[[_Get, Any], keras.losses.Loss]] = {
    "nn.AbsCriterion": _plain(L1Loss),
    "nn.BCECriterion": _plain(BCELoss, weights="weights"),
    "nn.ClassNLLCriterion": _class_nll,
    "nn.ClassSimplexCriterion": _plain(ClassSimplexLoss),
    "nn.CosineEmbeddingCriterion": _plain(CosineEmbeddingLoss, margin="margin"),
    "nn.CriterionTable": _table,
    "nn.CrossEntropyCriterion": _cross_entropy,
    "nn.DistKLDivCriterion": _plain(KLDivLoss),
    "nn.DistanceRatioCriterion": _distance_ratio,
    "nn.HingeEmbeddingCriterion": _plain(HingeEmbeddingLoss, margin="margin"),
    "nn.L1Cost": _l1_cost,
    "nn.L1HingeEmbeddingCriterion": _l1_hinge,
    "nn.MSECriterion": _plain(MSELoss),
    "nn.MarginCriterion": _plain(MarginHingeLoss, margin="margin"),
    "nn.MarginRankingCriterion": _plain(MarginRankingLoss, margin="margin"),
    "nn.MultiCriterion": _sum,
    "nn.MultiLabelMarginCriterion": _plain(MultiLabelMarginLoss),
    "nn.MultiLabelSoftMarginCriterion": _plain(MultiLabelSoftMarginLoss, weights="weights"),
    "nn.MultiMarginCriterion": _plain(MultiMarginLoss, p="p", weights="weights", margin="margin"),
    "nn.ParallelCriterion": _parallel,
    "nn.SmoothL1Criterion": _plain(SmoothL1Loss),
    "nn.SoftMarginCriterion": _plain(SoftMarginLoss),
    "nn.SpatialClassNLLCriterion": _class_nll,
    "nn.TripletEmbeddingCriterion": _triplet,
    "nn.WeightedMSECriterion": _weighted_mse,
}

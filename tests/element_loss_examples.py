"""One call of every loss that has a value per element, with arguments that are not the defaults."""

from __future__ import annotations

from typing import Any

import numpy as np

import losses

__all__ = ["EXAMPLES", "PAIRED"]

B, C = 6, 5
RNG = np.random.default_rng(20)
SCORES = RNG.normal(size=(B, C)).astype("float32")
NUMBERS = (RNG.normal(size=(B, C)) * 2).astype("float32")
LABELS = np.array([0, 4, 2, 2, 1, 3])
SIGNS = np.where(RNG.random((B, C)) < 0.5, -1.0, 1.0).astype("float32")
ZERO_ONE = (SIGNS + 1) / 2
PROBABILITIES = RNG.dirichlet(np.ones(C), size=B).astype("float32")
WEIGHTS = [0.2, 1.5, 0.7, 1.0, 2.0]
ONE_HOT = np.eye(C, dtype="float32")[LABELS]
BOXES = np.sort(RNG.random((B, 2, 2)), axis=1).reshape(B, 4).astype("float32") * 10
LISTS = np.array(
    [
        [3, 0, -1, 1, 2],
        [-1] * 5,
        [0, 1, 2, 3, 4],
        [4, -1, -1, -1, -1],
        [2, 3, -1, -1, -1],
        [1, 0, 4, -1, 2],
    ]
)


def pairs(n: int, *shape: int) -> np.ndarray:
    return RNG.normal(size=(B, n, *shape)).astype("float32")


EXAMPLES: dict[str, tuple[Any, Any, np.ndarray]] = {
    "BCELoss": (losses.BCELoss(WEIGHTS), ZERO_ONE, PROBABILITIES),
    "ClassNLLLoss": (losses.ClassNLLLoss(WEIGHTS, ignore_index=2), LABELS, np.log(PROBABILITIES)),
    "ClassSimplexLoss": (losses.ClassSimplexLoss(reduction="sum"), LABELS, SCORES),
    "CosineEmbeddingLoss": (losses.CosineEmbeddingLoss(0.2), SIGNS[:, 0], pairs(2, 4)),
    "CrossEntropyLoss": (losses.CrossEntropyLoss(WEIGHTS, ignore_index=None), LABELS, SCORES),
    "DistanceRatioLoss": (losses.DistanceRatioLoss("mse", target=1), None, np.abs(pairs(3))),
    "GIoULoss": (losses.GIoULoss("giou"), BOXES, BOXES[::-1] + 0.5),
    "GaussianNLLLoss": (losses.GaussianNLLLoss(full=True, eps=0.01), SCORES, np.abs(pairs(2, C))),
    "HingeEmbeddingLoss": (losses.HingeEmbeddingLoss(2.0, p=2), SIGNS[:, 1], pairs(2, 4)),
    "HuberLoss": (losses.HuberLoss(0.7), SCORES, NUMBERS),
    "KLDivLoss": (
        losses.KLDivLoss(reduction="batchmean"),
        PROBABILITIES,
        np.log(PROBABILITIES[::-1].copy()),
    ),
    "L1CostLoss": (losses.L1CostLoss(), None, SCORES),
    "L1Loss": (losses.L1Loss(reduction="sum"), SCORES, NUMBERS),
    "MSELoss": (losses.MSELoss(WEIGHTS), SCORES, NUMBERS),
    "MarginHingeLoss": (losses.MarginHingeLoss(0.5), SIGNS, SCORES),
    "MarginRankingLoss": (losses.MarginRankingLoss(0.3), SIGNS[:, 2], pairs(2)),
    "MultiLabelMarginLoss": (losses.MultiLabelMarginLoss(reduction="sum"), LISTS, SCORES),
    "MultiLabelSoftMarginLoss": (losses.MultiLabelSoftMarginLoss(WEIGHTS), ZERO_ONE, SCORES),
    "MultiMarginLoss": (losses.MultiMarginLoss(2, WEIGHTS, 0.5), LABELS, SCORES),
    "PinballLoss": (losses.PinballLoss([0.1, 0.2, 0.3, 0.4, 0.9]), SCORES, NUMBERS),
    "PoissonNLLLoss": (losses.PoissonNLLLoss(full=True), np.arange(B * C).reshape(B, C), SCORES),
    "SigmoidFocalCrossEntropy": (
        losses.SigmoidFocalCrossEntropy(True, alpha=0.4, gamma=1.5),
        ZERO_ONE,
        SCORES,
    ),
    "SmoothL1Loss": (losses.SmoothL1Loss(0.3), SCORES, NUMBERS),
    "SoftMarginLoss": (losses.SoftMarginLoss(), SIGNS, SCORES),
    "SparsemaxLoss": (losses.SparsemaxLoss(), ONE_HOT, SCORES),
    "TripletEmbeddingLoss": (losses.TripletEmbeddingLoss(0.5), None, pairs(3, 4)),
    "TripletMarginLoss": (losses.TripletMarginLoss(0.5, p=3, swap=True), None, pairs(3, 4)),
    "WeightedKappaLoss": (losses.WeightedKappaLoss(C, "linear"), ONE_HOT, PROBABILITIES),
}
PAIRED = {
    "CosineEmbeddingLoss",
    "HingeEmbeddingLoss",
    "TripletEmbeddingLoss",
    "TripletMarginLoss",
}

"""Losses and metrics for Keras 3, written with keras.ops: they run on every Keras backend."""

from .cohen_kappa import CohenKappa
from .equal_error_rate import EqualErrorRate, equal_error_rate
from .hamming import HammingLoss, hamming_loss
from .kendall import KendallTau, kendall_tau
from .map_at_r import MeanAveragePrecisionAtR
from .matthews import MatthewsCorrelationCoefficient
from .multi_label_confusion import MultiLabelConfusionMatrix
from .pearson import PearsonCorrelation, pearson
from .recall_at_k import RecallAtK
from .soft_spearman import SoftSpearmanLoss, soft_spearman
from .spearman import SpearmanCorrelation, spearman
from .triplet_accuracy import TripletAccuracy, triplet_accuracy
from .triplet_embedding import TripletEmbeddingLoss, triplet_embedding
from .weighted_tau import WeightedTau, weighted_tau

__all__ = [
    "CohenKappa",
    "EqualErrorRate",
    "HammingLoss",
    "KendallTau",
    "MatthewsCorrelationCoefficient",
    "MeanAveragePrecisionAtR",
    "MultiLabelConfusionMatrix",
    "PearsonCorrelation",
    "RecallAtK",
    "SoftSpearmanLoss",
    "SpearmanCorrelation",
    "TripletAccuracy",
    "TripletEmbeddingLoss",
    "WeightedTau",
    "equal_error_rate",
    "hamming_loss",
    "kendall_tau",
    "pearson",
    "soft_spearman",
    "spearman",
    "triplet_accuracy",
    "triplet_embedding",
    "weighted_tau",
]

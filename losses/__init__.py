"""Losses and metrics for Keras 3, written with keras.ops: they run on every Keras backend."""

from .angular import (
    AngularLoss,
    angular,
)
from .circle import (
    CircleLoss,
    circle,
)
from .class_proxies import (
    ClassProxies,
)
from .cohen_kappa import (
    CohenKappa,
)
from .contrastive import (
    BatchContrastiveLoss,
    ContrastiveLoss,
    batch_contrastive,
    contrastive,
)
from .distances import (
    CosineSimilarity,
    DotProductSimilarity,
    LpDistance,
    SNRDistance,
    angular_distance,
    pairwise_distance,
)
from .equal_error_rate import (
    EqualErrorRate,
    equal_error_rate,
)
from .fast_ap import (
    FastAPLoss,
    fast_ap,
)
from .hamming import (
    HammingLoss,
    hamming_loss,
)
from .intra_pair_variance import (
    IntraPairVarianceLoss,
    intra_pair_variance,
)
from .kendall import (
    KendallTau,
    kendall_tau,
)
from .large_margin_softmax import (
    LargeMarginSoftmaxLoss,
    SphereFaceLoss,
    large_margin_softmax,
    sphere_face,
)
from .lifted_struct import (
    GeneralizedLiftedStructLoss,
    LiftedStructLoss,
    generalized_lifted_struct,
    lifted_struct,
)
from .map_at_r import (
    MeanAveragePrecisionAtR,
)
from .margin_beta import (
    MarginBeta,
    MarginLoss,
    margin_loss,
)
from .margin_softmax import (
    ArcFaceLoss,
    CosFaceLoss,
    SubCenterArcFaceLoss,
    arc_face,
    cos_face,
    sub_center_arc_face,
)
from .matthews import (
    MatthewsCorrelationCoefficient,
)
from .mined_triplet import (
    MinedTripletLoss,
    mined_triplet,
)
from .miners import (
    Triplets,
    batch_easy_hard,
    batch_hard,
    distance_weighted,
    semi_hard,
)
from .multi_label_confusion import (
    MultiLabelConfusionMatrix,
)
from .multi_similarity import (
    MultiSimilarityLoss,
    multi_similarity,
)
from .nca import (
    NCALoss,
    nca,
)
from .npairs import (
    BatchNPairsLoss,
    NpairsLoss,
    NpairsMultilabelLoss,
    batch_n_pairs,
    npairs,
    npairs_multilabel,
)
from .nt_xent import (
    NTXentLoss,
    nt_xent,
)
from .pair_miners import (
    multi_similarity_pairs,
    pair_margin_pairs,
)
from .pearson import (
    PearsonCorrelation,
    pearson,
)
from .proxy_anchor import (
    ProxyAnchorLoss,
    proxy_anchor,
)
from .proxy_softmax import (
    NormalizedSoftmaxLoss,
    ProxyNCALoss,
    normalized_softmax,
    proxy_nca,
)
from .recall_at_k import (
    RecallAtK,
)
from .soft_spearman import (
    SoftSpearmanLoss,
    soft_spearman,
)
from .soft_triple import (
    SoftTripleLoss,
    soft_triple,
)
from .spearman import (
    SpearmanCorrelation,
    spearman,
)
from .sup_con import (
    SupConLoss,
    sup_con,
)
from .triplet_accuracy import (
    TripletAccuracy,
    triplet_accuracy,
)
from .triplet_batch_all import (
    TripletBatchAllLoss,
    triplet_batch_all,
)
from .triplet_embedding import (
    TripletEmbeddingLoss,
    triplet_embedding,
)
from .triplet_hard import (
    TripletHardLoss,
    triplet_hard,
)
from .triplet_semi_hard import (
    TripletSemiHardLoss,
    triplet_semi_hard,
)
from .tuplet_margin import (
    TupletMarginLoss,
    tuplet_margin,
)
from .weighted_tau import (
    WeightedTau,
    weighted_tau,
)

__all__ = [
    "AngularLoss",
    "ArcFaceLoss",
    "BatchContrastiveLoss",
    "BatchNPairsLoss",
    "CircleLoss",
    "ClassProxies",
    "CohenKappa",
    "ContrastiveLoss",
    "CosFaceLoss",
    "CosineSimilarity",
    "DotProductSimilarity",
    "EqualErrorRate",
    "FastAPLoss",
    "GeneralizedLiftedStructLoss",
    "HammingLoss",
    "IntraPairVarianceLoss",
    "KendallTau",
    "LargeMarginSoftmaxLoss",
    "LiftedStructLoss",
    "LpDistance",
    "MarginBeta",
    "MarginLoss",
    "MatthewsCorrelationCoefficient",
    "MeanAveragePrecisionAtR",
    "MinedTripletLoss",
    "MultiLabelConfusionMatrix",
    "MultiSimilarityLoss",
    "NCALoss",
    "NTXentLoss",
    "NormalizedSoftmaxLoss",
    "NpairsLoss",
    "NpairsMultilabelLoss",
    "PearsonCorrelation",
    "ProxyAnchorLoss",
    "ProxyNCALoss",
    "RecallAtK",
    "SNRDistance",
    "SoftSpearmanLoss",
    "SoftTripleLoss",
    "SpearmanCorrelation",
    "SphereFaceLoss",
    "SubCenterArcFaceLoss",
    "SupConLoss",
    "TripletAccuracy",
    "TripletBatchAllLoss",
    "TripletEmbeddingLoss",
    "TripletHardLoss",
    "TripletSemiHardLoss",
    "Triplets",
    "TupletMarginLoss",
    "WeightedTau",
    "angular",
    "angular_distance",
    "arc_face",
    "batch_contrastive",
    "batch_easy_hard",
    "batch_hard",
    "batch_n_pairs",
    "circle",
    "contrastive",
    "cos_face",
    "distance_weighted",
    "equal_error_rate",
    "fast_ap",
    "generalized_lifted_struct",
    "hamming_loss",
    "intra_pair_variance",
    "kendall_tau",
    "large_margin_softmax",
    "lifted_struct",
    "margin_loss",
    "mined_triplet",
    "multi_similarity",
    "multi_similarity_pairs",
    "nca",
    "normalized_softmax",
    "npairs",
    "npairs_multilabel",
    "nt_xent",
    "pair_margin_pairs",
    "pairwise_distance",
    "pearson",
    "proxy_anchor",
    "proxy_nca",
    "semi_hard",
    "soft_spearman",
    "soft_triple",
    "spearman",
    "sphere_face",
    "sub_center_arc_face",
    "sup_con",
    "triplet_accuracy",
    "triplet_batch_all",
    "triplet_embedding",
    "triplet_hard",
    "triplet_semi_hard",
    "tuplet_margin",
    "weighted_tau",
]

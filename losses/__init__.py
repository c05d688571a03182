"""Losses and metrics for Keras 3, written with keras.ops: they run on every Keras backend."""

from .angular import (
    AngularLoss,
    angular,
)
from .binary import (
    BCELoss,
    MarginHingeLoss,
    SoftMarginLoss,
    bce,
    margin_hinge,
    soft_margin,
)
from .circle import (
    CircleLoss,
    circle,
)
from .class_nll import (
    ClassNLLLoss,
    CrossEntropyLoss,
    class_nll,
    cross_entropy,
)
from .class_proxies import (
    ClassProxies,
)
from .class_simplex import (
    ClassSimplexLoss,
    class_simplex,
    simplex_corners,
)
from .cohen_kappa import (
    CohenKappa,
)
from .confusion_matrix import (
    ConfusionMatrix,
)
from .contrastive import (
    BatchContrastiveLoss,
    ContrastiveLoss,
    batch_contrastive,
    contrastive,
)
from .distance_ratio import (
    DistanceRatioLoss,
    distance_ratio,
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
from .giou import (
    GIoULoss,
    giou,
)
from .hamming import (
    HammingLoss,
    hamming_loss,
)
from .huber import (
    HuberLoss,
    SmoothL1Loss,
    huber,
    smooth_l1,
)
from .intra_pair_variance import (
    IntraPairVarianceLoss,
    intra_pair_variance,
)
from .kendall import (
    KendallTau,
    kendall_tau,
)
from .l1_cost import (
    L1CostLoss,
    l1_cost,
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
from .likelihood import (
    GaussianNLLLoss,
    KLDivLoss,
    PoissonNLLLoss,
    gaussian_nll,
    kl_div,
    poisson_nll,
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
from .multi_margin import (
    MultiLabelMarginLoss,
    MultiLabelSoftMarginLoss,
    MultiMarginLoss,
    multi_label_margin,
    multi_label_soft_margin,
    multi_margin,
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
from .pair_embedding import (
    CosineEmbeddingLoss,
    HingeEmbeddingLoss,
    MarginRankingLoss,
    cosine_embedding,
    hinge_embedding,
    margin_ranking,
)
from .pair_miners import (
    multi_similarity_pairs,
    pair_margin_pairs,
)
from .pearson import (
    PearsonCorrelation,
    pearson,
)
from .pinball import (
    PinballLoss,
    pinball,
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
from .regression import (
    L1Loss,
    MSELoss,
    absolute_error,
    squared_error,
)
from .sequence import (
    SequenceLoss,
)
from .sigmoid_focal import (
    SigmoidFocalCrossEntropy,
    sigmoid_focal_crossentropy,
)
from .soft_spearman import (
    SoftSpearmanLoss,
    soft_spearman,
)
from .soft_triple import (
    SoftTripleLoss,
    soft_triple,
)
from .sparsemax import (
    SparsemaxLoss,
    sparsemax,
    sparsemax_loss,
)
from .spearman import (
    SpearmanCorrelation,
    spearman,
)
from .sup_con import (
    SupConLoss,
    sup_con,
)
from .torch_criterions import (
    from_torch,
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
from .triplet_margin import (
    TripletMarginLoss,
    triplet_margin,
)
from .triplet_semi_hard import (
    TripletSemiHardLoss,
    triplet_semi_hard,
)
from .tuplet_margin import (
    TupletMarginLoss,
    tuplet_margin,
)
from .weighted_kappa import (
    WeightedKappaLoss,
    weighted_kappa,
)
from .weighted_sum import (
    TableLoss,
    WeightedSumLoss,
)
from .weighted_tau import (
    WeightedTau,
    weighted_tau,
)

__all__ = [
    "AngularLoss",
    "ArcFaceLoss",
    "BCELoss",
    "BatchContrastiveLoss",
    "BatchNPairsLoss",
    "CircleLoss",
    "ClassNLLLoss",
    "ClassProxies",
    "ClassSimplexLoss",
    "CohenKappa",
    "ConfusionMatrix",
    "ContrastiveLoss",
    "CosFaceLoss",
    "CosineEmbeddingLoss",
    "CosineSimilarity",
    "CrossEntropyLoss",
    "DistanceRatioLoss",
    "DotProductSimilarity",
    "EqualErrorRate",
    "FastAPLoss",
    "GIoULoss",
    "GaussianNLLLoss",
    "GeneralizedLiftedStructLoss",
    "HammingLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "IntraPairVarianceLoss",
    "KLDivLoss",
    "KendallTau",
    "L1CostLoss",
    "L1Loss",
    "LargeMarginSoftmaxLoss",
    "LiftedStructLoss",
    "LpDistance",
    "MSELoss",
    "MarginBeta",
    "MarginHingeLoss",
    "MarginLoss",
    "MarginRankingLoss",
    "MatthewsCorrelationCoefficient",
    "MeanAveragePrecisionAtR",
    "MinedTripletLoss",
    "MultiLabelConfusionMatrix",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "MultiSimilarityLoss",
    "NCALoss",
    "NTXentLoss",
    "NormalizedSoftmaxLoss",
    "NpairsLoss",
    "NpairsMultilabelLoss",
    "PearsonCorrelation",
    "PinballLoss",
    "PoissonNLLLoss",
    "ProxyAnchorLoss",
    "ProxyNCALoss",
    "RecallAtK",
    "SNRDistance",
    "SequenceLoss",
    "SigmoidFocalCrossEntropy",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "SoftSpearmanLoss",
    "SoftTripleLoss",
    "SparsemaxLoss",
    "SpearmanCorrelation",
    "SphereFaceLoss",
    "SubCenterArcFaceLoss",
    "SupConLoss",
    "TableLoss",
    "TripletAccuracy",
    "TripletBatchAllLoss",
    "TripletEmbeddingLoss",
    "TripletHardLoss",
    "TripletMarginLoss",
    "TripletSemiHardLoss",
    "Triplets",
    "TupletMarginLoss",
    "WeightedKappaLoss",
    "WeightedSumLoss",
    "WeightedTau",
    "absolute_error",
    "angular",
    "angular_distance",
    "arc_face",
    "batch_contrastive",
    "batch_easy_hard",
    "batch_hard",
    "batch_n_pairs",
    "bce",
    "circle",
    "class_nll",
    "class_simplex",
    "contrastive",
    "cos_face",
    "cosine_embedding",
    "cross_entropy",
    "distance_ratio",
    "distance_weighted",
    "equal_error_rate",
    "fast_ap",
    "from_torch",
    "gaussian_nll",
    "generalized_lifted_struct",
    "giou",
    "hamming_loss",
    "hinge_embedding",
    "huber",
    "intra_pair_variance",
    "kendall_tau",
    "kl_div",
    "l1_cost",
    "large_margin_softmax",
    "lifted_struct",
    "margin_hinge",
    "margin_loss",
    "margin_ranking",
    "mined_triplet",
    "multi_label_margin",
    "multi_label_soft_margin",
    "multi_margin",
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
    "pinball",
    "poisson_nll",
    "proxy_anchor",
    "proxy_nca",
    "semi_hard",
    "sigmoid_focal_crossentropy",
    "simplex_corners",
    "smooth_l1",
    "soft_margin",
    "soft_spearman",
    "soft_triple",
    "sparsemax",
    "sparsemax_loss",
    "spearman",
    "sphere_face",
    "squared_error",
    "sub_center_arc_face",
    "sup_con",
    "triplet_accuracy",
    "triplet_batch_all",
    "triplet_embedding",
    "triplet_hard",
    "triplet_margin",
    "triplet_semi_hard",
    "tuplet_margin",
    "weighted_kappa",
    "weighted_tau",
]

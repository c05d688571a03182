"""Every loss of embeddings that the package has, ready to be called on embeddings and labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

import losses

__all__ = ["BATCH_LOSSES", "CLASSES", "PROXY_LOSSES", "with_proxies"]

CLASSES = 10

# Losses of labels and embeddings.
BATCH_LOSSES: dict[str, Callable[[], keras.losses.Loss]] = {
    "semi_hard": losses.TripletSemiHardLoss,
    "semi_hard_squared": lambda: losses.TripletSemiHardLoss(0.3, "squared-L2"),
    "hard": losses.TripletHardLoss,
    "hard_soft": lambda: losses.TripletHardLoss(soft=True),
    "hard_cosine": lambda: losses.TripletHardLoss(0.2, distance_metric="cosine"),
    "batch_all": losses.TripletBatchAllLoss,
    "batch_all_swap": lambda: losses.TripletBatchAllLoss(swap=True, soft=True, reducer="mean"),
    "batch_all_p1": lambda: losses.TripletBatchAllLoss(distance_metric=losses.LpDistance(1)),
    "batch_all_semihard": lambda: losses.TripletBatchAllLoss(triplets="semihard"),
    "lifted": losses.LiftedStructLoss,
    "generalized_lifted": losses.GeneralizedLiftedStructLoss,
    "n_pairs": losses.BatchNPairsLoss,
    "contrastive": losses.BatchContrastiveLoss,
    "snr": lambda: losses.BatchContrastiveLoss(0.0, 0.5, losses.SNRDistance()),
    "contrastive_mined": lambda: losses.BatchContrastiveLoss(miner=losses.pair_margin_pairs),
    "nt_xent": losses.NTXentLoss,
    "sup_con": losses.SupConLoss,
    "multi_similarity": losses.MultiSimilarityLoss,
    "multi_similarity_mined": lambda: losses.MultiSimilarityLoss(
        miner=losses.multi_similarity_pairs
    ),
    "circle": losses.CircleLoss,
    "angular": losses.AngularLoss,
    "fast_ap": losses.FastAPLoss,
    "nca": losses.NCALoss,
    "tuplet_margin": losses.TupletMarginLoss,
    "intra_pair_variance": losses.IntraPairVarianceLoss,
    "margin": losses.MarginLoss,
    "mined_hard": losses.MinedTripletLoss,
    "mined_semi_hard": lambda: losses.MinedTripletLoss(0.5, losses.semi_hard),
    "mined_easy_hard": lambda: losses.MinedTripletLoss(0.5, losses.batch_easy_hard, "L2"),
    "mined_distance": lambda: losses.MinedTripletLoss(0.5, losses.distance_weighted),
}

# Losses of class indices and what a layer with weights makes of embeddings.
PROXY_LOSSES: dict[str, tuple[Callable[[], keras.losses.Loss], dict[str, Any]]] = {
    "proxy_anchor": (losses.ProxyAnchorLoss, {}),
    "proxy_nca": (losses.ProxyNCALoss, {}),
    "normalized_softmax": (losses.NormalizedSoftmaxLoss, {}),
    "arc_face": (losses.ArcFaceLoss, {}),
    "cos_face": (losses.CosFaceLoss, {}),
    "sub_center_arc_face": (losses.SubCenterArcFaceLoss, {"proxies_per_class": 3}),
    "soft_triple": (losses.SoftTripleLoss, {"proxies_per_class": 3}),
    "large_margin_softmax": (losses.LargeMarginSoftmaxLoss, {"magnitude": "both"}),
    "sphere_face": (losses.SphereFaceLoss, {"magnitude": "embedding"}),
    "margin_beta": (lambda: losses.MarginLoss(nu=0.1, betas=CLASSES), {"beta": 1.2}),
}


def with_proxies(name: str) -> tuple[keras.losses.Loss, keras.layers.Layer]:
    """A loss of `PROXY_LOSSES` and its layer."""
    make, options = PROXY_LOSSES[name]
    kind = losses.MarginBeta if "beta" in options else losses.ClassProxies
    return make(), kind(CLASSES, **options)


def loss_of_embeddings(name: str) -> Callable[[Any, Any], Any]:
    """Any loss as a function of labels and embeddings, its layer's weights as they start."""
    if name in BATCH_LOSSES:
        return BATCH_LOSSES[name]()
    loss, layer = with_proxies(name)
    return lambda y, x: ops.mean(loss(y, layer(x)))

"""Losses of pairs and triplets against pytorch-metric-learning 2.9."""

import numpy as np
import pytest
from golden_losses import loss_cases
from metric_learning_golden import arguments, assert_matches, distance_of, parameters

import losses

LIFTED = {"neg_margin": "margin", "pos_margin": "positive_margin"}
NORMALISED = {"distance_metric": losses.LpDistance()}

# The original, ours, what it calls our arguments, and its defaults where ours differ.
LOSSES = {
    "TripletMarginLoss": (losses.triplet_batch_all, {}, {"margin": 0.05, **NORMALISED}),
    "ContrastiveLoss": (losses.batch_contrastive, {}, {}),
    "NTXentLoss": (losses.nt_xent, {}, {}),
    "SupConLoss": (losses.sup_con, {}, {}),
    "MultiSimilarityLoss": (losses.multi_similarity, {}, {}),
    "CircleLoss": (losses.circle, {}, {}),
    "LiftedStructureLoss": (losses.lifted_struct, LIFTED, NORMALISED),
    "GeneralizedLiftedStructureLoss": (losses.generalized_lifted_struct, LIFTED, {}),
    "NPairsLoss": (losses.batch_n_pairs, {}, {}),
    "AngularLoss": (losses.angular, {}, {}),
    "FastAPLoss": (losses.fast_ap, {}, {}),
    "NCALoss": (losses.nca, {}, {}),
    "TupletMarginLoss": (losses.tuplet_margin, {}, {}),
    "IntraPairVarianceLoss": (losses.intra_pair_variance, {}, {}),
    "SignalToNoiseRatioContrastiveLoss": (
        losses.batch_contrastive,
        {},
        {"distance_metric": losses.SNRDistance()},
    ),
}
COVERS = {"pml_losses": {*LOSSES, "MarginLoss"}}
EXEMPT: dict[str, dict[str, str]] = {}
CASES = [(name, case) for name in LOSSES for case in loss_cases("pml_losses", name)]


def mined(case, name, function, kwargs):
    """The function and arguments that stand for the miner of a case."""
    miner, labels = dict(case.spec["miner"]["kwargs"]), case.inputs["labels"]
    kind = case.spec["miner"]["class"]
    distance = distance_of(miner.pop("distance")) if "distance" in miner else None
    if kind == "TripletMarginMiner":
        options = {"triplets": miner["type_of_triplets"], "mining_margin": miner["margin"]}
        return function, {**kwargs, **options}
    if kind == "PairMarginMiner":
        margins = miner["pos_margin"], miner["neg_margin"]
        chosen = lambda y, x: losses.pair_margin_pairs(y, x, *margins)  # noqa: E731
        return function, {**kwargs, "miner": chosen}
    if kind == "MultiSimilarityMiner":
        chosen = lambda y, x: losses.multi_similarity_pairs(y, x, **miner)  # noqa: E731
        return function, {**kwargs, "miner": chosen}
    strategies = (
        miner if kind == "BatchEasyHardMiner" else {"pos_strategy": "hard", "neg_strategy": "hard"}
    )
    triplets = losses.batch_easy_hard(
        labels, case.inputs["embeddings"], distance_metric=distance, **strategies
    )
    return losses.mined_triplet, {**kwargs, "triplets": triplets}


@pytest.mark.parametrize(("name", "case"), parameters(CASES))
def test_golden(name, case):
    function, renamed, defaults = LOSSES[name]
    kwargs = {**defaults, **arguments(case, renamed)}
    weight = kwargs.pop("embedding_reg_weight", 0.0)
    kwargs.pop("embedding_regularizer", None)
    if "miner" in case.spec:
        function, kwargs = mined(case, name, function, kwargs)
    labels = case.inputs["labels"]
    if "ref_emb" in case.inputs:
        assert_matches(
            case,
            lambda x, ref: function(
                labels, x, **kwargs, reference=(case.inputs["ref_labels"], ref)
            ),
            ["embeddings", "ref_emb"],
        )
        return

    def total(x):
        # A regulariser of embeddings is one of the layer in Keras: the mean norm.
        loss = function(labels, x, **kwargs)
        return loss + weight * mean_norm(x) if weight else loss

    assert_matches(case, total, ["embeddings"])


def mean_norm(x):
    from keras import ops

    return ops.mean(ops.sqrt(ops.sum(ops.square(x), axis=1)))


@pytest.mark.parametrize("case", loss_cases("pml_losses", "MarginLoss"), ids=str)
def test_margin_loss(case):
    kwargs, labels = arguments(case), case.inputs["labels"]
    if "beta" not in case.params:
        assert_matches(case, lambda x: losses.margin_loss(labels, x, **kwargs), ["embeddings"])
        return
    kwargs.pop("beta")
    assert_matches(
        case,
        lambda x, beta: losses.margin_loss(labels, x, beta=beta, **kwargs),
        ["embeddings", "beta"],
    )


MINED = [
    case
    for case in loss_cases("pml_losses", "TripletMarginLoss")
    if case.spec.get("miner", {}).get("class") in ("BatchHardMiner", "BatchEasyHardMiner")
    and not {"duplicates", "all-identical", "rounding-sensitive", "zero-vector"} & case.tags
]


@pytest.mark.parametrize("case", MINED, ids=str)
def test_the_miner_finds_the_same_triplets(case):
    kwargs = mined(case, "TripletMarginLoss", losses.triplet_batch_all, {})[1]
    a, p, n, valid = (np.asarray(losses_array(part)) for part in kwargs["triplets"])
    indices = [case.aux[f"mined_{i}"] for i in (0, 1, 3 if "mined_3" in case.aux else 2)]
    ours = sorted(zip(a[valid], p[valid], n[valid], strict=True))
    assert ours == sorted(zip(*indices, strict=True))


def losses_array(tensor):
    from keras import ops

    return ops.convert_to_numpy(tensor)

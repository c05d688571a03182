"""Metrics against tensorflow-addons, scipy and scikit-learn; Keras's own where we have none."""

import keras
import numpy as np
import pytest
from golden_losses import classes, loss_cases

import losses

FLOAT32 = np.finfo("float32").eps

# Golden classes and what is compared with them.
COVERS = {
    "rank_metrics": {
        "spearmanr",
        "kendalltau",
        "pearsonr",
        "weightedtau",
        "somersd",
        "cohen_kappa_score",
        "matthews_corrcoef",
    },
    "tfa_metrics": {
        "CohenKappa",
        "HammingLoss",
        "KendallsTauB",
        "KendallsTauC",
        "MatthewsCorrelationCoefficient",
        "MultiLabelConfusionMatrix",
        "PearsonsCorrelation",
        "SpearmansRank",
    },
}
# What Keras itself has; the tests below compare Keras's own with the golden cases.
EXEMPT = {
    "rank_metrics": {
        "f1_score": "keras.metrics.F1Score agrees",
        "fbeta_score": "keras.metrics.FBetaScore agrees",
        "r2_score": "keras.metrics.R2Score agrees, but for a constant that is met exactly (NaN)",
    },
    "tfa_metrics": {
        "F1Score": "keras.metrics.F1Score agrees",
        "FBetaScore": "keras.metrics.FBetaScore agrees",
        "RSquare": "keras.metrics.R2Score agrees",
    },
}


def cases(family, *names):
    return [pytest.param(c, id=str(c)) for name in names for c in loss_cases(family, name)]


def assert_golden(value, case, *, eps=FLOAT32):
    value, expected = keras.ops.convert_to_numpy(value), np.asarray(case.output)
    assert value.shape == expected.shape
    # Sums in float32 on JAX, and float32 results, where scipy has float64.
    tolerance = case.tolerance() + 2 * eps
    np.testing.assert_allclose(value, expected, rtol=0, atol=tolerance, equal_nan=True)


def in_batches(metric, case, *names):
    """The result after the batches of the case."""
    start = 0
    for size in case.spec.get("batch_splits", [len(case.inputs[names[0]])]):
        batch = [case.inputs[name][start : start + size] for name in names]
        weight = case.inputs.get("sample_weight")
        metric.update_state(*batch, None if weight is None else weight[start : start + size])
        start += size
    return metric.result()


CORRELATIONS = {
    "spearmanr": losses.spearman,
    "kendalltau": losses.kendall_tau,
    "pearsonr": losses.pearson,
    "weightedtau": losses.weighted_tau,
    "somersd": lambda x, y: losses.kendall_tau(x, y, variant="d"),
}
METRICS = {
    "spearmanr": losses.SpearmanCorrelation,
    "kendalltau": losses.KendallTau,
    "pearsonr": losses.PearsonCorrelation,
    "weightedtau": losses.WeightedTau,
    "somersd": lambda **kwargs: losses.KendallTau("d", **kwargs),
}


@pytest.mark.parametrize("name", CORRELATIONS)
def test_functions_give_what_scipy_gives(name):
    for case in loss_cases("rank_metrics", name):
        value = CORRELATIONS[name](case.inputs["x"], case.inputs["y"], **case.kwargs)
        assert_golden(value, case)


@pytest.mark.parametrize("name", METRICS)
def test_metrics_give_it_over_batches(name):
    large = max(len(case.inputs["x"]) for case in loss_cases("rank_metrics", name))
    made = {}
    for case in loss_cases("rank_metrics", name)[::3]:
        key = str(case.kwargs)
        if key not in made:
            kwargs = {} if name == "pearsonr" else {"capacity": large}
            made[key] = METRICS[name](**case.kwargs, **kwargs, dtype="float64")
        metric, n = made[key], len(case.inputs["x"])
        metric.reset_state()
        for part in np.array_split(np.arange(n), min(3, n)):
            metric.update_state(case.inputs["x"][part], case.inputs["y"][part])
        assert_golden(metric.result(), case)


@pytest.mark.parametrize("case", cases("rank_metrics", "cohen_kappa_score"))
def test_cohen_kappa_is_scikit_learns(case):
    metric = losses.CohenKappa(len(case.kwargs["labels"]), case.kwargs["weights"])
    assert_golden(in_batches(metric, case, "y_true", "y_pred"), case)


@pytest.mark.parametrize("case", cases("rank_metrics", "matthews_corrcoef"))
def test_matthews_is_scikit_learns(case):
    metric = losses.MatthewsCorrelationCoefficient(1 + max(v.max() for v in case.inputs.values()))
    assert_golden(in_batches(metric, case, "y_true", "y_pred"), case)


@pytest.mark.parametrize("case", cases("tfa_metrics", "CohenKappa"))
def test_cohen_kappa_is_that_of_tensorflow_addons(case):
    metric = losses.CohenKappa(case.kwargs["num_classes"], case.kwargs["weightage"])
    assert_golden(in_batches(metric, case, "y_true", "y_pred"), case)


@pytest.mark.parametrize(
    "case",
    cases(
        "tfa_metrics", "HammingLoss", "MatthewsCorrelationCoefficient", "MultiLabelConfusionMatrix"
    ),
)
def test_class_metrics_are_those_of_tensorflow_addons(case):
    metric = getattr(losses, case.spec["class"])(**case.kwargs)
    assert_golden(in_batches(metric, case, "y_true", "y_pred"), case)


def binned(cls, case, **kwargs):
    """Our metric with the bins of tensorflow-addons, by default 100 between 0 and 1."""

    def edges(what):
        low, high = case.kwargs.get(f"{what}_min", 0), case.kwargs.get(f"{what}_max", 1)
        return np.linspace(low, high, case.kwargs.get(f"{what}_cutpoints", 100))

    return cls(edges=(edges("actual"), edges("preds")), **kwargs)


RANKS = {
    "KendallsTauB": (losses.KendallTau, {"variant": "b"}),
    "KendallsTauC": (losses.KendallTau, {"variant": "c"}),
    "SpearmansRank": (losses.SpearmanCorrelation, {}),
}


@pytest.mark.parametrize("case", cases("tfa_metrics", *RANKS))
def test_binned_correlations_are_those_of_tensorflow_addons(case):
    cls, kwargs = RANKS[case.spec["class"]]
    assert_golden(in_batches(binned(cls, case, **kwargs), case, "y_true", "y_pred"), case)


@pytest.mark.parametrize("case", cases("tfa_metrics", *RANKS, "PearsonsCorrelation"))
def test_exact_correlations_are_those_where_a_bin_is_a_value(case):
    if "approximate" in case.tags:  # PearsonsCorrelation of bin numbers; ours is of the values
        pytest.skip("the original has bins wider than a value")
    cls, kwargs = RANKS.get(case.spec["class"], (losses.PearsonCorrelation, {}))
    assert_golden(in_batches(cls(**kwargs), case, "y_true", "y_pred"), case)


def one_hot(case, name):
    return np.eye(len(case.kwargs["labels"]), dtype="float32")[case.inputs[name]]


@pytest.mark.parametrize("case", cases("rank_metrics", "f1_score", "fbeta_score"))
def test_keras_has_the_f_scores_of_scikit_learn(case):
    metric = keras.metrics.FBetaScore(case.kwargs["average"], case.kwargs.get("beta", 1.0))
    metric.update_state(one_hot(case, "y_true"), one_hot(case, "y_pred"))
    assert_golden(metric.result(), case)


@pytest.mark.parametrize("case", cases("tfa_metrics", "F1Score", "FBetaScore"))
def test_keras_has_the_f_scores_of_tensorflow_addons(case):
    kwargs = {k: v for k, v in case.kwargs.items() if k != "num_classes"}
    metric = getattr(keras.metrics, case.spec["class"])(**kwargs)
    assert_golden(in_batches(metric, case, "y_true", "y_pred"), case)


AGGREGATION = {
    "raw_values": None,
    "uniform_average": "uniform_average",
    "variance_weighted": "variance_weighted_average",
}
R_SQUARED = cases("tfa_metrics", "RSquare") + cases("rank_metrics", "r2_score")


@pytest.mark.parametrize("case", R_SQUARED)
def test_keras_has_r_squared(case):
    aggregation = AGGREGATION[case.kwargs.get("multioutput", "uniform_average")]
    metric = keras.metrics.R2Score(aggregation, case.kwargs.get("num_regressors", 0))
    y_true, y_pred = (
        np.reshape(case.inputs[name], (len(case.inputs[name]), -1)) for name in ("y_true", "y_pred")
    )
    metric.update_state(y_true, y_pred, case.inputs.get("sample_weight"))
    value = np.reshape(keras.ops.convert_to_numpy(metric.result()), case.output.shape)
    if case.spec["style"] == "constant and perfect":
        assert np.isnan(value)  # scikit-learn says 1
    else:
        assert_golden(value, case)


def test_every_golden_metric_is_covered_or_exempt():
    for family in ("rank_metrics", "tfa_metrics"):
        assert COVERS[family] | set(EXEMPT[family]) == set(classes(family))
        assert not COVERS[family] & set(EXEMPT[family])

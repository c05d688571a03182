"""Losses with learned proxies of classes against pytorch-metric-learning 2.9."""

import numpy as np
import pytest
from golden_losses import loss_cases
from keras import ops
from metric_learning_golden import arguments, assert_matches, of_layer, parameters

import losses

# The original, ours, the name of its weight, and arguments of our layer.
LOSSES = {
    "ProxyAnchorLoss": (losses.proxy_anchor, "proxies", {}),
    "ProxyNCALoss": (losses.proxy_nca, "proxies", {}),
    "ArcFaceLoss": (losses.arc_face, "W", {}),
    "CosFaceLoss": (losses.cos_face, "W", {}),
    "NormalizedSoftmaxLoss": (losses.normalized_softmax, "W", {}),
    "SphereFaceLoss": (losses.sphere_face, "W", {"magnitude": "embedding"}),
    "LargeMarginSoftmaxLoss": (losses.large_margin_softmax, "W", {"magnitude": "both"}),
    "SubCenterArcFaceLoss": (losses.sub_center_arc_face, "W", {}),
    "SoftTripleLoss": (losses.soft_triple, "fc", {}),
}
COVERS = {"pml_losses": set(LOSSES)}
EXEMPT: dict[str, dict[str, str]] = {}
CASES = [(name, case) for name in LOSSES for case in loss_cases("pml_losses", name)]


@pytest.mark.parametrize(("name", "case"), parameters(CASES))
def test_golden(name, case):
    function, weight, options = LOSSES[name]
    several = case.kwargs.get("sub_centers", case.kwargs.get("centers_per_class", 1))
    layer = losses.ClassProxies(case.kwargs["num_classes"], several, **options)

    def loss(x, proxies):
        proxies = ops.transpose(proxies) if weight == "proxies" else proxies
        cosines = of_layer(layer, "proxies", proxies, x)
        return ops.mean(function(case.inputs["labels"], cosines, **arguments(case)))

    assert_matches(case, loss, ["embeddings", weight])


def test_layer_shapes():
    x = np.ones((2, 3), "float32")
    for kwargs, shape in (
        ({}, (2, 5)),
        ({"proxies_per_class": 4}, (2, 5, 4)),
        ({"magnitude": "both"}, (2, 5, 2)),
    ):
        layer = losses.ClassProxies(5, **kwargs)
        assert tuple(layer(x).shape) == shape == layer.compute_output_shape((2, 3))
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_classes": 0}, "at least one class"),
        ({"num_classes": 2, "proxies_per_class": 0}, "one proxy"),
        ({"num_classes": 2, "magnitude": "weight"}, "magnitude None"),
        ({"num_classes": 2, "proxies_per_class": 2, "magnitude": "both"}, "magnitude None"),
    ],
)
def test_layer_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        losses.ClassProxies(**kwargs)
    with pytest.raises(ValueError, match=r"shape \(batch, d\)"):
        losses.ClassProxies(3)(np.ones((2, 3, 4), "float32"))

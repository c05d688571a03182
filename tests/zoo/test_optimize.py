"""`graph.optimize` on every network of the zoo."""

import keras
import numpy as np
import pytest

import graph
import zoo

# Smaller where the network allows it; the others have one size.
SMALLER = {
    "tiny_darknet": {"input_shape": (64, 64, 3)},
    "tiny_darknet_selfie": {"input_shape": (64, 64, 3)},
    "darknet_reference": {"input_shape": (96, 96, 3)},
    "alexnet": {"input_shape": (67, 67, 3), "classes": 10},
    "alexnet_paper": {"input_shape": (67, 67, 3), "classes": 10},
    "alexnet_torchvision": {"input_shape": (64, 64, 3), "classes": 10},
    "cnn_m_2048": {"classes": 10},
    "lstm": {"input_size": 12, "hidden": 8},
    "lstm_language_model": {"vocabulary": 30, "hidden": 8, "rho": 5},
}
DONE = {
    "tiny_darknet": {"folded": 15, "swapped": 1, "fused": 1},
    "darknet_reference": {"folded": 7},
    "lstm": {"joined": 4, "merged": 1},
    "lenet5_classic": {"folded": 1, "fused": 5},
    "alexnet": {"removed": 2, "fused": 8},  # Of this size the last maps are single pixels.
}


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_network_stays_what_it_is(name):
    model = zoo.create_model(name, **SMALLER.get(name, {}))
    generator = np.random.default_rng(0)
    model.set_weights(
        [generator.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else w for w in model.get_weights()]
    )
    x = [
        generator.integers(0, 9, (2, *[size or 5 for size in t.shape[1:]]))
        if "int" in t.dtype
        else generator.uniform(-1, 1, (2, *[size or 5 for size in t.shape[1:]])).astype("float32")
        for t in model.inputs
    ]
    fed = keras.tree.pack_sequence_as(model.input, x)
    for for_ in ("inference", "training"):
        result = graph.optimize(model, for_=for_)
        assert isinstance(result, graph.GModule)
        assert (result.input_names, result.output_names) == (model.input_names, model.output_names)
        pairs = zip(keras.tree.flatten(result(fed)), keras.tree.flatten(model(fed)), strict=True)
        for a, b in pairs:
            a, b = np.asarray(a), np.asarray(b)
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5 * np.abs(b).max())
        rules = dict(result.optimizations.rules)
        if for_ == "inference":
            assert rules and rules == DONE.get(name, rules)
        else:
            assert "removed" not in rules

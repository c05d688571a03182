"""Look inside one network on the backend of the process; run by test_looking_backends.py."""

import json
import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

import graph
from graph import pictures

L = keras.layers


class Own(keras.Model):
    """A model whose calls Keras has no record of."""

    def __init__(self):
        super().__init__(name="own")
        self.a, self.b = L.Dense(3, "tanh", name="a"), L.Dense(2, name="b")

    def call(self, x):
        return self.b(self.a(self.a(x)))


def data(*shape):
    return np.linspace(-1, 1, int(np.prod(shape)), dtype="float32").reshape(shape)


def network():
    x = keras.Input((8, 6, 2), name="image")
    y = L.Conv2D(4, 3, activation="relu", name="conv1")(x)
    y = L.LSTM(3, name="lstm")(L.Reshape((6, 16), name="rows")(y))
    model = keras.Model(x, L.Dense(3, "softmax", name="fc")(y), name="net")
    model.set_weights([data(*w.shape) + 0.1 for w in model.get_weights()])
    return model


def refused(function):
    try:
        function()
    except (RuntimeError, ImportError) as error:
        return f"{type(error).__name__}: {error}"
    return "not refused"


def main():
    """Print what every tool gives, as JSON; what cannot be had, its error."""
    model, x, y = network(), data(5, 8, 6, 2), np.array([0, 1, 2, 1, 0])
    found = {name: v.tolist() for name, v in graph.activations(model, x, batch_size=2).items()}
    found["per step"] = graph.activations(model, x, "lstm", per_step=True)["lstm"].tolist()
    found["mean"] = graph.activations(model, x, "conv1", reduce="mean")["conv1"].tolist()
    own = Own()
    own(data(1, 3))
    own.set_weights([data(*w.shape) for w in own.get_weights()])
    for name, value in graph.activations(own, data(4, 3), batch_size=3).items():
        found[f"own {name}"] = value.tolist()
    found["features"] = graph.features(model, x, "conv1", pooling="max").tolist()
    table = graph.layer_table(model)
    found["table"] = [table.parameters, table.multiply_adds, str(table)]
    for row in graph.layer_statistics(model, x).rows:
        found[f"statistics {row.name}"] = [row.mean, row.std, row.sparsity, row.dead, row.saturated]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pictures.filters(model, "conv1", path=place / "filters.png")
        pictures.feature_maps(model, x[0], "conv1", path=place / "maps.svg")
        pictures.activation_histograms(model, x, path=place / "histograms.png")
        found["occlusion"] = pictures.occlusion_map(
            model, x[1], output=1, size=3, stride=2
        ).tolist()
        gates = pictures.lstm_gates(model, x[0], "lstm", path=place / "gates.png")
        found["gates"] = gates["hidden"].tolist()
        graph.activations(model, x, "fc", to=place / "a.h5", batch_size=2)
        found["pictures"] = sorted(p.name for p in place.iterdir())
        model.compile("sgd", "sparse_categorical_crossentropy")
        page = graph.HTMLReport(place)
        model.fit(x, y, validation_data=(x, y), verbose=0, callbacks=[page])
        found["page"] = "of 5 samples right" in page.path.read_text()
    model = network()
    backend = keras.backend.backend()
    loss = "sparse_categorical_crossentropy"
    needs = {
        "slopes": lambda: [
            graph.activation_gradients(model, x, "conv1", output=1)["conv1"].tolist(),
            pictures.grad_cam(model, x[0], "conv1", output=2).tolist(),
            pictures.saliency(model, x[0], output=0).tolist(),
            [r.gradient_norm for r in graph.layer_statistics(model, x, targets=y, loss=loss).rows],
        ],
        "callback": lambda: graph.LayerStatistics(x, log_dir=tempfile.mkdtemp()).on_train_begin(),
    }
    for name, function in needs.items():
        able = backend == "tensorflow" or (backend == "torch" and name == "slopes")
        found[name] = function() if able else refused(function)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

"""gModule: what it computes, and that everything a Keras model does works."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import graph
from graph import gModule, nn


def ramp(*shape, step=0.1):
    return (np.arange(np.prod(shape)) * step - 0.7).reshape(shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def close(actual, expected, rtol=1e-5):
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=1e-6)


def mixer():
    """nngraph's first example: z = x1 + x2 * linear(x3)."""
    x1, x2, x3 = nn.Identity()(), nn.Identity()(), nn.Linear(4, 3)()
    z = nn.CAddTable()([x1, nn.CMulTable()([x2, x3])])
    return gModule([x1, x2, x3], [z], name="mixer")


MIXED = [ramp(2, 3), ramp(2, 3, step=0.3) + 1, ramp(2, 4, step=-0.2)]


class TestFirstExample:
    def test_value(self):
        model = mixer()
        z = model.forward(MIXED)
        weight, bias = map(np.asarray, model.parameters()[0])
        x1, x2, x3 = MIXED
        close(z, x1 + x2 * (x3 @ weight + bias))
        close(model(MIXED), z)
        close(model.predict(MIXED, verbose=0), z)

    def test_gradients(self):
        model = mixer()
        model.forward(MIXED)
        g = ramp(2, 3, step=0.5)
        gradients = model.backward(MIXED, g)
        (weight, bias), (gradWeight, gradBias) = model.parameters()
        _, x2, x3 = MIXED
        close(gradients[0], g)
        close(gradients[1], g * (x3 @ np.asarray(weight) + np.asarray(bias)))
        close(gradients[2], (g * x2) @ np.asarray(weight).T)
        close(gradWeight, x3.T @ (g * x2))
        close(gradBias, (g * x2).sum(0))

    def test_parameter_gradients_add_up_until_they_are_zeroed(self):
        model = mixer()
        g = ramp(2, 3)
        for _ in range(2):
            model.forward(MIXED)
            model.backward(MIXED, g)
        twice = [a.copy() for a in model.parameters()[1]]
        model.zeroGradParameters()
        assert not any(a.any() for a in model.parameters()[1])
        model.backward(MIXED, g)
        for once, both in zip(model.parameters()[1], twice, strict=True):
            close(2 * once, both)

    def test_central_differences(self):
        model = mixer()
        g = ramp(2, 3)
        model.forward(MIXED)
        gradients = model.backward(MIXED, g)
        for which in range(3):
            for place in [(0, 0), (1, 2)]:
                values = []
                for h in (1e-2, -1e-2):
                    moved = [x.copy() for x in MIXED]
                    moved[which][place] += h
                    values.append((model.forward(moved) * g).sum())
                slope = (values[0] - values[1]) / 2e-2
                assert gradients[which][place] == pytest.approx(slope, abs=2e-3)

    def test_nodes_and_modules(self):
        model = mixer()
        kinds = [n.module.torch_name for n in model.forwardnodes]
        assert kinds == ["Identity", "Identity", "Linear", "CMulTable", "CAddTable"]
        assert model.backwardnodes == model.forwardnodes[::-1]
        assert model.inputnodes == [model.forwardnodes[i] for i in (0, 1, 2)]
        assert model.outputnodes == model.forwardnodes[-1:]
        assert model.get(3) is model.forwardnodes[2].module
        assert model.get(-1) is model.get(5)
        assert model.get(3).output is None
        z = model.forward(MIXED)
        weight, bias = map(np.asarray, model.parameters()[0])
        close(model.get(3).output, MIXED[2] @ weight + bias)
        close(model.get(5).output, z)
        close(model.get(1).output, MIXED[0])
        for index in (0, 6, -6):
            with pytest.raises(graph.GraphError, match=f"mixer has no module {index}"):
                model.get(index)


SIZE, STATE = 3, 2


def lstm_cell():
    """nngraph's second example: {xt, prev_c, prev_h} -> {next_c, next_h}, eight Linears."""
    xt, prev_c, prev_h = nn.Identity()(), nn.Identity()(), nn.Identity()()

    def gate(name):
        from_x = nn.Linear(SIZE, STATE)(xt).annotate(name=f"{name}_x")
        from_h = nn.Linear(STATE, STATE)(prev_h).annotate(name=f"{name}_h")
        return nn.CAddTable()([from_x, from_h])

    in_gate = gate("i") - nn.Sigmoid()
    forget_gate = gate("f") - nn.Sigmoid()
    candidate = gate("g") - nn.Tanh()
    out_gate = gate("o") - nn.Sigmoid()
    kept = nn.CMulTable()([forget_gate, prev_c])
    next_c = nn.CAddTable()([kept, nn.CMulTable()([in_gate, candidate])])
    next_h = nn.CMulTable()([out_gate, next_c - nn.Tanh()])
    return gModule([xt, prev_c, prev_h], [next_c, next_h], name="lstm")


class TestLstmCell:
    x, c, h = ramp(5, SIZE), ramp(5, STATE, step=0.2), ramp(5, STATE, step=-0.1)

    def layers(self, model):
        names = [f"{gate}_{source}" for gate in "ifgo" for source in "xh"]
        model.build([(None, SIZE), (None, STATE), (None, STATE)])
        return {n: list(map(np.asarray, model.get_layer(n).weights)) for n in names}

    def test_equals_a_numpy_step(self):
        model = lstm_cell()
        w = self.layers(model)

        def gate(name):
            (wx, bx), (wh, bh) = w[name + "_x"], w[name + "_h"]
            return self.x @ wx + bx + self.h @ wh + bh

        next_c = sigmoid(gate("f")) * self.c + sigmoid(gate("i")) * np.tanh(gate("g"))
        next_h = sigmoid(gate("o")) * np.tanh(next_c)
        got_c, got_h = model.forward([self.x, self.c, self.h])
        close(got_c, next_c)
        close(got_h, next_h)
        assert len(model.parameters()[0]) == 16

    def test_equals_keras(self):
        model = lstm_cell()
        w = self.layers(model)
        cell = keras.layers.LSTMCell(STATE)
        cell.build((None, SIZE))
        cell.set_weights(
            [
                np.concatenate([w[f"{gate}_x"][0] for gate in "ifgo"], 1),
                np.concatenate([w[f"{gate}_h"][0] for gate in "ifgo"], 1),
                np.concatenate([w[f"{gate}_x"][1] + w[f"{gate}_h"][1] for gate in "ifgo"]),
            ]
        )
        _, (next_h, next_c) = cell(self.x, [self.h, self.c])
        got_c, got_h = model.predict([self.x, self.c, self.h], verbose=0)
        close(got_c, next_c)
        close(got_h, next_h)

    def test_gradient_of_one_of_two_outputs(self):
        model = lstm_cell()
        model.forward([self.x, self.c, self.h])
        zeros, ones = np.zeros((5, STATE)), np.ones((5, STATE))
        gradients = model.backward([self.x, self.c, self.h], [ones, zeros])
        w = self.layers(model)
        (wx, bx), (wh, bh) = w["f_x"], w["f_h"]
        forget_gate = sigmoid(self.x @ wx + bx + self.h @ wh + bh)
        close(gradients[1], forget_gate)  # What it lets through of prev_c.


def unsized():
    """Nothing in it tells a shape."""
    a, b = nn.Identity()().annotate(name="a"), nn.Identity()().annotate(name="b")
    joined = nn.JoinTable(1)([a, b - nn.Tanh()])
    y = joined - keras.layers.Dense(2, name="out")
    return gModule([a, b], [y])


A, B, Y = ramp(8, 3), ramp(8, 2), ramp(8, 2)


def expected_of(model):
    kernel, bias = map(np.asarray, model.get_layer("out").weights)
    return np.concatenate([A, np.tanh(B)], 1) @ kernel + bias


class TestLateShapes:
    def test_nothing_is_built_before(self):
        model = unsized()
        assert not model.is_lowered and not model.built
        assert model.layers == [] and model.inputs == ()
        with pytest.raises(graph.GraphError, match="shapes of .* are not known\n  fix: "):
            model.build()
        with pytest.raises(graph.GraphError, match="shapes of .* are not known"):
            model.to_keras()
        with pytest.raises(graph.GraphError, match="backward before forward"):
            model.backward([A, B], Y)

    @pytest.mark.parametrize(
        "first",
        [
            lambda m: m.forward([A, B]),
            lambda m: m([A, B]),
            lambda m: m((tf.constant(A), tf.constant(B))),
            lambda m: m({"b": B, "a": A}),
            lambda m: m.build([(None, 3), (None, 2)]),
            lambda m: m.build([(8, 3), (8, 2)]),
            lambda m: m.predict([A, B], verbose=0),
            lambda m: m.predict({"a": A, "b": B}, verbose=0),
            lambda m: m([keras.Input((3,)), keras.Input((2,))]),
        ],
    )
    def test_built_by_what_comes_first(self, first):
        model = unsized()
        first(model)
        assert model.is_lowered and model.built
        assert model.input_shape == [(None, 3), (None, 2)]
        close(model.forward([A, B]), expected_of(model))
        close(model.predict([A, B], verbose=0), expected_of(model))

    @pytest.mark.parametrize(
        "data",
        [
            lambda: {"x": [A, B], "y": Y},
            lambda: {"x": {"b": B, "a": A}, "y": Y},
            lambda: {"x": tf.data.Dataset.from_tensor_slices(((A, B), Y)).batch(4)},
            lambda: {"x": tf.data.Dataset.from_tensor_slices(({"a": A, "b": B}, Y)).batch(4)},
        ],
    )
    def test_fit_comes_first(self, data):
        model = unsized()
        model.compile("adam", "mse", metrics=["mae"])
        history = model.fit(**data(), epochs=2, verbose=0)
        assert set(history.history) == {"loss", "mae"}
        assert model.optimizer.iterations == (2 if "y" in data() else 4)
        before = model.evaluate([A, B], Y, verbose=0)[0]
        model.fit(**data(), epochs=60, verbose=0)
        assert model.evaluate([A, B], Y, verbose=0)[0] < 0.9 * before
        close(model.predict([A, B], verbose=0), expected_of(model))

    def test_fit_on_batches_that_are_made_one_by_one(self):
        class Batches(keras.utils.PyDataset):
            def __len__(self):
                return 2

            def __getitem__(self, i):
                return (A[4 * i :][:4], B[4 * i :][:4]), Y[4 * i :][:4]

        made = Batches()

        def generated():
            for i in range(2):
                seen.append(i)
                yield made[i]

        for data in (made, generated()):
            seen, model = [], unsized()
            model.compile("adam", "mse")
            history = model.fit(data, steps_per_epoch=2, verbose=0)
            assert model.optimizer.iterations == 2
            assert np.isfinite(history.history["loss"][0])
        assert seen == [0, 1]  # The batch that told the shapes was trained on too.

    def test_one_input(self):
        def net():
            x = nn.Tanh()()
            return gModule([x], [x - keras.layers.Dense(2)])

        for first in (
            lambda m: m.build((None, 3)),
            lambda m: m.build([None, 3]),
            lambda m: m.build([(None, 3)]),
            lambda m: m.forward([A]),
            lambda m: m([[1.0, 2.0, 3.0]]),
            lambda m: m.forward([[1, 2, 3], [4, 5, 6]]),
            lambda m: m.predict(A, verbose=0),
        ):
            model = net()
            first(model)
            assert model.input_shape == (None, 3)
            assert model.forward(A).shape == (8, 2)

    def test_the_learning_rate_and_frozen_state_survive_building(self):
        model = unsized()
        model.trainable = False
        model.compile(keras.optimizers.SGD(0.125), "mse")
        model.build([(None, 3), (None, 2)])
        assert model.trainable_variables == []
        assert float(model.optimizer.learning_rate) == 0.125

    def test_within_keras_models(self):
        outer = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), late_tanh()])
        assert outer.output_shape == (None, 4)
        sequential = keras.Sequential([keras.layers.Dense(4), late_tanh()])
        assert sequential(A).shape == (8, 4)

    def test_parameters_before_and_after_are_the_same(self):
        x = nn.Identity()()
        model = gModule([x], [x - nn.View(-1) - nn.Linear(6, 2)])
        assert not model.is_lowered
        before = model.parameters()[0]
        before[1].assign([3.0, 4.0])
        model.build((None, 2, 3))
        assert model.parameters()[0][1] is before[1]
        close(model.forward(np.zeros((1, 2, 3))), [[3, 4]])


def late_tanh():
    x = nn.Tanh()()
    return gModule([x], [x])


class TestSharing:
    def test_one_module_at_two_nodes(self):
        shared = nn.Linear(3, 2)
        a, b = graph.Input((3,)), graph.Input((3,))
        model = gModule([a, b], [nn.CSubTable()([shared(a), shared(b)])])
        variables, gradients = model.parameters()
        assert len(variables) == 2
        weight = np.asarray(variables[0])
        x, y, g = ramp(4, 3), ramp(4, 3, step=0.3), ramp(4, 2)
        close(model.forward([x, y]), (x - y) @ weight)
        model.backward([x, y], g)
        close(gradients[0], (x - y).T @ g)
        np.testing.assert_allclose(gradients[1], 0, atol=1e-6)
        assert sum(isinstance(layer, keras.layers.Dense) for layer in model.layers) == 1

    def test_one_module_in_two_models(self):
        shared = nn.Linear(3, 2)
        first_in, second_in = shared(), shared()
        first, second = gModule([first_in], [first_in]), gModule([second_in], [second_in])
        first.forward(ramp(4, 3))
        first.backward(ramp(4, 3), ramp(4, 2))
        assert second.parameters()[0][0] is first.parameters()[0][0]
        assert second.parameters()[1][0].any()

    def test_two_models_over_one_graph(self):
        x = nn.Linear(3, 4)()
        h = x - nn.Tanh()
        y = h - nn.Linear(4, 2)
        whole, features = gModule([x], [y]), gModule([x], [h])
        close(features.forward(A), np.tanh(whole.layers[1](A)))
        assert features.layers[1] is whole.layers[1]


class TestTables:
    def test_split(self):
        x = graph.Input((3, 2))
        first, second, third = nn.SplitTable(1)(x).split(3)
        model = gModule([x], [nn.CSubTable()([third, first]), second])
        data = ramp(4, 3, 2)
        a, b = model.forward(data)
        close(a, data[:, 2] - data[:, 0])
        close(b, data[:, 1])
        g = model.backward(data, [np.ones((4, 2)), np.full((4, 2), 5.0)])
        close(g, np.broadcast_to(np.array([-1.0, 5, 1])[:, None], (4, 3, 2)))

    def test_a_split_input(self):
        x = nn.Identity()()
        c, h = x.split(2)
        model = gModule([x], [nn.CAddTable()([nn.Linear(3, 2)(c), nn.Linear(4, 2)(h)])])
        assert model.is_lowered
        c, h = ramp(5, 3), ramp(5, 4)
        weights = [np.asarray(v) for v in model.parameters()[0]]
        expected = c @ weights[0] + weights[1] + h @ weights[2] + weights[3]
        close(model.forward([c, h]), expected)
        g = model.backward([c, h], np.ones((5, 2)))
        close(g[1], np.ones((5, 2)) @ weights[2].T)

    def test_nested_tables_go_in_and_out(self):
        x = nn.Identity()()
        swap = nn.ConcatTable(nn.SelectTable(2), nn.SelectTable(1))
        model = gModule([x], [swap(x)])
        a, b, c = ramp(2, 3), ramp(2, 4), ramp(2, 5)
        (got_b, got_c), got_a = model.forward([a, [b, c]])
        close(got_a, a), close(got_b, b), close(got_c, c)
        g = model.backward([a, [b, c]], [[2 * b, 3 * c], 4 * a])
        close(g[0], 4 * a), close(g[1][0], 2 * b), close(g[1][1], 3 * c)
        (got_b, _), got_a = model.predict([a, [b, c]], verbose=0)
        close(got_a, a), close(got_b, b)

    def test_a_table_of_inputs_of_one_node_among_others(self):
        x, y = graph.Input([(3,), (3,)]), graph.Input((3,))
        total = nn.CAddTable()(x)
        model = gModule([y, x], [nn.CSubTable()([total, y])])
        a, b, c = ramp(2, 3), ramp(2, 3, step=1), ramp(2, 3, step=-1)
        close(model.forward([c, [a, b]]), a + b - c)
        names = model.input_names
        fed = dict(zip(names, [c, a, b], strict=True))
        close(model.forward(fed), a + b - c)

    def test_a_list_of_nodes_as_an_input_of_a_node(self):
        a, b, c = (graph.Input((2,)) for _ in range(3))
        y = nn.ParallelTable(nn.Identity(), nn.CAddTable())([a, [b, c]])
        first, second = y.split(2)
        model = gModule([a, b, c], [first, second])
        x = [ramp(3, 2), ramp(3, 2, step=1), ramp(3, 2, step=2)]
        out = model.forward(x)
        close(out[0], x[0]), close(out[1], x[1] + x[2])

    def test_an_input_that_is_also_an_output(self):
        x = graph.Input((3,))
        model = gModule([x], [x, x - nn.Tanh(), x])
        first, second, third = model.forward(A)
        close(first, A), close(second, np.tanh(A)), close(third, A)
        ones = np.ones_like(A)
        close(model.backward(A, [ones, 0 * A, 2 * ones]), 3 * ones)
        close(model.predict(A, verbose=0)[1], np.tanh(A))


class TestModelsWithin:
    def test_a_model_is_a_module(self):
        inner = mixer()
        a, b, c = (nn.Identity()() for _ in range(3))
        outer = gModule([a, b, c], [inner([a, b, c - nn.Identity()]) - nn.Tanh()])
        close(outer.forward(MIXED), np.tanh(inner.forward(MIXED)))
        assert outer.parameters()[0][0] is inner.parameters()[0][0]

    def test_an_unbuilt_model(self):
        inner = late_tanh()
        x = graph.Input((3,))
        outer = gModule([x], [inner(x) - nn.Linear(3, 2)])
        assert inner.is_lowered
        close(outer.get(2).layer.predict(A, verbose=0), np.tanh(A))
        late = nn.Identity()()
        both = gModule([late], [late_tanh()(late)])
        close(both.forward(A), np.tanh(A))

    def test_a_model_within_a_sequential_within_a_model(self):
        inner = late_tanh()
        x = graph.Input((3,))
        linear = nn.Linear(3, 2)
        outer = gModule([x], [nn.Sequential(inner, linear)(x)])
        weight, bias = map(np.asarray, linear.named_parameters().values())
        close(outer.forward(A), np.tanh(A) @ weight + bias)

    def test_parameters_of_a_model_within_come_in_torchs_order(self):
        def tower(name):
            x = nn.Identity()()
            long = x - nn.Linear(3, 4) - nn.Tanh() - nn.Linear(4, 5)
            return gModule([x], [nn.JoinTable(1)([nn.Linear(3, 6)(x), long])], name=name)

        inner, plain = tower("inner"), tower("plain")
        x = graph.Input((3,))
        outer = gModule([x], [inner(x)])
        plain.build((None, 3))
        shapes = [v.shape for v in plain.parameters()[0]]
        assert shapes == [(3, 6), (6,), (3, 4), (4,), (4, 5), (5,)]
        assert [v.shape for v in outer.parameters()[0]] == shapes

    def test_a_model_used_twice(self):
        inner = late_tanh()
        x = graph.Input((3,))
        outer = gModule([x], [inner(inner(x))])
        close(outer.forward(A), np.tanh(np.tanh(A)))


class TestForwardAndBackward:
    def test_modes(self):
        x = graph.Input((100,))
        model = gModule([x], [x - nn.Dropout(0.5)])
        ones = np.ones((20, 100))
        assert (model.forward(ones) == 0).any()
        assert model.evaluate() is model
        assert not (model.forward(ones) == 0).any()
        assert model.training() is model
        assert (model.forward(ones) == 0).any()

    def test_evaluate_with_data_is_keras_evaluate(self):
        x = graph.Input((3,))
        model = gModule([x], [x])
        model.compile(loss="mse")
        assert model.evaluate(A, A + 2, verbose=0) == pytest.approx(4)

    def test_a_batch_of_another_size(self):
        model = mixer()
        for n in (1, 5, 2):
            x = [ramp(n, 3), ramp(n, 3), ramp(n, 4)]
            assert model.forward(x).shape == (n, 3)
            assert [g.shape for g in model.backward(x, ramp(n, 3))] == [(n, 3), (n, 3), (n, 4)]

    def test_inputs_in_double_precision_and_integers(self):
        model = mixer()
        doubled = [x.astype("float64") for x in MIXED]
        z = model.forward(MIXED)
        close(model.forward(doubled), z)
        whole = [np.ones((2, n), "int64") for n in (3, 3, 4)]
        close(model.forward(whole), model.forward([x.astype("float32") for x in whole]))

    def test_what_backward_refuses(self):
        model = mixer()
        model.forward(MIXED)
        for g in (ramp(2, 4), ramp(3), [ramp(2, 3), ramp(2, 3)], ramp(2, 3, 1)):
            with pytest.raises(graph.GraphError, match="gradOutput must be"):
                model.backward(MIXED, g)
        with pytest.raises(graph.GraphError, match="another input than forward was"):
            model.backward([x[:1] for x in MIXED], ramp(2, 3))
        assert not any(a.any() for a in model.parameters()[1])

    def test_a_path_without_gradient_gives_zeros(self):
        x, y = graph.Input((3,)), graph.Input((3,))
        stop = keras.layers.Lambda(lambda t: keras.ops.stop_gradient(t), output_shape=(3,))
        model = gModule([x, y], [nn.CAddTable()([x, y - stop])])
        model.forward([A, A])
        a, b = model.backward([A, A], A)
        close(a, A), close(b, 0 * A)

    def test_batch_statistics_are_updated(self):
        norm = keras.layers.BatchNormalization(momentum=0.5)
        x = graph.Input((3,))
        model = gModule([x], [x - norm])
        model.forward(A)
        close(norm.moving_mean, A.mean(0) / 2)
        model.evaluate().forward(A)
        close(norm.moving_mean, A.mean(0) / 2)


class TestAsAKerasModel:
    @pytest.fixture
    def model(self):
        x = graph.Input((3,)).annotate(name="x")
        h = nn.Linear(3, 4)(x).annotate(name="fc1")
        return gModule([x], [nn.Linear(4, 2)(h - nn.Tanh()).annotate(name="fc2")], name="net")

    def test_it_trains(self, model):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(256, 3))
        y = np.tanh(x @ rng.normal(size=(3, 2)))
        model.compile(keras.optimizers.Adam(0.02), "mse")
        first = model.evaluate(x, y, verbose=0)
        model.fit(x, y, epochs=20, verbose=0)
        assert model.evaluate(x, y, verbose=0) < 0.05 * first

    def test_summary_names_the_nodes(self, model):
        lines = []
        model.summary(print_fn=lines.append)
        assert all(name in "\n".join(lines) for name in ("net", "fc1", "fc2", "(None, 4)"))

    def test_an_unbuilt_model_has_a_summary_too(self):
        lines = []
        late_tanh().summary(print_fn=lines.append)
        assert lines

    def test_feature_extraction(self, model):
        features = keras.Model(model.inputs, model.get_layer("fc1").output)
        model.forward(A)
        close(features.predict(A, verbose=0), model.get(2).output)

    def test_plot_model(self, model, tmp_path):
        pytest.importorskip("pydot")
        keras.utils.plot_model(model, str(tmp_path / "net.dot"), show_layer_names=True)
        text = (tmp_path / "net.dot").read_text()
        assert "fc1" in text and "fc2" in text

    def test_clone_model(self, model):
        copy = keras.models.clone_model(model)  # Of Keras's class: it clones layers, not graphs.
        assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
        copy.set_weights(model.get_weights())
        close(copy.predict(A, verbose=0), model.predict(A, verbose=0))
        copy.get_layer("fc1").set_weights([w * 0 for w in copy.get_layer("fc1").get_weights()])
        assert model.get_layer("fc1").get_weights()[0].any()

    def test_input_and_output_names(self, model):
        assert model.input_names == ["x"] and model.output_names == ["fc2"]
        close(model.predict({"x": A}, verbose=0), model.predict(A, verbose=0))

    def test_default_names_count_up(self):
        first, second = late_tanh(), late_tanh()
        assert first.name != second.name and first.name.startswith("g_module")

    def test_a_gradient_tape_of_the_users_own(self, model):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model(A, training=True) ** 2)
        gradients = tape.gradient(loss, model.trainable_variables)
        assert len(gradients) == 4 and all(g is not None for g in gradients)

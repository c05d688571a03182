"""nngraph's own test list, behaviour by behaviour, written anew.

After torch/nngraph test/test_nngraph.lua, test_nest.lua, test_connectivity.lua, test_debug.lua,
test_JustElement.lua, test_JustTable.lua and test_ModuleFromCriterion.lua.
"""

import keras
import numpy as np
import pytest

import graph
from graph import GraphError, gModule, nn


def numbers(*shape, start=0.0):
    return np.linspace(start - 1, start + 1, int(np.prod(shape))).reshape(shape)


def check_gradients(model, x, rtol=2e-3):
    """Central differences of sum(w * output) for every input value and parameter."""
    y = model.forward(x)
    leaves = graph.table.flatten(y)
    weights = [numbers(*leaf.shape, start=0.3) for leaf in leaves]
    nested = graph.table.unflatten(y, iter(weights))
    model.zeroGradParameters()
    gradient = model.backward(x, nested)

    def value():
        outputs = graph.table.flatten(model.forward(x))
        return sum((w * o).sum() for w, o in zip(weights, outputs, strict=True))

    h = 1e-2
    for array, slope in zip(graph.table.flatten(x), graph.table.flatten(gradient), strict=True):
        for i in np.ndindex(array.shape):
            kept = array[i]
            array[i] = kept + h
            above = value()
            array[i] = kept - h
            below = value()
            array[i] = kept
            assert slope[i] == pytest.approx((above - below) / (2 * h), rel=rtol, abs=rtol)
    for parameter, slope in zip(*model.parameters(), strict=True):
        kept = parameter.numpy()
        for i in np.ndindex(kept.shape):
            changed = kept.copy()
            changed[i] += h
            parameter.assign(changed)
            above = value()
            changed[i] -= 2 * h
            parameter.assign(changed)
            below = value()
            parameter.assign(kept)
            assert slope[i] == pytest.approx((above - below) / (2 * h), rel=rtol, abs=rtol)


class TestNngraph:
    def test_one_output(self):
        x = nn.Identity()()
        model = gModule([x], [nn.Tanh()(x)])
        data = numbers(2, 3)
        np.testing.assert_allclose(model.forward(data), np.tanh(data), rtol=1e-6)
        check_gradients(model, data)

    def test_two_outputs(self):
        x = nn.Identity()()
        model = gModule([x], [nn.Tanh()(x), nn.Sigmoid()(x)])
        data = numbers(2, 3)
        a, b = model.forward(data)
        np.testing.assert_allclose(a, np.tanh(data), rtol=1e-6)
        np.testing.assert_allclose(b, 1 / (1 + np.exp(-data)), rtol=1e-6)
        check_gradients(model, data)

    def test_two_gradients_of_one_node_add_up(self):
        x = nn.Identity()()
        shared = nn.Sigmoid()(x)
        model = gModule([x], [nn.Tanh()(shared), nn.CMulTable()([shared, shared])])
        check_gradients(model, numbers(2, 3))

    def test_two_inputs(self):
        a, b = nn.Identity()(), nn.Identity()()
        model = gModule([a, b], [nn.CAddTable()([nn.Tanh()(a), nn.Linear(3, 4)(b)])])
        check_gradients(model, [numbers(2, 4), numbers(2, 3)])

    def test_inputs_are_named_in_the_order_given(self):
        a, b = nn.Identity()(), nn.Identity()()
        forth = gModule([a, b], [nn.CSubTable()([a, b])])
        a, b = nn.Identity()(), nn.Identity()()
        back = gModule([b, a], [nn.CSubTable()([a, b])])
        x, y = numbers(2, 3), numbers(2, 3, start=5)
        np.testing.assert_allclose(forth.forward([x, y]), x - y, rtol=1e-6)
        np.testing.assert_allclose(back.forward([x, y]), y - x, rtol=1e-6)

    def test_identity_passes_input_and_gradient(self):
        x = nn.Identity()()
        model = gModule([x], [x])
        data = numbers(2, 3).astype("float32")
        np.testing.assert_array_equal(model.forward(data), data)
        np.testing.assert_array_equal(model.backward(data, 3 * data), 3 * data)

    def test_input_that_is_also_an_output(self):
        x = nn.Identity()()
        model = gModule([x], [x, nn.Tanh()(x)])
        data = numbers(2, 3)
        same, tanh = model.forward(data)
        np.testing.assert_allclose(same, data, rtol=1e-6)
        check_gradients(model, data)

    def test_one_input_that_is_a_table(self):
        x = nn.Identity()()
        model = gModule([x], [nn.CMulTable()(x)])
        data = [numbers(2, 3), numbers(2, 3, start=2)]
        np.testing.assert_allclose(model.forward(data), data[0] * data[1], rtol=1e-5)
        check_gradients(model, data)

    def test_table_passes_through_untouched(self):
        x = nn.Identity()()
        model = gModule([x], [nn.Identity()(x)])
        data = [numbers(2, 3), [numbers(2, 4), numbers(2, 1)]]
        a, (b, c) = model.forward(data)
        for ours, given in zip((a, b, c), (data[0], *data[1]), strict=True):
            np.testing.assert_allclose(ours, given, rtol=1e-6)

    def test_parameters_accumulate_and_are_zeroed(self):
        x = nn.Linear(3, 2)()
        model = gModule([x], [nn.Tanh()(x)])
        data, slope = numbers(4, 3), numbers(4, 2)
        model.zeroGradParameters()
        model.forward(data)
        model.backward(data, slope)
        once = [g.copy() for g in model.parameters()[1]]
        model.backward(data, slope)
        for one, two in zip(once, model.parameters()[1], strict=True):
            assert np.abs(one).max() > 0
            np.testing.assert_allclose(two, 2 * one, rtol=1e-5)
        model.zeroGradParameters()
        assert all((g == 0).all() for g in model.parameters()[1])

    def test_the_readmes_first_example(self):
        h1 = nn.Linear(20, 10)()
        h2 = nn.Linear(10, 1)(nn.Tanh()(nn.Linear(10, 10)(nn.Tanh()(h1))))
        model = gModule([h1], [h2])
        y = data = numbers(2, 20)
        for weight, bias in zip(*[iter(model.parameters()[0])] * 2, strict=True):
            y = y @ np.asarray(weight) + np.asarray(bias)
            if weight.shape[1] != 1:
                y = np.tanh(y)
        np.testing.assert_allclose(model.forward(data), y, rtol=1e-5)

    def test_the_readmes_second_example(self):
        h1, h2 = nn.Linear(20, 20)(), nn.Linear(10, 10)()
        hh1 = nn.Linear(20, 1)(nn.Tanh()(h1))
        hh2 = nn.Linear(10, 1)(nn.Tanh()(h2))
        madd = nn.CAddTable()([hh1, hh2])
        model = gModule([h1, h2], [nn.Sigmoid()(madd), nn.Tanh()(madd)])
        a, b = model.forward([numbers(2, 20), numbers(2, 10)])
        total = np.log(a / (1 - a))
        np.testing.assert_allclose(np.tanh(total), b, rtol=1e-4)

    def test_dash_notation(self):
        x = -nn.Identity()
        y = x - nn.Linear(3, 2) - nn.Tanh()
        model = gModule([x], [y])
        by_call = gModule([x], [y])
        data = numbers(2, 3)
        np.testing.assert_array_equal(model.forward(data), by_call.forward(data))
        a, b = -nn.Identity(), -nn.Identity()
        both = gModule([a, b], [[a, b] - nn.CAddTable() - nn.Tanh()])
        np.testing.assert_allclose(both.forward([data, data]), np.tanh(2 * data), rtol=1e-5)

    def test_residual_block(self):
        x = nn.Identity()()
        inner = x - nn.Linear(3, 3) - nn.ReLU() - nn.Linear(3, 3)
        check_gradients(gModule([x], [nn.Tanh()(nn.CAddTable()([inner, x]))]), numbers(2, 3))

    def test_shared_module(self):
        linear = nn.Linear(3, 3)
        x = nn.Identity()()
        model = gModule([x], [linear(nn.Tanh()(linear(x)))])
        assert len(model.parameters()[0]) == 2
        check_gradients(model, numbers(2, 3))

    def test_split_and_select(self):
        x = nn.Identity()()
        a, b, c = nn.SplitTable(1)(x).split(3)
        model = gModule([x], [nn.CSubTable()([nn.CAddTable()([a, c]), b])])
        data = numbers(2, 3, 4)
        np.testing.assert_allclose(
            model.forward(data), data[:, 0] + data[:, 2] - data[:, 1], rtol=1e-5
        )
        check_gradients(model, data)

    def test_split_of_one(self):
        x = nn.Identity()()
        (only,) = nn.SplitTable(1)(x).split(1)
        data = numbers(2, 1, 4)
        model = gModule([x], [nn.Tanh()(only)])
        np.testing.assert_allclose(model.forward(data), np.tanh(data[:, 0]), rtol=1e-6)

    def test_split_input(self):
        x = nn.Identity()()
        a, b = x.split(2)
        model = gModule([x], [nn.CSubTable()([b, a])])
        data = [numbers(2, 3), numbers(2, 3, start=4)]
        np.testing.assert_allclose(model.forward(data), data[1] - data[0], rtol=1e-6)
        check_gradients(model, data)

    def test_whole_and_parts_of_a_split(self):
        x = nn.Identity()()
        table = nn.ConcatTable(nn.Tanh(), nn.Sigmoid())(x)
        a, b = table.split(2)
        model = gModule([x], [nn.CAddTable()(table), nn.CSubTable()([a, b])])
        check_gradients(model, numbers(2, 3))

    def test_split_of_a_nested_table(self):
        x = nn.Identity()()
        first, rest = x.split(2)
        a, b = rest.split(2)
        model = gModule([x], [nn.CAddTable()([first, nn.CMulTable()([a, b])])])
        p, q, r = numbers(2, 3), numbers(2, 3, start=1), numbers(2, 3, start=2)
        np.testing.assert_allclose(model.forward([p, [q, r]]), p + q * r, rtol=1e-5)

    def test_gmodule_in_gmodule(self):
        a, b = nn.Identity()(), nn.Identity()()
        inner = gModule([a, b], [nn.CMulTable()([a, nn.Linear(3, 3)(b)])])
        x, y = nn.Identity()(), nn.Identity()()
        outer = gModule([x, y], [nn.Tanh()(inner([x, nn.Sigmoid()(y)]))])
        check_gradients(outer, [numbers(2, 3), numbers(2, 3, start=1)])

    def test_gmodule_inside_sequential_inside_gmodule(self):
        a = nn.Linear(3, 4)()
        inner = gModule([a], [nn.Tanh()(a)])
        x = nn.Identity()()
        model = gModule([x], [nn.Sequential(inner, nn.Linear(4, 2))(x)])
        assert len(model.parameters()[0]) == 4
        check_gradients(model, numbers(2, 3))

    def test_gmodule_with_two_outputs_feeds_two_readers(self):
        a = nn.Identity()()
        inner = gModule([a], [nn.Tanh()(a), nn.Sigmoid()(a)])
        x = nn.Identity()()
        p, q = inner(x).split(2)
        check_gradients(gModule([x], [nn.CMulTable()([p, q])]), numbers(2, 3))

    def test_output_is_looked_at_module_by_module(self):
        x = nn.Identity()()
        model = gModule([x], [nn.Sigmoid()(nn.Tanh()(x))])
        data = numbers(2, 3)
        model.forward(data)
        np.testing.assert_allclose(model.get(2).output, np.tanh(data), rtol=1e-6)


class TestNest:
    def test_nest_makes_a_table_of_nodes(self):
        a, b, c = (nn.Identity()() for _ in range(3))
        nested = graph.nest([a, [b, c]])
        model = gModule([a, b, c], [nested])
        x, y, z = (numbers(2, 3, start=i) for i in range(3))
        p, (q, r) = model.forward([x, y, z])
        for ours, given in zip((p, q, r), (x, y, z), strict=True):
            np.testing.assert_allclose(ours, given, rtol=1e-6)

    def test_nested_list_in_a_call_is_nested_too(self):
        a, b, c = (nn.Identity()() for _ in range(3))
        table = nn.ParallelTable(nn.Tanh(), nn.CAddTable())([a, [b, c]])
        model = gModule([a, b, c], [nn.CMulTable()(table)])
        check_gradients(model, [numbers(2, 3, start=i) for i in range(3)])

    def test_nest_of_one_is_a_table_of_one(self):
        a = nn.Identity()()
        model = gModule([a], [nn.CAddTable()(graph.nest([a]))])
        data = numbers(2, 3)
        np.testing.assert_allclose(model.forward(data), data, rtol=1e-6)

    def test_nest_refuses_what_is_no_node(self):
        with pytest.raises(GraphError, match="not a node"):
            graph.nest([nn.Identity()(), [None]])


class TestConnectivity:
    def test_module_without_the_second_parentheses(self):
        with pytest.raises(GraphError, match=r"did you forget a second \(\)"):
            nn.Linear(3, 2)(nn.Identity())
        with pytest.raises(GraphError, match=r"(?s)inputs\[2\].*second \(\)"):
            nn.CAddTable()([nn.Identity()(), nn.Identity()])

    def test_module_among_inputs_or_outputs(self):
        x = nn.Identity()()
        with pytest.raises(GraphError, match=r"inputs\[1\] is an nn.Identity"):
            gModule([nn.Identity()], [x])
        with pytest.raises(GraphError, match=r"outputs\[1\] is an nn.Tanh"):
            gModule([x], [nn.Tanh()])

    def test_none_among_inputs(self):
        with pytest.raises(GraphError, match="None"):
            nn.Tanh()(None)
        with pytest.raises(GraphError, match=r"inputs\[2\] is None"):
            nn.CAddTable()([nn.Identity()(), None])

    def test_unused_input_is_named_with_its_line(self):
        a, b = nn.Identity()(), nn.Identity()().annotate(name="lost")
        with pytest.raises(GraphError, match=r"'lost'.*test_nngraph.py:\d+.*unused"):
            gModule([a, b], [nn.Tanh()(a)])

    def test_unused_split_output(self):
        x = nn.Identity()()
        a, b, c = x.split(3)
        with pytest.raises(GraphError, match=r"1 of the split\(3\) outputs .* unused: 3"):
            gModule([x], [nn.CAddTable()([a, b])])

    def test_split_into_too_few_or_too_many(self):
        for count in (2, 4):
            x = nn.Identity()()
            parts = nn.SplitTable(1)(x).split(count)
            with pytest.raises(GraphError, match="table of 3"):
                gModule([x], [nn.CAddTable()(list(parts))]).forward(numbers(2, 3, 4))

    def test_split_twice(self):
        x = nn.Identity()()
        x.split(2)
        with pytest.raises(GraphError, match="split already"):
            x.split(2)

    def test_two_arguments_in_a_call(self):
        with pytest.raises(GraphError, match="one list"):
            nn.CAddTable()(nn.Identity()(), nn.Identity()())

    def test_node_that_is_no_input_but_reads_nothing(self):
        a, b = nn.Identity()(), nn.Identity()()
        with pytest.raises(GraphError, match="not among the inputs"):
            gModule([a], [nn.CAddTable()([a, b])])


class TestDebug:
    @pytest.fixture(autouse=True)
    def debugging(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        graph.setDebug(True)
        yield
        graph.setDebug(False)

    def model(self):
        x = nn.Identity()().annotate(name="start")
        y = nn.CAddTable()([nn.Linear(3, 4)(x), x]).annotate(name="clash")
        return gModule([x], [nn.Tanh()(y)], name="broken")

    def test_failing_forward_draws_the_failing_node_in_red(self, tmp_path):
        with pytest.raises(GraphError, match=r"'clash' .*test_nngraph.py:\d+"):
            self.model().forward(numbers(2, 3))
        drawing = next(tmp_path.glob("broken.*"))
        text = drawing.read_text()
        red = text.index("red") if drawing.suffix == ".dot" else text.index('stroke="red"')
        assert "clash" in text[max(0, red - 300) : red + 600]

    def test_failure_inside_a_users_layer_names_the_node(self, tmp_path):
        class Fussy(keras.layers.Layer):
            def call(self, x):  # fails when it runs, if the batch is odd
                return keras.ops.reshape(keras.ops.tanh(keras.ops.reshape(x, (2, -1))), (-1, 3))

        x = graph.Input((3,))
        y = graph.node(Fussy())(x).annotate(name="fussy")
        model = gModule([x], [nn.Tanh()(y)], name="picky")
        model.forward(numbers(2, 3))
        with pytest.raises(GraphError, match=r"(?s)'fussy' \(Fussy\), declared .*reshape"):
            model.forward(numbers(5, 3))
        assert list(tmp_path.glob("picky.*"))

    def test_nothing_is_drawn_without_it(self, tmp_path):
        graph.setDebug(False)
        with pytest.raises(GraphError):
            self.model().forward(numbers(2, 3))
        assert list(tmp_path.iterdir()) == []


class TestJustElementAndJustTable:
    def test_just_element_takes_the_one_element(self):
        x = nn.Identity()()
        model = gModule([x], [nn.JustElement()(graph.nest([x]))])
        data = numbers(2, 3).astype("float32")
        np.testing.assert_array_equal(model.forward(data), data)
        check_gradients(model, numbers(2, 3))

    def test_just_element_refuses_a_table_of_two(self):
        x, y = nn.Identity()(), nn.Identity()()
        with pytest.raises(GraphError, match="JustElement"):
            gModule([x, y], [nn.JustElement()([x, y])]).forward([numbers(2, 3)] * 2)

    def test_just_table_makes_a_table_of_one(self):
        x = nn.Identity()()
        (only,) = nn.JustTable()(x).split(1)
        model = gModule([x], [nn.Tanh()(only)])
        data = numbers(2, 3)
        np.testing.assert_allclose(model.forward(data), np.tanh(data), rtol=1e-6)
        check_gradients(model, data)


class TestModuleFromCriterion:
    def test_value_and_gradients(self):
        x, target = nn.Identity()(), nn.Identity()()
        criterion = nn.ModuleFromCriterion(keras.losses.MeanSquaredError())
        model = gModule([x, target], [criterion([nn.Tanh()(x), target])])
        data = [numbers(2, 3), numbers(2, 3, start=1)]
        loss = model.forward(data)
        assert loss.shape == (1,)
        np.testing.assert_allclose(loss, ((np.tanh(data[0]) - data[1]) ** 2).mean(), rtol=1e-5)
        check_gradients(model, data)

    def test_named_loss_and_saving(self, tmp_path):
        x, target = graph.Input((3,)), graph.Input((3,))
        model = gModule([x, target], [nn.ModuleFromCriterion("mean_absolute_error")([x, target])])
        data = [numbers(2, 3), numbers(2, 3, start=2)]
        loss = model.forward(data)
        np.testing.assert_allclose(loss, np.abs(data[0] - data[1]).mean(), rtol=1e-5)
        model.save(tmp_path / "loss.keras")
        again = keras.saving.load_model(tmp_path / "loss.keras")
        np.testing.assert_allclose(again.forward(data), loss, rtol=1e-6)

    def test_takes_a_table_of_two(self):
        x = nn.Identity()()
        with pytest.raises(GraphError, match="input and target"):
            gModule([x], [nn.ModuleFromCriterion("mse")(x)]).forward(numbers(2, 3))

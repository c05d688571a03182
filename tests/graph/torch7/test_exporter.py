"""`save_torch7`: golden models written, read again, and judged by Torch7's own numbers."""

import keras
import numpy as np
import pytest
from golden_torch7 import Case, cases, check

import graph
from graph import GraphError, gModule, nn, save_torch7
from graph.torch7 import load
from graph.torch7.convert import to_module

UNBATCHED = {
    "containers",
    "gmodule_linear_unbatched",
    "more_fun_unbatched",
    "two_in_two_out_unbatched",
}


@pytest.mark.parametrize("name", cases("models"))
def test_golden_models_survive(name, tmp_path, monkeypatch):
    case, batched = Case("models", name), name not in UNBATCHED
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(case.dtype)
    keras.config.set_dtype_policy(case.dtype)
    try:
        save_torch7(
            to_module(case.model(tmp_path), batched=batched),
            tmp_path / "ours.t7",
            format="ascii" if case.dtype == "float64" else "binary",
            batched=batched,
        )
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])
    monkeypatch.setattr(case, "model", lambda folder: load(tmp_path / "ours.t7"))
    check(case, tmp_path, batched=batched)


def test_all_modules_without_a_twin_are_named(tmp_path):
    x = nn.Linear(4, 3)()
    y = graph.node(keras.layers.Dense(3))(x)
    model = gModule([x], [nn.Sequential(nn.Tanh(), nn.CReLU(1))(y)])
    with pytest.raises(GraphError) as caught:
        save_torch7(model, tmp_path / "no.t7")
    assert "Dense" in str(caught.value) and "CReLU" in str(caught.value)
    assert not (tmp_path / "no.t7").exists()


def test_a_module_used_twice_is_one_object(tmp_path):
    shared, x = nn.Linear(3, 3), nn.Identity()()
    save_torch7(gModule([x], [shared(shared(x))]), tmp_path / "a.t7")
    obj = load(tmp_path / "a.t7")
    assert [m.class_name for m in obj["modules"]] == ["nn.Identity", "nn.Linear"]
    weight = keras.ops.convert_to_numpy(shared.named_parameters()["weight"])
    expected = shared.parameter_to_torch("weight", weight)
    np.testing.assert_array_equal(obj["modules"][1]["weight"], expected)


def again(model, path, x):
    before = model.forward(x)
    save_torch7(model, path)
    node = nn.Identity()()
    copy = gModule([node], [to_module(load(path))(node)])
    np.testing.assert_array_equal(copy.forward(x), before)
    return load(path)


def test_a_node_read_twice_is_passed_through_an_identity(tmp_path):
    # nngraph refuses it: "Don't pass the same input twice".
    x = graph.Input((3,))
    obj = again(gModule([x], [nn.CAddTable()([x, x])]), tmp_path / "a.t7", np.ones((2, 3), "f4"))
    assert [m.class_name for m in obj["modules"]] == ["nn.Identity"] * 2 + ["nn.CAddTable"]


def test_a_nested_table_of_one_stays_a_table(tmp_path):
    x = graph.Input((3,))
    y = nn.FlattenTable()([[x - nn.Tanh()], x])
    model = gModule([x], [nn.CSubTable()(y)])
    again(model, tmp_path / "a.t7", np.arange(6, dtype="f4").reshape(2, 3))


def test_the_dimension_counts_the_batch_where_torch_feeds_one(tmp_path):
    for batched, dimension in ((True, 3), (False, 2)):
        save_torch7(nn.Narrow(2, 1, 4), tmp_path / "a.t7", batched=batched)
        assert load(tmp_path / "a.t7")["dimension"] == dimension


def test_a_class_of_the_users_own_has_no_twin(tmp_path):
    class Own(nn.Tanh):
        pass

    with pytest.raises(GraphError, match=r"model\.2: .* has no Torch twin"):
        save_torch7(nn.Sequential(nn.Tanh(), Own()), tmp_path / "no.t7")


def test_shared_parameters_share_a_storage(tmp_path):
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    x = graph.Input((3,))
    model = gModule([x], [nn.CAddTable()([a(x), b(x)])])
    nn.Sequential(b).share(nn.Sequential(a), "weight")
    save_torch7(model, tmp_path / "a.t7")
    _, first, second, _ = load(tmp_path / "a.t7")["modules"]
    assert np.shares_memory(first["weight"], second["weight"])
    assert np.shares_memory(first["gradWeight"], second["gradWeight"])
    assert not np.shares_memory(first["bias"], second["bias"])

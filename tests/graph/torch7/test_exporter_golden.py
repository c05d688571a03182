"""`save_torch7`: every golden model of Torch7, loaded, written, and read three times over."""

import warnings
from collections import Counter

import numpy as np
import pytest
import torchfile
from golden_torch7 import SINGLE_SAMPLES, TOLERANCE, Case, cases
from torch7_cases import NO_OUTPUT, SAMPLES, assert_close, fed, file_of, given, inputs_of, precision
from torch7_structure import differences, inconsistencies

import graph
from graph.table import map_table
from graph.torch7 import TorchObject, TorchStorage, load, table_items

ALL = [(archive, name) for archive in ("layers", "models", "rnn") for name in cases(archive)]
# `fastlstm_nngraph` holds its step as a gModule, here it is written as rnn does by default; that
# file of a double module in a float model comes back in one type.
OTHERWISE = {"fastlstm_nngraph": "Sequential, not nn.gModule", "Decorator_DontCast": "Double"}
# Written as nngraph does today: older than `modules` and `reverseMap`; without gradients.
OLD_FORMAT = {"gmodule_old_format"}

# It takes a torch.Timer, which writes nothing, for an object with fields.
NOT_FOR_TORCHFILE = {"Profile"}


def loaded(path, name):
    for batched in [False] if name in SAMPLES else [True, False]:
        try:
            return graph.load_torch7(path, batched=batched), batched
        except ValueError as error:
            if not batched or not any(sign in str(error) for sign in SINGLE_SAMPLES):
                raise
    raise AssertionError


@pytest.mark.parametrize(("archive", "name"), ALL)
def test_what_torch_wrote_is_written_again(archive, name, tmp_path):
    case = Case(archive, name)
    with precision(case.dtype):
        torchs = case.model(tmp_path)
        model, batched = loaded(file_of(case, tmp_path), name)
        written = tmp_path / "ours.t7"
        graph.save_torch7(model, written)
        ours = load(written)
        assert_same_structure(ours, torchs, name)
        if name not in NOT_FOR_TORCHFILE:
            assert_read_by_torchfile(written, ours)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            again = graph.load_torch7(written, batched=batched)
        assert again.train_mode == (case.spec["mode"] == "train")
        x = fed(inputs_of(case), batched)
        try:
            y = called(again, x)
        except ValueError as error:
            if not batched or not any(sign in str(error) for sign in SINGLE_SAMPLES):
                raise
            model = graph.load_torch7(file_of(case, tmp_path), batched=False)
            graph.save_torch7(model, written)
            assert_same_structure(load(written), torchs, name)
            again, batched = graph.load_torch7(written, batched=False), False
            y = called(again, fed(inputs_of(case), False))
        if name not in NO_OUTPUT:
            assert_close(given(y, batched), case.arrays("output"), TOLERANCE[case.dtype], "output")


def called(model, x):
    """What `forward` gives, without compiling for one call."""
    model.ensure_built(x)
    return map_table(np.asarray, model(x, training=model.train_mode))


def assert_same_structure(ours, torchs, name):
    for obj in graphs_in(ours):
        assert not inconsistencies(obj)
    if name not in OLD_FORMAT:
        for obj in graphs_in(torchs):
            assert not inconsistencies(obj), "the test itself misunderstands nngraph"
    found = differences(ours, torchs)
    if name in OTHERWISE:
        assert found and all(
            OTHERWISE[name].lower() in line.lower() or "float" in line for line in found
        ), found
    else:
        assert not found, "\n".join(found)


def graphs_in(root):
    return [obj for obj in everything(root) if isinstance(obj, TorchObject) and "innode" in obj]


def everything(root):
    """Every object and array in a value, each once."""
    seen, stack = set(), [root]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float):
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, TorchObject):
            value = value.fields
        if isinstance(value, dict | list):
            for pair in table_items(value):
                stack += pair


def assert_read_by_torchfile(path, ours):
    theirs = torchfile.load(str(path), use_list_heuristic=False)
    assert summary_of_torchfile(theirs) == summary(ours)


def summary(root):
    """How many objects of each class, and how many tensors with which values."""
    counts = Counter()
    for value in everything(root):
        if isinstance(value, TorchObject):
            counts[value.class_name] += 1
        elif isinstance(value, np.ndarray | TorchStorage) and len(value):
            array = np.asarray(value)
            counts[array.dtype.name, array.shape, array.tobytes()] += 1
    return counts


def summary_of_torchfile(root):
    counts, seen, stack = Counter(), set(), [root]
    while stack:
        value = stack.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float):
            continue
        seen.add(id(value))
        if isinstance(value, torchfile.TorchObject):
            counts[value.torch_typename().decode()] += 1
            value = value._obj
        if isinstance(value, dict):
            for pair in value.items():
                stack += pair
        elif isinstance(value, np.ndarray) and value.ndim and value.size:
            counts[value.dtype.name, value.shape, value.tobytes()] += 1
    return counts

"""The golden files that PyTorch and Torch7 wrote: value by value, and through the network."""

import io
import zipfile

import numpy as np
import pytest
from zoo_weights import ORACLE, ZOO, lenet, torch7_file

import graph
from graph import Input, nn
from zoo import LeNet5, load_weights
from zoo.building import chain, finish
from zoo.weights import pytorch_legacy, safetensors, zip_file
from zoo.weights.pickles import read_pickle
from zoo.weights.pytorch import FUNCTIONS, named_arrays

FILES = ["lenet.pth", "lenet_legacy.pth", "lenet.safetensors"]


@pytest.mark.parametrize("file", FILES)
def test_lenet_predicts_what_pytorch_predicts(file):
    golden = np.load(ZOO / "lenet.npz")
    model = lenet()
    report = load_weights(model, ZOO / file)
    x = golden["input"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(model.predict(x, verbose=0), golden["output"], rtol=1e-5, atol=1e-7)
    assert [entry.variable for entry in report.loaded] == [w.path for w in model.weights]
    assert not report.skipped and not report.kept


@pytest.mark.parametrize("file", FILES)
def test_the_suffix_does_not_matter(file, tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes((ZOO / file).read_bytes())
    assert len(load_weights(lenet(), path).loaded) == 10


def read_any(path):
    """The arrays of a file, whatever model they are for."""
    if path.suffix == ".safetensors":
        return safetensors.read(path)
    read = pytorch_legacy.read if "legacy" in path.name else zip_file.read_pytorch
    return read(str(path))[0]


@pytest.mark.parametrize("file", ["tensors.pth", "tensors_legacy.pth", "tensors.safetensors"])
def test_every_dtype_and_every_view(file):
    golden = np.load(ZOO / "tensors.npz")
    arrays = read_any(ZOO / file)
    assert set(arrays) == set(golden)
    for name, array in arrays.items():
        got = array.read()
        assert got.shape == array.shape == golden[name].shape, name
        np.testing.assert_array_equal(got.astype(golden[name].dtype), golden[name], err_msg=name)
    assert {n: a.dtype for n, a in arrays.items()} == {
        **dict.fromkeys(golden, "float32"),
        **{"f16": "float16", "bf16": "bfloat16", "f64": "float64", "i64": "int64"},
    }


def test_a_checkpoint_of_data_parallel():
    arrays = read_any(ZOO / "checkpoint.pth")
    assert set(arrays) == set(np.load(ZOO / "tensors.npz")) - {"i64"}
    assert arrays["f32"].source == "module.f32"


def test_a_whole_module_is_refused():
    with pytest.raises(ValueError, match="torch.nn.modules.container.Sequential.*\n.*state_dict"):
        load_weights(lenet(), ZOO / "whole_module.pth")


def test_torch7_lenet(tmp_path):
    path = torch7_file("lenet", tmp_path)
    model = LeNet5(variant="modern", classifier_activation="log_softmax", weights=path)
    with zipfile.ZipFile(ORACLE / "torch7" / "models.zip") as archive:
        x, y = (np.load(io.BytesIO(archive.read(f"lenet/{n}.npy"))) for n in ("input", "output"))
    got = model.predict(x.transpose(0, 2, 3, 1), verbose=0)
    np.testing.assert_allclose(got, y, rtol=1e-4, atol=1e-5)


def test_torch7_names_the_modules(tmp_path):
    report = load_weights(LeNet5(), torch7_file("lenet", tmp_path))
    assert report.loaded[0] == ("conv1/kernel", "modules[1].weight")
    assert report.loaded[-1] == ("fc5/bias", "modules[12].bias")


def test_torch7_batch_normalisation(tmp_path):
    """A chain of the golden model's kind, with running statistics."""
    path = torch7_file("tiny_darknet_bn", tmp_path)
    x = Input((64, 64, 3), name="image")
    y, planes, number = x, 3, 0
    for step in (
        4,
        "pool",
        8,
        "pool",
        4,
        32,
        4,
        32,
        "pool",
        8,
        64,
        8,
        64,
        "pool",
        16,
        128,
        16,
        128,
        32,
        256,
    ):
        if step == "pool":
            y = y - nn.SpatialMaxPooling(2, 2, 2, 2)
            continue
        number += 1
        kernel = 1 if number in (3, 5, 7, 9, 11, 13, 15) else 3
        y = chain(
            y,
            **{
                f"conv{number}": nn.SpatialConvolution(
                    planes, step, kernel, kernel, 1, 1, kernel // 2
                ),
                f"bn{number}": nn.SpatialBatchNormalization(step),
                f"elu{number}": nn.ELU(),
            },
        )
        planes = step
    y = chain(
        y,
        pool=nn.SpatialAveragePooling(4, 4, 4, 4),
        flat=nn.View(256),
        dropout=nn.Dropout(0.5),
        score=nn.Linear(256, 1),
    )
    model = finish(x, y, name="t", weights=path, include_top=True, pooling=None, activation=None)
    with zipfile.ZipFile(ORACLE / "torch7" / "models.zip") as archive:
        fed, out = (
            np.load(io.BytesIO(archive.read(f"tiny_darknet_bn/{n}.npy")))
            for n in ("input", "output")
        )
    got = model.predict(fed.transpose(0, 2, 3, 1), verbose=0)
    np.testing.assert_allclose(got, out, rtol=1e-4, atol=1e-5)


def test_a_torch7_file_inside_a_table(tmp_path):
    held = graph.torch7.load(torch7_file("lenet", tmp_path))
    graph.torch7.save(tmp_path / "checkpoint", {"epoch": 3, "model": held})
    assert len(load_weights(LeNet5(), tmp_path / "checkpoint").loaded) == 10


def test_named_arrays_of_pickles():
    assert read_pickle(io.BytesIO(b"\x80\x02}q\x00."), FUNCTIONS) == {}
    with pytest.raises(ValueError, match="dict without tensors"):
        named_arrays({})

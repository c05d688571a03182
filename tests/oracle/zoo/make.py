"""Writes the files of this folder, with PyTorch and safetensors alone.

python make.py; the networks are nn.Sequentials after torchvision's alexnet.py, Caffe's
bvlc_alexnet and LeCun's LeNet-5.
"""

from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import nn

HERE = Path(__file__).parent


def lenet():
    """On (1, 16, 20): sides that differ."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 1 * 2, 120), nn.Tanh(),
        nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10), nn.Softmax(-1),
    )  # fmt: skip


def torchvision_alexnet(classes):
    return nn.ModuleDict(
        {
            "features": nn.Sequential(
                nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
                nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
                nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
                nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
                nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
            ),
            "avgpool": nn.AdaptiveAvgPool2d(6),
            "classifier": nn.Sequential(
                nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU(),
                nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, classes),
            ),
        }
    )  # fmt: skip


def caffe_alexnet(classes):
    lrn = {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0}
    return nn.ModuleDict(
        {
            "features": nn.Sequential(
                nn.Conv2d(3, 96, 11, 4), nn.ReLU(), nn.LocalResponseNorm(**lrn), nn.MaxPool2d(3, 2),
                nn.Conv2d(96, 256, 5, padding=2, groups=2), nn.ReLU(),
                nn.LocalResponseNorm(**lrn), nn.MaxPool2d(3, 2),
                nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
                nn.Conv2d(384, 384, 3, padding=1, groups=2), nn.ReLU(),
                nn.Conv2d(384, 256, 3, padding=1, groups=2), nn.ReLU(), nn.MaxPool2d(3, 2),
            ),
            "classifier": nn.Sequential(
                nn.Linear(9216, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
                nn.Linear(4096, classes),
            ),
        }
    )  # fmt: skip


def fill(net, seed):
    """Weights that tests/zoo/weights/generated.py makes too."""
    random = np.random.RandomState(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            shape = tuple(parameter.shape)
            bound = (6 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else 0.3
            values = random.random_sample(shape).astype("float32")
            parameter.copy_(torch.from_numpy((2 * values - 1) * np.float32(bound)))


def alexnets():
    found = {}
    with torch.no_grad():
        for name, net, size, scale in (
            ("torchvision", torchvision_alexnet(1000), (224, 224), 1),
            ("torchvision_other_size", torchvision_alexnet(1000), (150, 260), 1),
            ("caffe", caffe_alexnet(1000), (227, 227), 100),  # Normalisation must be felt.
        ):
            fill(net, 7)
            net.eval()
            x = np.random.RandomState(8).random_sample((2, 3, *size)).astype("float32") * scale
            maps = net["features"](torch.from_numpy(x))
            pooled = net["avgpool"](maps) if "avgpool" in net else maps
            logits = net["classifier"](pooled.flatten(1))
            found[f"{name}/maps"] = maps[:, ::37].numpy()
            found[f"{name}/logits"] = logits.numpy()
    np.savez_compressed(HERE / "alexnet.npz", **found)


def lenets():
    torch.manual_seed(3)
    net = lenet()
    x = torch.randn(3, 1, 16, 20)
    with torch.no_grad():
        y = net(x)
    names = {"0": "conv1", "3": "conv2", "7": "fc3", "9": "fc4", "11": "fc5"}
    state = {}
    for key, value in net.state_dict().items():
        number, _, kind = key.partition(".")
        state[f"{names[number]}.{kind}"] = value
    np.savez_compressed(HERE / "lenet.npz", input=x.numpy(), output=y.numpy())
    torch.save(state, HERE / "lenet.pth")
    torch.save(state, HERE / "lenet_legacy.pth", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(state, HERE / "lenet.safetensors", {"format": "pt"})


def tensors():
    """Every dtype, views that share a storage, an empty and a scalar tensor."""
    base = torch.arange(-30, 30, dtype=torch.float32)
    state = {
        "f32": base.reshape(3, 4, 5) / 7,
        "transposed": base.reshape(6, 10).t(),
        "offset": base[7:31:3],
        "expanded": base[5:8].unsqueeze(0).expand(4, 3),
        "f16": (base / 3).half(),
        "bf16": (base / 3).bfloat16(),
        "f64": base.double() / 3,
        "i64": base.long() * 2**33,
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(2.5),
        "parameter": nn.Parameter(base[:6].reshape(2, 3)),
    }
    np.savez_compressed(
        HERE / "tensors.npz",
        **{k: v.detach().double().numpy() if k != "i64" else v.numpy() for k, v in state.items()},
    )
    torch.save(state, HERE / "tensors.pth")
    torch.save(state, HERE / "tensors_legacy.pth", _use_new_zipfile_serialization=False)
    flat = {k: v.detach().contiguous().clone() for k, v in state.items()}
    safetensors.torch.save_file(flat, HERE / "tensors.safetensors")
    torch.save(
        {
            "epoch": 3,
            "optimizer": {"lr": 0.1},
            "state_dict": {f"module.{k}": v for k, v in state.items() if k != "i64"},
        },
        HERE / "checkpoint.pth",
    )
    torch.save(lenet(), HERE / "whole_module.pth")


if __name__ == "__main__":
    lenets()
    tensors()
    alexnets()

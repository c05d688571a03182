"""PyTorch's side of `benchmarks.networks`: the same networks, written plainly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.side import Step

__all__ = ["forward", "train"]


class LeNet5(nn.Module):
    """As `zoo.LeNet5()`."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc3 = nn.Linear(400, 120)
        self.fc4 = nn.Linear(120, 84)
        self.fc5 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(torch.tanh(self.conv1(x)), 2)
        x = functional.max_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.tanh(self.fc3(x.flatten(1)))
        return self.fc5(torch.tanh(self.fc4(x)))


class AlexNet(nn.Module):
    """As `zoo.AlexNet()`."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, 4)
        self.conv2 = nn.Conv2d(96, 256, 5, 1, 2)
        self.conv3 = nn.Conv2d(256, 384, 3, 1, 1)
        self.conv4 = nn.Conv2d(384, 384, 3, 1, 1)
        self.conv5 = nn.Conv2d(384, 256, 3, 1, 1)
        self.fc6 = nn.Linear(9216, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, classes)
        self.dropout = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(torch.relu(self.conv1(x)), 3, 2)
        x = functional.max_pool2d(torch.relu(self.conv2(x)), 3, 2)
        x = torch.relu(self.conv4(torch.relu(self.conv3(x))))
        x = functional.max_pool2d(torch.relu(self.conv5(x)), 3, 2)
        x = self.dropout(torch.relu(self.fc6(x.flatten(1))))
        return self.fc8(self.dropout(torch.relu(self.fc7(x))))


class TinyDarknet(nn.Module):
    """As `zoo.TinyDarknet(batch_norm_epsilon="inside")`."""

    SIZES = (
        *((16, 3), "pool", (32, 3), "pool", (16, 1), (128, 3), (16, 1), (128, 3), "pool"),
        *((32, 1), (256, 3), (32, 1), (256, 3), "pool"),
        *((64, 1), (512, 3), (64, 1), (512, 3), (128, 1)),
    )

    def __init__(self, classes: int) -> None:
        super().__init__()
        planes = 3
        self.steps: list[str] = []
        for size in self.SIZES:
            if isinstance(size, str):
                self.steps.append("pool")
                continue
            filters, kernel = size
            number = 1 + sum(step != "pool" for step in self.steps)
            convolution = nn.Conv2d(planes, filters, kernel, 1, kernel // 2, bias=False)
            setattr(self, f"conv{number}", convolution)
            setattr(self, f"bn{number}", nn.BatchNorm2d(filters, eps=1e-5, momentum=0.01))
            self.steps.append(str(number))
            planes = filters
        self.conv16 = nn.Conv2d(planes, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        for step in self.steps:
            if step == "pool":
                x = functional.max_pool2d(x, 2)
            else:
                x = getattr(self, f"bn{step}")(getattr(self, f"conv{step}")(x))
                x = functional.leaky_relu(x, 0.1)
        return self.conv16(x).mean((2, 3))


_NAMES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
_ORDER = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}


def _network(name: str, folder: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A network with the weights of ours, its images and labels."""
    model = {"LeNet5": LeNet5, "AlexNet": AlexNet, "TinyDarknet": TinyDarknet}[name](10)
    state = {}
    for path, value in np.load(Path(folder, "weights.npz")).items():
        layer, _, variable = path.partition("/")
        ordered = np.ascontiguousarray(value.transpose(_ORDER[value.ndim]))
        state[f"{layer}.{_NAMES[variable]}"] = torch.from_numpy(ordered)
    absent, unknown = model.load_state_dict(state, strict=False)
    assert not unknown and all(key.endswith("num_batches_tracked") for key in absent)
    data = np.load(Path(folder, "data.npz"))
    images = torch.from_numpy(np.ascontiguousarray(data["images"].transpose(0, 3, 1, 2)))
    return model, images, torch.from_numpy(data["labels"])


def forward(name: str, folder: str) -> Step:
    """One call without gradients."""
    model, images, _ = _network(name, folder)
    model.eval()

    @torch.inference_mode()
    def call() -> Tensor:
        return model(images)

    return Step(call, lambda: call().numpy())


def train(name: str, folder: str) -> Step:
    """One step of stochastic gradient descent, as every PyTorch script has it."""
    model, images, labels = _network(name, folder)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def gradient() -> np.ndarray:
        model.eval()
        functional.cross_entropy(model(images), labels).backward()
        model.train()
        parameter = next(model.parameters()).grad
        assert parameter is not None
        return parameter.numpy().transpose(2, 3, 1, 0)

    def step() -> float:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Step(step, gradient)

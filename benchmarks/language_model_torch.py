"""The side of `benchmarks.language_model` that runs on PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.side import Step

__all__ = ["generate", "train"]

VOCABULARY = 65
PROMPT = (3, 1, 4)


class LanguageModel(nn.Module):
    """As `zoo.LSTMLanguageModel(65, hidden, layers=2)`."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.table = nn.Embedding(VOCABULARY, hidden)
        self.lstm = nn.LSTM(hidden, hidden, num_layers=2, batch_first=True)
        self.linear = nn.Linear(hidden, VOCABULARY)

    def forward(self, tokens: Tensor, state: tuple | None = None) -> tuple[Tensor, tuple]:
        y, state = self.lstm(self.table(tokens), state)
        return self.linear(y), state


def _model(folder: str, hidden: int) -> LanguageModel:
    """With the weights of ours. Both have the gates in the order i, f, g, o."""
    stored = np.load(Path(folder, "weights.npz"))
    table, *lstms, kernel, bias = [torch.from_numpy(stored[name]) for name in stored.files]
    model = LanguageModel(hidden)
    with torch.no_grad():
        model.table.weight.copy_(table[-VOCABULARY:])
        for layer in range(2):
            inputs, state, offset = lstms[3 * layer : 3 * layer + 3]
            getattr(model.lstm, f"weight_ih_l{layer}").copy_(inputs.T)
            getattr(model.lstm, f"weight_hh_l{layer}").copy_(state.T)
            getattr(model.lstm, f"bias_ih_l{layer}").copy_(offset)
            getattr(model.lstm, f"bias_hh_l{layer}").zero_()
        model.linear.weight.copy_(kernel.T)
        model.linear.bias.copy_(bias)
    return model


def train(folder: str, hidden: int) -> Step:
    """One step of stochastic gradient descent."""
    model = _model(folder, hidden)
    data = np.load(Path(folder, "data.npz"))
    x, y = torch.from_numpy(data["x"]), torch.from_numpy(data["y"])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step() -> float:
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x)[0].flatten(0, 1), y.flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    functional.cross_entropy(model(x)[0].flatten(0, 1), y.flatten()).backward()
    gradient = model.table.weight.grad
    assert gradient is not None
    at_start = gradient.numpy().copy()
    return Step(step, lambda: at_start)


def generate(folder: str, hidden: int, steps: int) -> Step:
    """The likeliest characters after a prompt, one by one."""
    model = _model(folder, hidden).eval()

    @torch.inference_mode()
    def call() -> np.ndarray:
        scores, state = model(torch.tensor([PROMPT]))
        token, found = scores[:, -1:].argmax(-1), []
        for step in range(steps):
            found.append(int(token))
            if step + 1 < steps:
                scores, state = model(token, state)
                token = scores.argmax(-1)
        return np.array(found)

    return Step(call, call)

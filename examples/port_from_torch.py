"""A network of Torch7's nngraph, ported: its Lua code, the same in Python, its weights from .t7.

    python examples/port_from_torch.py [--out port_from_torch_output]

Torch's code of the network, an LSTM cell:

    local function gate(input, prev_h)
      return nn.CAddTable()({nn.Linear(12, 12)(input), nn.Linear(12, 12)(prev_h)})
    end

    local xt, prev_c, prev_h = nn.Identity()(), nn.Identity()(), nn.Identity()()
    local in_gate = nn.Sigmoid()(gate(xt, prev_h))
    local forget_gate = nn.Sigmoid()(gate(xt, prev_h))
    local out_gate = nn.Sigmoid()(gate(xt, prev_h))
    local in_transform = nn.Tanh()(gate(xt, prev_h))
    local next_c = nn.CAddTable()({
      nn.CMulTable()({forget_gate, prev_c}),
      nn.CMulTable()({in_gate, in_transform}),
    })
    local next_h = nn.CMulTable()({out_gate, nn.Tanh()(next_c)})
    local cell = nn.gModule({xt, prev_c, prev_h}, {next_c, next_h})

and `lstm_cell` below is the port, line by line. The real Torch7 wrote such a cell to a file, and
what it answered to an input: both lie among this project's test data. Another folder of such files
(model.t7, input_0.npy ... output_1.npy) may be given. The file is loaded, its weights go into the
port, the port goes out as a TensorFlow SavedModel, and a fresh process serves that with TensorFlow
alone. Each answer is compared with Torch's.
"""

from __future__ import annotations

import argparse
import inspect
import io
import os
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import graph
from graph import gModule, nn

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "oracle" / "torch7" / "models.zip"

SERVE = """
import sys, numpy as np, tensorflow as tf
names = ("xt", "prev_c", "prev_h")
inputs = dict(zip(names, np.load(sys.argv[2]).values()))
serve = tf.saved_model.load(sys.argv[1]).signatures["serving_default"]
answer = serve(**{name: tf.constant(value) for name, value in inputs.items()})
np.savez(sys.argv[3], answer["next_c"].numpy(), answer["next_h"].numpy())
assert not {"graph", "zoo", "losses"} & set(sys.modules), "plain TensorFlow was to do it"
"""


def lstm_cell() -> graph.GModule:
    """The port: what Torch's code above says, in the same words."""

    def gate(input, prev_h):
        return nn.CAddTable()([nn.Linear(12, 12)(input), nn.Linear(12, 12)(prev_h)])

    xt, prev_c, prev_h = (nn.Identity()().annotate(name=n) for n in ("xt", "prev_c", "prev_h"))
    in_gate = nn.Sigmoid()(gate(xt, prev_h)).annotate(name="in_gate")
    forget_gate = nn.Sigmoid()(gate(xt, prev_h)).annotate(name="forget_gate")
    out_gate = nn.Sigmoid()(gate(xt, prev_h)).annotate(name="out_gate")
    in_transform = nn.Tanh()(gate(xt, prev_h)).annotate(name="in_transform")
    next_c = nn.CAddTable()([
        nn.CMulTable()([forget_gate, prev_c]),
        nn.CMulTable()([in_gate, in_transform]),
    ]).annotate(name="next_c")  # fmt: skip
    next_h = nn.CMulTable()([out_gate, nn.Tanh()(next_c)]).annotate(name="next_h")
    return gModule([xt, prev_c, prev_h], [next_c, next_h], name="lstm_cell")


def copy_weights(port: graph.Node, loaded: graph.Node, done: set[int]) -> int:
    """Give a node of the port, and all it reads, what stands at the same place of the file's graph.

    Returns the number of tensors. A port that is wired otherwise is an error here, not a wrong
    answer later.
    """
    if id(port) in done:
        return 0
    done.add(id(port))
    if type(port.module) is not type(loaded.module) or len(port.parents) != len(loaded.parents):
        raise SystemExit(f"the port has {port!r} where the file has {loaded!r}")
    theirs = loaded.module.named_parameters() if loaded.module else {}
    for name, variable in theirs.items():
        port.module.named_parameters()[name].assign(variable)
    pairs = zip(port.parents, loaded.parents, strict=True)
    return len(theirs) + sum(copy_weights(a, b, done) for a, b in pairs)


def golden(folder: Path | None) -> tuple[bytes, list[np.ndarray], list[np.ndarray]]:
    """A .t7 file, what Torch was given and what it answered."""
    place = zipfile.Path(GOLDEN, "lstm_cell/") if folder is None else folder
    inputs, outputs = (
        [np.load(io.BytesIO((place / f"{kind}_{i}.npy").read_bytes())) for i in range(count)]
        for kind, count in (("input", 3), ("output", 2))
    )
    return (place / "model.t7").read_bytes(), inputs, outputs


def main() -> int:
    """Port, compare, export, serve; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--golden", type=Path, help="a folder of another such cell")
    parser.add_argument("--out", type=Path, default=Path("port_from_torch_output"), help="folder")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model, inputs, torchs = golden(options.golden)
    t7 = options.out / "model.t7"
    t7.write_bytes(model)
    lua = __doc__.partition("an LSTM cell:\n")[2].partition("\nand `lstm_cell`")[0]
    python = textwrap.indent(inspect.getsource(lstm_cell), "    ")
    print(f"Torch7, Lua:\n{lua}\nhere, Python:\n\n{python}")

    rows = []

    def judge(name: str, answers: list[np.ndarray], start: float) -> None:
        gaps = [float(np.abs(a - b).max()) for a, b in zip(answers, torchs, strict=True)]
        seconds = time.perf_counter() - start
        rows.append((name, max(gaps)))
        print(f"{name:<44}{gaps[0]:>12.1e}{gaps[1]:>12.1e}{seconds:>9.1f}")

    print(f"{'largest difference from Torch7':<44}{'next_c':>12}{'next_h':>12}{'seconds':>9}")
    start = time.perf_counter()
    loaded = graph.load_torch7(t7, layout="keras")
    judge("the file, loaded by graph.load_torch7", loaded.forward(inputs), start)

    start = time.perf_counter()
    port = lstm_cell()
    port.forward(inputs)  # Builds it: the weights are its own, the answer is another.
    done: set[int] = set()
    pairs = zip(port.outputnodes, loaded.outputnodes, strict=True)
    tensors = sum(copy_weights(ours, theirs, done) for ours, theirs in pairs)
    judge(f"the port, with {tensors} tensors of the file", port.forward(inputs), start)

    start = time.perf_counter()
    saved = graph.export(port, options.out / "saved_model", overwrite=True)
    np.savez(options.out / "inputs.npz", *inputs)
    answer = options.out / "answer.npz"
    subprocess.run(
        [sys.executable, "-c", SERVE, saved, options.out / "inputs.npz", answer], check=True
    )
    judge("its SavedModel, served by TensorFlow alone", list(np.load(answer).values()), start)

    start = time.perf_counter()
    graph.save_torch7(port, options.out / "back.t7")
    back = graph.load_torch7(options.out / "back.t7", layout="keras")
    judge("back in a .t7, loaded again", back.forward(inputs), start)

    graph.dot(port, "the port", options.out / "lstm_cell.svg")
    print(f"\nthe drawing, the SavedModel and the files are in {options.out}")
    return 0 if max(gap for _, gap in rows) < 1e-6 else 1


if __name__ == "__main__":
    sys.exit(main())

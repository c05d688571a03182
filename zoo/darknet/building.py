"""`from_darknet`: a Darknet configuration as a model."""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path

import keras

import graph

from ..weights.loading import load_weights
from .cfg import DarknetCfgError, Section, read_cfg
from .network import Network
from .sections import IGNORED, KINDS

__all__ = ["from_darknet"]

_REFUSED = ("dontload", "dontloadscales", "numload")


def from_darknet(
    cfg: str | os.PathLike[str],
    weights: str | os.PathLike[str] | None = None,
    *,
    input_shape: tuple[int, int, int] | None = None,
    batch_norm_epsilon: str = "outside",
    name: str | None = None,
) -> graph.GModule:
    """The classifier that a Darknet ``.cfg`` file describes, with the weights of a ``.weights``.

    Layers are named in the order of the file: ``conv1 bn1 leaky1 pool1 conv2 ...``, ``fc1`` for
    connected ones, ``shortcut1``, ``route1``. The node of each carries the annotation ``darknet``,
    the number that Darknet gives the section, from 0.

    Args:
        cfg: Path of the ``.cfg`` file.
        weights: Path of a ``.weights`` file of this network, or None for random weights.
        input_shape: ``(height, width, channels)`` in place of what the file states.
        batch_norm_epsilon: "outside", ``(x - mean) / (sqrt(variance) + 1e-6)``, as Darknet
            computes on a CPU, or "inside", ``(x - mean) / sqrt(variance + 1e-5)``, as on a GPU.
        name: Name of the model. Default: that of the file.

    Returns:
        A `graph.GModule` from RGB images ``(batch, height, width, channels)`` of 0 to 1 to the
        output of the last section, a ``[cost]`` left aside.

    Raises:
        DarknetCfgError: The file has sections or options that this does not know (all are named,
            with their lines), or a section cannot work on what it is fed.
        DarknetWeightsError: The weights are damaged or of another network.
        FileNotFoundError: A path names no file.
        ValueError: `batch_norm_epsilon` or `input_shape` is not one of these, or Keras is set to
            channels first.

    Reference: pjreddie/darknet src/parser.c.
    """
    if batch_norm_epsilon not in ("outside", "inside"):
        raise ValueError(
            f"batch_norm_epsilon must be 'outside' or 'inside' the root, got {batch_norm_epsilon!r}"
        )
    if input_shape is not None and (len(input_shape) != 3 or not all(s > 0 for s in input_shape)):
        raise ValueError(f"input_shape must be (height, width, channels), got {input_shape}")
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "from_darknet takes images as (height, width, channels): call "
            "keras.config.set_image_data_format('channels_last') first"
        )
    net, *sections = read_cfg(cfg)
    _check_kinds(net, sections)
    network = Network(net, input_shape, batch_norm_epsilon)
    for section in sections:
        network.section = section
        network.outputs.append(KINDS[section.kind].build(network))
    _check_all_used(network, sections)
    name = name or re.sub(r"\W", "_", Path(net.path).stem)
    model = graph.gModule([network.input.node], [network.last.node], name=name)
    if weights is not None:
        load_weights(model, weights)
    return model


def _check_kinds(net: Section, sections: list[Section]) -> None:
    if not sections:
        raise net.error("stands alone: the file has no layers")
    unknown = [section for section in sections if section.kind not in KINDS]
    if unknown:
        lines = [f"{section.where}: [{section.kind}]" for section in unknown]
        many = f"{len(lines)} sections are" if len(lines) > 1 else "this section is"
        raise DarknetCfgError(
            "\n".join(lines) + f"\n  {many} unknown\n  known are {', '.join(sorted(KINDS))}"
        )
    refused, unused = [], []
    for section in sections:
        kind = KINDS[section.kind]
        for key in (*kind.refused.split(), *_REFUSED):
            if section.text(key, "0") != "0":
                line = section.options[key][1]
                value = section.options[key][0]
                refused.append(f"{section.path}:{line}: [{section.kind}] {key}={value}")
        known = f"{kind.options} {kind.ignored} {kind.refused}".split()
        unused += section.unknown({*known, *IGNORED, *_REFUSED})
    if refused:
        raise DarknetCfgError("\n".join(refused) + "\n  such options are not supported")
    if unused:
        warnings.warn(
            f"{net.path} has options that are not used: {', '.join(unused)}", stacklevel=3
        )


def _check_all_used(network: Network, sections: list[Section]) -> None:
    # gModule refuses branches that lead nowhere; their weights would lie in the file all the same.
    reached: set[int] = set()
    pending = [network.last.node]
    while pending:
        node = pending.pop()
        if id(node) not in reached:
            reached.add(id(node))
            pending.extend(node.parents)
    unused = [
        f"{section.where}: [{section.kind}]"
        for section, output in zip(sections, network.outputs, strict=True)
        if id(output.node) not in reached
    ]
    if unused:
        raise DarknetCfgError(
            "\n".join(unused) + "\n  nothing of these reaches the last layer, the output"
        )

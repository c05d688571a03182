"""The network that a ``.cfg`` file describes, section by section, as nodes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import graph
from graph import Node, nn
from graph.node import apply, as_module

from .activation import ACTIVATIONS, activation
from .cfg import Section

__all__ = ["Network", "Output"]


@dataclass(frozen=True)
class Output:
    """What a section gives.

    Attributes:
        node: The node.
        size: Planes, height and width; None where Darknet itself knows none.
        count: Number of values of one sample.
        is_flat: Whether the node gives ``(batch, count)``, else ``(batch, height, width, planes)``.
    """

    node: Node
    size: tuple[int, int, int] | None
    count: int
    is_flat: bool = False


class Network:
    """The sections read so far.

    Args:
        net: The section ``[net]``.
        shape: Height, width and planes of the image, or None for those of the file.
        batch_norm_epsilon: As of `from_darknet`.

    Raises:
        DarknetCfgError: The file states no size of the input.
    """

    def __init__(
        self, net: Section, shape: tuple[int, int, int] | None, batch_norm_epsilon: str
    ) -> None:
        self.batch_norm_epsilon = batch_norm_epsilon
        self.outputs: list[Output] = []
        self.input = self._input(net, shape)
        self.section = net
        self._counts: dict[str, int] = {}

    @staticmethod
    def _input(net: Section, shape: tuple[int, int, int] | None) -> Output:
        sides = shape or tuple(net.integer(key, 0) for key in ("height", "width", "channels"))
        if all(side > 0 for side in sides):
            height, width, planes = sides
            node = graph.Input((height, width, planes), name="image")
            return Output(node, (planes, height, width), planes * height * width)
        inputs = net.integer("inputs", 0)
        if not inputs:
            raise net.error("states no input: neither height, width and channels nor inputs")
        return Output(graph.Input((inputs,), name="input"), (0, 0, 0), inputs, is_flat=True)

    # -- what a section reads -----------------------------------------------------------------

    @property
    def last(self) -> Output:
        """The output of the section before."""
        return self.outputs[-1] if self.outputs else self.input

    def at(self, index: int, key: str) -> Output:
        """The output of section `index`, which counts from the one at work if negative.

        Raises:
            DarknetCfgError: There is no such section before this one.
        """
        here = len(self.outputs)
        place = here + index if index < 0 else index
        if not 0 <= place < here:
            raise self.section.error(
                f"{key} names layer {index}, but this is layer {here} and reads those before it",
                key,
            )
        return self.outputs[place]

    def image(self, output: Output) -> Output:
        """`output` as maps.

        Raises:
            DarknetCfgError: Its values lie in no maps.
        """
        if output.size is None or 0 in output.size:
            raise self.section.error("needs maps, but the layer before gives plain values")
        if not output.is_flat:
            return output
        node = self.add(output.node, nn.View(*output.size), self.name("map"))
        return replace(output, node=node, is_flat=False)

    def maps(self) -> tuple[Output, int, int, int]:
        """The output of the section before as maps; its planes, height and width.

        Raises:
            DarknetCfgError: Its values lie in no maps.
        """
        output = self.image(self.last)
        assert output.size is not None
        return output, *output.size

    def flat(self, output: Output) -> Output:
        """`output` as ``(batch, count)``, the values plane by plane."""
        if output.is_flat:
            return output
        node = self.add(output.node, nn.View(output.count), self.name("flatten"))
        return replace(output, node=node, is_flat=True)

    # -- what a section adds ------------------------------------------------------------------

    def name(self, kind: str) -> str:
        """The next name of this kind: ``conv1``, ``conv2``, ..."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}{self._counts[kind]}"

    def add(self, x: Any, module: Any, name: str) -> Node:
        """The node `name` that applies `module` to a node, or a list of them."""
        section = self.section
        return apply(as_module(module), x).annotate(
            name=name,
            description=f"[{section.kind}] {Path(section.path).name}:{section.line}",
            darknet=len(self.outputs),
        )

    def activated(self, node: Node, default: str, prefix: str, suffix: str = "") -> Node:
        """`node` with the section's activation behind it.

        Args:
            node: What is activated.
            default: The activation of a section that names none.
            prefix: What its name begins with; the activation's name follows.
            suffix: What its name ends with.

        Raises:
            DarknetCfgError: Darknet has no such activation.
        """
        function = self.section.text("activation", default)
        try:
            module = activation(function)
        except KeyError:
            known = ", ".join(ACTIVATIONS)
            raise self.section.error(
                f"has activation {function!r}, which is none of {known}", "activation"
            ) from None
        return node if module is None else self.add(node, module, f"{prefix}{function}{suffix}")

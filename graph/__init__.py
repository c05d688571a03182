"""Graphs of Torch `nn` modules as Keras models."""

from . import nn, torch7
from .activations import activations
from .closure import feval
from .debug import setDebug
from .draw import dot
from .errors import GraphError
from .export import export
from .gmodule import GModule, gModule
from .naming import annotateNodes
from .nn.input import input_node as Input
from .nn.keras_layer import node
from .node import Node, nest

__all__ = [
    "GModule",
    "GraphError",
    "Input",
    "Node",
    "activations",
    "annotateNodes",
    "dot",
    "export",
    "feval",
    "gModule",
    "nest",
    "nn",
    "node",
    "setDebug",
    "torch7",
]

"""Graphs of Torch `nn` modules as Keras models."""

from . import net2net, nn, pictures, torch7
from .activation_gradients import activation_gradients
from .activations import activations
from .closure import feval
from .debug import setDebug
from .draw import dot
from .errors import GraphError
from .export import export
from .features import features
from .gmodule import GModule, gModule
from .health import layer_statistics
from .health_callback import LayerStatistics
from .layer_table import layer_output_shapes, layer_table
from .naming import annotateNodes
from .nn.input import input_node as Input
from .nn.keras_layer import node
from .nn.torch_fields import UnsupportedTorch
from .node import Node, nest
from .reporting import HTMLReport, report
from .torch7.exporter import save_torch7
from .torch7.importer import load_torch7

__all__ = [
    "GModule",
    "GraphError",
    "HTMLReport",
    "Input",
    "LayerStatistics",
    "Node",
    "UnsupportedTorch",
    "activation_gradients",
    "activations",
    "annotateNodes",
    "dot",
    "export",
    "features",
    "feval",
    "gModule",
    "layer_output_shapes",
    "layer_table",
    "layer_statistics",
    "load_torch7",
    "nest",
    "net2net",
    "nn",
    "node",
    "pictures",
    "report",
    "save_torch7",
    "setDebug",
    "torch7",
]

"""Classic networks, built through `graph`. Their `preprocess_input` is in each one's module."""

from . import alexnet, darknet_reference, lenet, tiny_darknet
from .alexnet import AlexNet
from .darknet import DarknetCfgError, from_darknet
from .darknet_reference import DarknetReference
from .lenet import LeNet5
from .tiny_darknet import TinyDarknet
from .weights.darknet import DarknetWeightsError

__all__ = [
    "AlexNet",
    "DarknetCfgError",
    "DarknetReference",
    "DarknetWeightsError",
    "LeNet5",
    "TinyDarknet",
    "alexnet",
    "darknet_reference",
    "from_darknet",
    "lenet",
    "tiny_darknet",
]

"""Classic networks, built through `graph`. Their `preprocess_input` is in each one's module."""

from . import alexnet, darknet_reference, lenet, mdnet, tiny_darknet
from .alexnet import AlexNet
from .cnn_m import CNNM2048
from .darknet import DarknetCfgError, from_darknet
from .darknet_reference import DarknetReference
from .lenet import LeNet5
from .mdnet import MDNet
from .siamese_net import SiameseNet
from .tiny_darknet import TinyDarknet
from .triplet_net import TripletNet
from .two_stream import TwoStreamFusion
from .weights.darknet import DarknetWeightsError

__all__ = [
    "CNNM2048",
    "AlexNet",
    "DarknetCfgError",
    "DarknetReference",
    "DarknetWeightsError",
    "LeNet5",
    "MDNet",
    "SiameseNet",
    "TinyDarknet",
    "TripletNet",
    "TwoStreamFusion",
    "alexnet",
    "darknet_reference",
    "from_darknet",
    "lenet",
    "mdnet",
    "tiny_darknet",
]

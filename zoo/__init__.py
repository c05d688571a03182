"""Classic networks, built through `graph`. Their `preprocess_input` is in each one's module."""

from . import alexnet, lenet, mdnet
from .alexnet import AlexNet
from .cnn_m import CNNM2048
from .lenet import LeNet5
from .mdnet import MDNet
from .siamese_net import SiameseNet
from .triplet_net import TripletNet
from .two_stream import TwoStreamFusion

__all__ = [
    "CNNM2048",
    "AlexNet",
    "LeNet5",
    "MDNet",
    "SiameseNet",
    "TripletNet",
    "TwoStreamFusion",
    "alexnet",
    "lenet",
    "mdnet",
]

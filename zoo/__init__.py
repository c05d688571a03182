"""Classic networks, built through `graph`. Their `preprocess_input` is in each one's module."""

from . import alexnet, lenet
from .alexnet import AlexNet
from .lenet import LeNet5

__all__ = ["AlexNet", "LeNet5", "alexnet", "lenet"]

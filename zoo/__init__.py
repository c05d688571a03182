"""Classic networks, built through `graph`. Their `preprocess_input` is in each one's module."""

from . import alexnet, darknet_reference, lenet, lstm_language_model, mdnet, tiny_darknet
from .alexnet import AlexNet
from .cnn_m import CNNM2048
from .darknet import DarknetCfgError, from_darknet
from .darknet_reference import DarknetReference
from .lenet import LeNet5
from .lstm import LSTM
from .lstm_language_model import LSTMLanguageModel
from .lstm_weights import from_keras_lstm, to_keras_lstm
from .mdnet import MDNet
from .siamese_net import SiameseNet
from .tiny_darknet import TinyDarknet
from .triplet_net import TripletNet
from .two_stream import TwoStreamFusion
from .weights.darknet import DarknetWeightsError

__all__ = [
    "CNNM2048",
    "LSTM",
    "AlexNet",
    "DarknetCfgError",
    "DarknetReference",
    "DarknetWeightsError",
    "LSTMLanguageModel",
    "LeNet5",
    "MDNet",
    "SiameseNet",
    "TinyDarknet",
    "TripletNet",
    "TwoStreamFusion",
    "alexnet",
    "darknet_reference",
    "from_darknet",
    "from_keras_lstm",
    "lenet",
    "lstm_language_model",
    "mdnet",
    "tiny_darknet",
    "to_keras_lstm",
]

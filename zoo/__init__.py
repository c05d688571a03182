"""Classic networks, built through `graph`. Their `preprocess_input` is in each one's module."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import (
        alexnet,
        darknet_reference,
        lenet,
        lstm_language_model,
        mdnet,
        tiny_darknet,
        training,
        weights,
    )
    from .alexnet import AlexNet
    from .card import ModelCard, model_card
    from .cnn_m import CNNM2048
    from .darknet import DarknetCfgError, from_darknet
    from .darknet_reference import DarknetReference
    from .lenet import LeNet5
    from .lstm import LSTM
    from .lstm_language_model import LSTMLanguageModel
    from .lstm_weights import from_keras_lstm, to_keras_lstm
    from .mdnet import MDNet
    from .predictions import decode_predictions
    from .registry import create_model, list_models, register
    from .siamese_net import SiameseNet
    from .tiny_darknet import TinyDarknet
    from .triplet_net import TripletNet
    from .two_stream import TwoStreamFusion
    from .weights import LoadReport, load_weights
    from .weights.darknet import DarknetWeightsError

__all__ = [
    "AlexNet",
    "CNNM2048",
    "DarknetCfgError",
    "DarknetReference",
    "DarknetWeightsError",
    "LSTM",
    "LSTMLanguageModel",
    "LeNet5",
    "LoadReport",
    "MDNet",
    "ModelCard",
    "SiameseNet",
    "TinyDarknet",
    "TripletNet",
    "TwoStreamFusion",
    "alexnet",
    "create_model",
    "darknet_reference",
    "decode_predictions",
    "from_darknet",
    "from_keras_lstm",
    "lenet",
    "list_models",
    "load_weights",
    "lstm_language_model",
    "mdnet",
    "model_card",
    "register",
    "tiny_darknet",
    "to_keras_lstm",
    "training",
    "weights",
]

# Name -> the module that has it. A script that takes one network does not wait for the others.
_MODULES = {
    "AlexNet": "alexnet",
    "CNNM2048": "cnn_m",
    "DarknetCfgError": "darknet",
    "DarknetReference": "darknet_reference",
    "DarknetWeightsError": "weights.darknet",
    "LeNet5": "lenet",
    "LoadReport": "weights",
    "MDNet": "mdnet",
    "SiameseNet": "siamese_net",
    "TinyDarknet": "tiny_darknet",
    "TripletNet": "triplet_net",
    "TwoStreamFusion": "two_stream",
    "from_darknet": "darknet",
    "load_weights": "weights",
    "LSTM": "lstm",
    "LSTMLanguageModel": "lstm_language_model",
    "from_keras_lstm": "lstm_weights",
    "to_keras_lstm": "lstm_weights",
    "create_model": "registry",
    "list_models": "registry",
    "register": "registry",
    "model_card": "card",
    "ModelCard": "card",
    "decode_predictions": "predictions",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(importlib.import_module(f".{_MODULES[name]}", __name__), name)
    elif name in __all__:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The names of the networks: which there are, and how one is made."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

import keras

__all__ = ["Registered", "UnknownModelError", "create_model", "entry", "list_models", "register"]

Builder = Callable[..., keras.Model]


class UnknownModelError(ValueError):
    """No network has the name, or matches the pattern."""


@dataclass(frozen=True)
class Registered:
    """A network by its name.

    Attributes:
        name: As `create_model` takes it.
        builder: What makes it, or ``"module:function"`` of this package, imported when needed.
        defaults: Arguments that it is made with unless others are given.
        reference: The paper or the program that it comes from.
        preprocessing: What its input wants done first, for people.
    """

    name: str
    builder: Builder | str
    defaults: Mapping[str, Any] = field(default_factory=dict)
    reference: str = ""
    preprocessing: str = ""

    def load(self) -> Builder:
        """The builder itself."""
        if not isinstance(self.builder, str):
            return self.builder
        module, _, function = self.builder.partition(":")
        return getattr(importlib.import_module(f".{module}", __package__), function)


_CAFFE = "alexnet.preprocess_input: RGB of 0 to 255 to BGR less ImageNet's mean"
_DARKNET = "{}.preprocess_input: RGB of 0 to 255 divided by 255"
_KRIZHEVSKY = "Krizhevsky et al. 2012, ImageNet classification with deep convolutional networks"
_LECUN = "LeCun et al. 1998, Gradient-based learning applied to document recognition"
_GRAY = "lenet.preprocess_input"
_ENTRIES = (
    Registered("lenet5", "lenet:LeNet5", {}, _LECUN, _GRAY),
    Registered("lenet5_classic", "lenet:LeNet5", {"variant": "classic"}, _LECUN, _GRAY),
    Registered("lenet5_modern", "lenet:LeNet5", {"variant": "modern"}, _LECUN, _GRAY),
    Registered("alexnet", "alexnet:AlexNet", {}, _KRIZHEVSKY, _CAFFE),
    Registered("alexnet_paper", "alexnet:AlexNet", {"variant": "paper"}, _KRIZHEVSKY, _CAFFE),
    Registered(
        "alexnet_torchvision",
        "alexnet:AlexNet",
        {"variant": "torchvision"},
        "Krizhevsky 2014, One weird trick for parallelizing convolutional networks",
        "alexnet.preprocess_input(x, variant='torchvision'): RGB of 0 to 255, ImageNet's mean and "
        "deviation",
    ),
    Registered(
        "cnn_m_2048",
        "cnn_m:CNNM2048",
        {},
        "Chatfield et al. 2014, Return of the devil in the details",
    ),
    Registered(
        "tiny_darknet",
        "tiny_darknet:TinyDarknet",
        {},
        "Redmon, Tiny Darknet, cfg/tiny.cfg of Darknet",
        _DARKNET.format("tiny_darknet"),
    ),
    Registered(
        "tiny_darknet_selfie",
        "tiny_darknet:TinyDarknet",
        {"variant": "selfie"},
        "a score of an image, after Redmon's Tiny Darknet",
        _DARKNET.format("tiny_darknet"),
    ),
    Registered(
        "darknet_reference",
        "darknet_reference:DarknetReference",
        {},
        "Redmon, Darknet reference model, cfg/darknet.cfg of Darknet",
        _DARKNET.format("darknet_reference"),
    ),
    Registered(
        "mdnet",
        "mdnet:MDNet",
        {},
        "Nam & Han 2016, Learning multi-domain convolutional neural networks for visual tracking",
        "mdnet.preprocess_input",
    ),
    Registered(
        "two_stream",
        "two_stream:TwoStreamFusion",
        {},
        "Simonyan & Zisserman 2014, Two-stream convolutional networks for action recognition",
    ),
    Registered(
        "lstm",
        "lstm:LSTM",
        {"input_size": 128, "hidden": 128},
        "Hochreiter & Schmidhuber 1997, Long short-term memory; nngraph's examples",
    ),
    Registered(
        "lstm_language_model",
        "lstm_language_model:LSTMLanguageModel",
        {"vocabulary": 10_000, "hidden": 256, "rho": 35},
        "Element-Research/rnn, examples/recurrent-language-model.lua",
        "integers from 0, one for each token",
    ),
)
_registry: dict[str, Registered] = {entry.name: entry for entry in _ENTRIES}


def register(
    name: str, /, *, reference: str = "", preprocessing: str = "", **defaults: Any
) -> Callable[[Builder], Builder]:
    """Decorate a builder of your own, so that `create_model` and `list_models` know it.

    Args:
        name: The name, in lower case, without spaces.
        reference: The paper or the program that it comes from.
        preprocessing: What its input wants done first, for people.
        **defaults: Arguments that it is made with unless others are given.

    Returns:
        The decorator; it returns the builder as it is.

    Raises:
        ValueError: The name is taken, or is no such name.

    >>> import keras
    >>> @register("one_layer", units=3)
    ... def one_layer(units, name="one_layer"):
    ...     return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)], name=name)
    >>> create_model("one_layer").output_shape
    (None, 3)
    """
    if not name or name != name.lower() or any(c.isspace() or c in "*?[]" for c in name):
        raise ValueError(f"a name is in lower case, without spaces and wildcards, got {name!r}")

    def remember(builder: Builder) -> Builder:
        if name in _registry and _registry[name].builder is not builder:
            raise ValueError(f"there is a model {name!r} already: {_registry[name].load()!r}")
        _registry[name] = Registered(name, builder, defaults, reference, preprocessing)
        return builder

    return remember


def list_models(pattern: str = "*") -> list[str]:
    """The names of the networks that match a pattern, in the order of the alphabet.

    Args:
        pattern: With ``*``, ``?`` and ``[...]`` as of file names; in any case of letters.

    >>> list_models("alex*")
    ['alexnet', 'alexnet_paper', 'alexnet_torchvision']
    """
    return sorted(name for name in _registry if fnmatchcase(name, pattern.lower()))


def entry(name: str) -> Registered:
    """What is registered under a name.

    Raises:
        UnknownModelError: Nothing is, a `ValueError`; the message has the nearest names.
    """
    found = _registry.get(name.lower())
    if found is None:
        near = difflib.get_close_matches(name.lower(), _registry, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {list_models()}"
        raise UnknownModelError(f"no model {name!r}: {hint}")
    return found


def create_model(name: str, /, **arguments: Any) -> keras.Model:
    """Make a network by its name.

    Args:
        name: One of `list_models()`.
        **arguments: Of its builder, such as ``weights``, ``classes``, ``include_top``.

    Returns:
        The model.

    Raises:
        ValueError: There is no such network, or an argument is refused by its builder.
        TypeError: The builder has no such argument.

    >>> create_model("lenet5", classes=26).output_shape
    (None, 26)
    """
    found = entry(name)
    return found.load()(**{**found.defaults, **arguments})

"""A language model of LSTMs: training on whole sequences, generation token by token."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

import graph
from graph import nn
from graph.nn.initial import torch_uniform

from .building import chain
from .stepping import Stepper

__all__ = ["LSTMLanguageModel", "Stepper", "generate"]


def LSTMLanguageModel(
    vocabulary: int,
    hidden: int,
    layers: int = 1,
    rho: int | None = None,
    embedding: int | None = None,
    dropout: float = 0.0,
    *,
    first_token: int = 0,
    name: str = "lstm_language_model",
) -> graph.GModule:
    """What comes next, at every step: LookupTable -> FastLSTM -> Linear -> LogSoftMax.

    Layers: ``from_one lookup_table fast_lstm_1 fast_lstm_2 ... linear log_probabilities``. Each
    ``fast_lstm`` is a kind of `keras.layers.LSTM`, the table a `keras.layers.Embedding`, the
    Linear a `keras.layers.Dense` that runs over all steps at once. Weights start as Torch's do.

    Train it with ``keras.losses.SparseCategoricalCrossentropy(from_logits=True)``: logarithms of
    probabilities are logits whose normalisation is 0. Targets count from 0, as the loss has it.

    Args:
        vocabulary: Number of different tokens.
        hidden: Features of the state of each LSTM.
        layers: How many LSTMs lie on each other. Default: 1.
        rho: Steps of a sequence. Default: None, any number, differing from batch to batch.
        embedding: Length of the vector that stands for a token. Default: None, `hidden`.
        dropout: What part of the output of each LSTM is dropped in training, in ``[0, 1)``.
            Default: 0.
        first_token: The smallest token: 0, as Keras counts, or 1, as Torch does; `from_one` is
            what adds 1 to tokens from 0. Default: 0.
        name: Name of the model.

    Returns:
        A `graph.GModule` from integers ``(batch, rho)`` to logarithms of probabilities
        ``(batch, rho, vocabulary)``, where ``[:, t, k]`` is for the token ``first_token + k`` to
        follow step t.

    Raises:
        ValueError: `layers` is no whole number of at least 1, or `first_token` neither 0 nor 1.
        GraphError: A size is no positive integer or `dropout` out of range; when the model runs
            on TensorFlow, a token is out of range (the message counts it from 1, as Torch does).

    Reference: karpathy/char-rnn; Element-Research/rnn FastLSTM.lua.

    >>> LSTMLanguageModel(20, 8, layers=2).output_shape
    (None, None, 20)
    """
    if isinstance(layers, bool) or not isinstance(layers, int) or layers < 1:
        raise ValueError(
            f"LSTMLanguageModel takes a whole number of at least 1 layers, got {layers!r}"
        )
    if first_token not in (0, 1):
        raise ValueError(f"first_token is 0 (Keras) or 1 (Torch), got {first_token!r}")
    x = graph.Input((rho,), name="tokens", dtype="int32").annotate(first_token=int(first_token))
    size = hidden if embedding is None else embedding
    y = x
    if first_token == 0:
        # Not nn.AddConstant, which computes in Keras's float type: float16 has no 2049.
        y = chain(y, from_one=keras.layers.Rescaling(1, offset=1, dtype="int32"))
    y = chain(y, lookup_table=nn.LookupTable(vocabulary, size))
    for layer in range(1, layers + 1):
        y = chain(y, **{f"fast_lstm_{layer}": nn.FastLSTM(size, hidden)})
        if dropout:
            y = chain(y, **{f"dropout_{layer}": nn.Dropout(dropout)})
        size = hidden
    # Not nn.Linear, which takes one step: a Dense runs over any number of steps at once.
    start = torch_uniform(hidden)
    linear = keras.layers.Dense(vocabulary, kernel_initializer=start, bias_initializer=start)
    y = chain(y, linear=linear, log_probabilities=keras.layers.Activation("log_softmax"))
    return graph.gModule([x], [y], name=name)


def generate(
    model: keras.Model | Stepper,
    prompt: Any,
    steps: int,
    temperature: float = 1.0,
    seed: int | None = None,
) -> np.ndarray:
    """Let a language model go on where `prompt` ends, one token after another.

    ``p(k) ~ exp(log_probability[k] / temperature)``, fed back as the next token.

    Args:
        model: As of `Stepper`, or a Stepper, which is reset and saves compiling anew.
        prompt: At least one token, ``(length,)``, or of several sequences ``(batch, length)``.
        steps: How many tokens to add.
        temperature: 1 draws from the model's own probabilities, less favours likely tokens, 0
            always takes the likeliest. Default: 1.
        seed: Seed of the draws. Default: None, another one each time.

    Returns:
        The tokens that follow the prompt, which is left out, int32: ``(steps,)`` or
        ``(batch, steps)``.

    Raises:
        TypeError: `model` is neither.
        ValueError: `prompt` holds no integers, none at all or one out of range, or is of another
            shape; `steps` is no whole number from 0 up, `temperature` no number from 0 up; or
            `model` cannot be run step by step.
    """
    given = np.asarray(prompt)
    if given.ndim not in (1, 2) or 0 in given.shape or given.dtype.kind not in "iu":
        raise ValueError(
            f"prompt must be integers (length,) or (batch, length), at least one, got "
            f"{given.dtype} of shape {given.shape}"
        )
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
        raise ValueError(f"steps must be a whole number from 0 up, got {steps!r}")
    if not (np.ndim(temperature) == 0 and 0 <= temperature < np.inf):
        raise ValueError(f"temperature must be a number from 0 up, got {temperature!r}")
    rows = np.atleast_2d(given)
    stepper = model if isinstance(model, Stepper) else Stepper(model, len(rows))
    stepper.check(rows)
    stepper.reset()
    random = np.random.default_rng(seed)
    result = np.zeros((len(rows), steps), "int32")
    log_probabilities = np.zeros((len(rows), 1))
    for tokens in rows.T if steps else ():
        log_probabilities = stepper(tokens)
    for step in range(steps):
        drawn = _draw(log_probabilities, temperature, random) + stepper.first_token
        result[:, step] = drawn
        if step + 1 < steps:
            log_probabilities = stepper(drawn)
    return result if given.ndim == 2 else result[0]


def _draw(log_probabilities: Any, temperature: float, random: np.random.Generator) -> np.ndarray:
    scores = np.asarray(log_probabilities, "float64")
    if temperature > 0:
        # The largest of log p plus Gumbel noise is a draw from p, without a sum that overflows.
        scores = (scores - scores.max(-1, keepdims=True)) / temperature
        scores = scores + random.gumbel(size=scores.shape)
    return np.argmax(scores, axis=-1)
